"""The short way through a model gives what the general way gives, and is left where it would not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.layers import GRU, LSTM, Dense, Dropout, Embedding, Flatten, Masking, SimpleRNN
from gatewise.models import plan

X = np.random.default_rng(0).standard_normal((4, 6, 3)).astype("float32")


def general(model: Any, x: Any) -> Any:
    """The outputs without a plan."""
    return model.predict(x, batch_size=10**6)


def planned(model: Any) -> bool:
    return plan.of(model) is not None


def check(model: Any, x: Any) -> None:
    found, wanted = model.predict(x), general(model, x)
    found, wanted = (each if isinstance(each, list) else [each] for each in (found, wanted))
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    again = model(x)
    for one, other in zip(again if isinstance(again, list) else [again], wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
@pytest.mark.parametrize("cls", [LSTM, GRU, SimpleRNN])
def test_a_plan_gives_the_same_numbers(cls: Any, dtype: str) -> None:
    x = gw.Input((None, 3))
    h = cls(5, return_sequences=True)(x)
    for model in (
        gw.Model(x, cls(2, go_backwards=True)(h)),
        gw.Model(x, [h, cls(2)(h)]),
        gw.Model(x, cls(5, return_state=True)(h)),
    ):
        check(model, (3 * X).astype(dtype))
        assert planned(model)
        check(model, (3 * X[:, :0]).astype(dtype))
        check(model, (3 * X[:0]).astype(dtype))


def test_no_plan_where_a_mask_can_arise() -> None:
    for model in (
        gw.Sequential([Embedding(9, 4, mask_zero=True, input_length=6), LSTM(3)]),
        gw.Sequential([gw.Input((6, 3)), Masking(), LSTM(3)]),
        gw.Sequential([gw.Input((6, 3)), gw.Sequential([gw.Input((6, 3)), Masking()]), LSTM(3)]),
    ):
        x = np.arange(24).reshape(4, 6) % 3 if len(model.input.shape) == 2 else np.where(X > 0, X, 0)
        check(model, x)
        assert not planned(model)


def test_no_plan_for_a_state_that_moves() -> None:
    model = gw.Sequential([LSTM(3, stateful=True, batch_input_shape=(4, 6, 3))])
    assert not np.allclose(model.predict(X), model.predict(X))
    assert not planned(model)


def test_a_flag_that_is_drawn_is_obeyed() -> None:
    x = gw.Input((6, 3))
    model = gw.Model(x, Dropout(0.5)(x, training=True))
    assert (model.predict(X) == 0).any()


def test_masks_given_to_a_call_are_not_passed_over() -> None:
    model, mask = gw.Sequential([LSTM(3, input_shape=(6, 3))]), np.zeros((4, 6), bool)
    plain = model.predict(X)
    assert planned(model)
    np.testing.assert_array_equal(model(X, mask=mask), 0)
    assert not np.allclose(plain, 0)
    x = Masking(mask_value=9.0)(np.full_like(X, 9.0))
    np.testing.assert_array_equal(model(x), 0)


def test_training_is_not_passed_over() -> None:
    model = gw.Sequential([LSTM(3, dropout=0.9, input_shape=(6, 3))])
    plain = model.predict(X)
    assert not np.allclose(model(X, training=True), plain)
    np.testing.assert_array_equal(model(X), plain)


def test_ids_are_cast_as_the_general_way_casts_them() -> None:
    for dtype in (None, "int32", "int64"):
        x = gw.Input((6,), dtype=dtype)
        ids, embedding = np.arange(24).reshape(4, 6) % 9, Embedding(9, 4)
        for model in (gw.Model(x, embedding(x)), gw.Model(x, [embedding(x), Dense(2)(x)]), gw.Model(x, Flatten()(x))):
            for given in (ids, ids.astype("int8"), ids.astype("float64"), ids + 0.6):
                check(model, given)


def test_the_engine_of_the_reference_has_no_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWISE_ENGINE", "reference")
    model = gw.Sequential([LSTM(3, input_shape=(6, 3))])
    y = model.predict(X)
    assert not planned(model)
    monkeypatch.delenv("GATEWISE_ENGINE")
    twin = gw.Sequential([LSTM(3, input_shape=(6, 3), weights=model.get_weights())])
    np.testing.assert_allclose(twin.predict(X), y, rtol=0, atol=1e-6)
    assert planned(twin)


def test_a_subclass_with_its_own_call_is_asked() -> None:
    class Doubled(gw.Sequential):
        def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
            return 2 * super().call(inputs)

    model = Doubled([LSTM(3, input_shape=(6, 3))])
    y = model.predict(X)
    np.testing.assert_allclose(y, 2 * np.asarray(model.layers[0](X)), rtol=0, atol=1e-6)
    assert not planned(model)


def test_bad_inputs_are_named_as_in_the_general_way() -> None:
    model = gw.Sequential([LSTM(3, input_shape=(6, 3))], name="m")
    model.predict(X)
    for x, words in [
        (X[..., :2], r"'m'.*must have the shape \(None, 6, 3\), got \(4, 6, 2\)"),
        (X[0], "must have 3 axes"),
        (np.full((4, 6, 3), "a"), "must hold numbers"),
        (X.astype(complex), "must hold numbers"),
        (np.array(1.0), "must have 3 axes|same number"),
    ]:
        for use in (model.predict, model):
            with pytest.raises((ValueError, TypeError), match=words):
                use(x)


def test_the_shapes_that_a_plan_remembers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_MOST_TAILS", 3)
    model = gw.Sequential([SimpleRNN(2, input_shape=(None, 1))])
    for steps in range(20):
        assert model.predict(np.zeros((1, steps, 1), "float32")).shape == (1, 2)
    assert planned(model)
    assert len(plan.of(model)._tails) <= 5
