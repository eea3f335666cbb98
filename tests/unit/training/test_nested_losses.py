"""Losses nested as the outputs are, and losses of several outputs."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

import gatewise as gw

Pair = namedtuple("Pair", ["first", "second"])


def absolute(y_true, y_pred):
    """The mean error of a structure of outputs, all together."""
    return sum(abs(t - p) for t, p in zip(y_true, y_pred, strict=True)).mean(-1)


def drawn(outputs):
    """A model with three outputs of one input, in the structure that `outputs` makes."""
    x = gw.Input((3,))
    return gw.Model(x, outputs(*(gw.layers.Dense(1, name=f"y{place}")(x) for place in range(3))))


def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 3)).astype("float32"), [rng.normal(size=(8, 1)).astype("float32") for _ in range(3)]


def test_losses_of_parts_and_of_single_outputs():
    model = drawn(lambda a, b, c: {"pair": (a, b), "one": c})
    model.compile("sgd", {"pair": [absolute, (None, "mse")], "one": "mae"})
    x, (a, b, c) = data()
    logs = model.evaluate(x, {"pair": (a, b), "one": c}, verbose=0, return_dict=True)
    (pa, pb), pc = model.predict(x)["pair"], model.predict(x)["one"]
    wanted = {
        "pair_loss": np.mean(abs(a - pa) + abs(b - pb)),
        "pair/y1_loss": np.mean((b - pb) ** 2),
        "one_loss": np.mean(abs(c - pc)),
    }
    assert set(logs) == {"loss", *wanted}
    assert logs["loss"] == pytest.approx(sum(wanted.values()), rel=1e-5)
    assert {name: logs[name] for name in wanted} == pytest.approx(wanted, rel=1e-5)


def test_several_losses_of_the_same_outputs_with_weights():
    model = drawn(lambda a, b, _: Pair(a, b))
    model.compile("sgd", [absolute, Pair("mse", "mae")], loss_weights=[2.0, Pair(0.5, 3.0)])
    x, (a, b, _) = data()
    logs = model.evaluate(x, Pair(a, b), verbose=0, return_dict=True)
    pa, pb = model.predict(x)
    both, first, second = np.mean(abs(a - pa) + abs(b - pb)), np.mean((a - pa) ** 2), np.mean(abs(b - pb))
    assert logs["loss"] == pytest.approx(2 * both + 0.5 * first + 3 * second, rel=1e-5)
    assert logs["y0_y1_loss"] == pytest.approx(both, rel=1e-5)


def test_a_list_in_the_place_of_one_output_holds_several_losses():
    model = drawn(lambda a, b, _: [a, b])
    model.compile("sgd", ["mse", ["mse", "mae"]])
    x, (a, b, _) = data()
    logs = model.evaluate(x, [a, b], verbose=0, return_dict=True)
    pa, pb = model.predict(x)
    wanted = np.mean((a - pa) ** 2) + np.mean((b - pb) ** 2) + np.mean(abs(b - pb))
    assert logs["loss"] == pytest.approx(wanted, rel=1e-5)
    assert set(logs) == {"loss", "y0_loss", "y1_loss"}


@pytest.mark.parametrize("kind", [KeyError, ValueError])
def test_a_loss_of_an_output_that_is_not_there_is_both_kinds_of_error(kind):
    model = drawn(lambda a, b, c: {"pair": (a, b), "one": c})
    model.compile("sgd", {"pair": "mse", "won": "mae"})
    x, (a, b, c) = data()
    with pytest.raises(kind, match="'won'"):
        model.evaluate(x, {"pair": (a, b), "one": c}, verbose=0)


def test_weights_of_another_number_than_the_losses_are_refused():
    model = drawn(lambda a, b, _: [a, b])
    model.compile("sgd", [["mse"], ["mae"]], loss_weights=[1.0, 2.0, 3.0])
    x, (a, b, _) = data()
    with pytest.raises(ValueError, match="3 entries, but there are 2 losses"):
        model.evaluate(x, [a, b], verbose=0)
