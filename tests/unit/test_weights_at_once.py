"""Weights that one thread sets while another computes: every answer is of one set of weights, old or new."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.base.variable import Variable, all_or_nothing, commit

L = gw.layers
X = np.linspace(-1, 1, 24, dtype="float32").reshape(2, 4, 3)


def in_a_thread(work: Callable[[], Any]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


class Meddler:
    """An activation that, in the middle of a call, has another thread set a model's weights, once."""

    def __init__(self) -> None:
        self.work: Callable[[], Any] | None = None

    def __call__(self, x: Any) -> Any:
        if self.work is not None:
            work, self.work = self.work, None
            in_a_thread(work)
        return x


def sets_of(model: Any) -> list[list[Any]]:
    return [[np.full(w.shape, value, "float32") for w in model.get_weights()] for value in (0.1, 0.3)]


def meddled(*before: Any) -> tuple[Any, Meddler]:
    """A model with weights before and after the moment at which its weights are set."""
    meddler = Meddler()
    model = gw.Sequential(
        [
            gw.Input((4, 3)),
            *before,
            L.SimpleRNN(3, return_sequences=True),
            L.Activation(meddler),
            L.Dense(2),
            L.SimpleRNN(2),
        ]
    )
    return model, meddler


CALLS: dict[str, Callable[[Any], Any]] = {
    "predict": lambda model: model.predict(X),
    "predict in batches": lambda model: model.predict(X, batch_size=1),
    "predict from an iterator": lambda model: model.predict(iter([X])),
    "predict sequences": lambda model: model.predict([X[0], X[1, :2]])[:1],
    "predict_on_batch": lambda model: model.predict_on_batch(X),
    "call": lambda model: model(X),
    "trace": lambda model: model.trace(X).output,
}


@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
@pytest.mark.parametrize("name", CALLS)
def test_a_call_computes_with_one_set_of_weights(name: str, masked: bool) -> None:
    if name == "predict sequences":
        model, meddler = meddled_of_any_length(masked)
    else:
        model, meddler = meddled(*([L.Masking(5.0)] if masked else []))
    call, (old, new) = CALLS[name], sets_of(model)
    model.set_weights(new)
    said_new = call(model)
    model.set_weights(old)
    said_old = call(model)
    assert not np.array_equal(said_old, said_new)
    meddler.work = lambda: model.set_weights(new)
    said = call(model)
    assert meddler.work is None
    assert np.array_equal(said, said_old) or np.array_equal(said, said_new)
    np.testing.assert_array_equal(call(model), said_new)


def meddled_of_any_length(masked: bool) -> tuple[Any, Meddler]:
    meddler = Meddler()
    model = gw.Sequential(
        [
            gw.Input((None, 3)),
            *([L.Masking(5.0)] if masked else []),
            L.SimpleRNN(3, return_sequences=True),
            L.Activation(meddler),
            L.SimpleRNN(2),
        ]
    )
    return model, meddler


def test_a_layer_that_works_step_by_step_keeps_the_weights_of_its_stream() -> None:
    meddler = Meddler()
    model = gw.Sequential(
        [gw.Input((None, 3)), L.SimpleRNN(3, return_sequences=True), L.Activation(meddler), L.Dense(2)]
    )
    old, new = sets_of(model)
    model.set_weights(old)
    stream, wanted = model.stream(2), model.predict(X)
    assert not stream.native
    model.set_weights(new)
    np.testing.assert_allclose(stream.push_many(X), wanted, atol=1e-6)
    stream.reset()
    stream.update()
    np.testing.assert_allclose(stream.push_many(X), model.predict(X), atol=1e-6)


def test_many_threads() -> None:
    """Predictions, calls and new streams of one model, whose weights change all the time."""
    model = gw.Sequential([gw.Input((None, 3)), L.SimpleRNN(6, return_sequences=True), L.Dense(28)])
    sets = sets_of(model)
    ways: list[Callable[[], Any]] = [
        lambda: model.predict(X),
        lambda: np.asarray(model(X)),
        lambda: model.stream(2).push_many(X),
    ]
    right: list[list[Any]] = []
    for weights in sets:
        model.set_weights(weights)
        right.append([way() for way in ways])
    wrong: list[int] = []
    done = threading.Event()

    def ask(place: int) -> None:
        answers, rounds = [each[place] for each in right], 0
        while not done.is_set() or rounds < 5:
            found, rounds = ways[place](), rounds + 1
            if not any(np.array_equal(found, answer) for answer in answers):
                wrong.append(place)

    askers = [threading.Thread(target=ask, args=[place]) for place in range(len(ways))]
    for each in askers:
        each.start()
    for k in range(100):
        model.set_weights(sets[k % 2])
        held = model.get_weights()
        assert len({float(w.flat[0]) for w in held}) == 1
    done.set()
    for each in askers:
        each.join()
    assert wrong == []


def test_a_stream_is_updated_between_pushes() -> None:
    """The state that a push left stays, and each push is of one set of weights."""
    layer = L.SimpleRNN(1, activation="linear", use_bias=False)
    model = gw.Sequential([gw.Input((None, 1)), layer])
    one = [np.ones((1, 1), "float32"), np.ones((1, 1), "float32")]
    model.set_weights(one)
    stream = model.stream()
    pushes = 400

    def push() -> None:
        for _ in range(pushes):
            stream.push(np.ones(1, "float32"))

    thread = threading.Thread(target=push)
    thread.start()
    for _ in range(100):
        model.set_weights(one)
        stream.update()
    thread.join()
    assert stream.state[layer.name]["h"] == pushes


def test_values_are_replaced_together_and_stay_for_who_began_before() -> None:
    pair = [Variable(np.zeros(2, "float32"), name=name) for name in "ab"]
    with all_or_nothing():
        in_a_thread(lambda: commit((v, np.ones(2)) for v in pair))
        assert [v.value.sum() for v in pair] == [0, 0]
        pair[0].assign(np.full(2, 3.0))
        in_a_thread(lambda: commit((v, np.full(2, 2.0)) for v in pair))
        assert [v.value.sum() for v in pair] == [6, 0]
    assert [v.value.sum() for v in pair] == [6, 4]
