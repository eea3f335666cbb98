"""Many threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.layers import GRU, LSTM, Dense, Embedding

THREADS = 16


def together(work: Callable[[int], Any]) -> list[Any]:
    """What `work` gives for each thread's number, all threads started at one moment."""
    start = threading.Barrier(THREADS)

    def begin(number: int) -> Any:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def models() -> dict[str, tuple[Any, Callable[[Any], np.ndarray]]]:
    def numbers(draw: Any) -> Any:
        return draw.standard_normal((draw.integers(1, 9), draw.integers(1, 20), 3)).astype("float32")

    return {
        "plan": (gw.Sequential([gw.Input((None, 3)), LSTM(20, return_sequences=True), GRU(9)]), numbers),
        "general": (gw.Sequential([gw.Input((None, 3)), LSTM(20, activation=np.tanh), Dense(2)]), numbers),
        "masks": (
            gw.Sequential([Embedding(9, 4, mask_zero=True), LSTM(5), Dense(2)]),
            lambda draw: draw.integers(0, 9, (draw.integers(1, 9), 12)),
        ),
    }


@pytest.mark.parametrize("kind", models())
def test_predictions_at_once_are_those_of_one_after_the_other(kind: str) -> None:
    model, make = models()[kind]
    inputs = [[make(np.random.default_rng([thread, n])) for n in range(25)] for thread in range(THREADS)]
    wanted = [[model.predict(x) for x in each] for each in inputs]
    found = together(lambda number: [model.predict(x) for x in inputs[number]])
    for ours, theirs in zip(found, wanted, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["sequential", "subclass", "layer"])
def test_a_new_model_called_by_all_at_once_is_built_once(kind: str) -> None:
    class Own(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = LSTM(8)

        def call(self, inputs: Any) -> Any:
            return self.rnn(inputs)

    x = np.random.default_rng(0).standard_normal((2, 5, 3)).astype("float32")
    for _ in range(5):
        model: Any = {"sequential": lambda: gw.Sequential([LSTM(8)]), "subclass": Own, "layer": lambda: LSTM(8)}[kind]()
        found = together(lambda _: model(x))  # noqa: B023
        assert len(model.weights) == 3
        for each in found[1:]:
            np.testing.assert_array_equal(each, found[0])


def test_models_of_other_lengths_while_all_predict() -> None:
    model = gw.Sequential([LSTM(8, return_sequences=True), Dense(2)])
    x = np.random.default_rng(0).standard_normal((1, THREADS, 3)).astype("float32")
    found = together(lambda number: model.predict(x[:, : number + 1]))
    for number, each in enumerate(found):
        np.testing.assert_allclose(each, model.predict(x[:, : number + 1]), rtol=0, atol=1e-6)
    assert len(model.weights) == 5


def test_weights_that_change_meanwhile_are_the_old_or_the_new() -> None:
    model = gw.Sequential([LSTM(4, input_shape=(5, 3), use_bias=False)])
    x = np.random.default_rng(0).standard_normal((1, 5, 3)).astype("float32")
    kernel, recurrent = model.get_weights()
    wanted = []
    for factor in (1, 2):
        model.set_weights([factor * kernel, recurrent])
        wanted.append(model.predict(x))

    def work(number: int) -> list[np.ndarray]:
        found = []
        for n in range(50):
            if number == 0:
                model.set_weights([(1 + n % 2) * kernel, recurrent])
            found.append(model.predict(x))
        return found

    for each in together(work):
        for y in each:
            assert any(np.array_equal(y, one) for one in wanted)
    model.set_weights([kernel, recurrent])
    np.testing.assert_array_equal(model.predict(x), wanted[0])


def test_training_flags_and_scopes_stay_in_their_thread() -> None:
    model = gw.Sequential([LSTM(4, dropout=0.9, input_shape=(5, 3))])
    x = np.ones((2, 5, 3), "float32")
    wanted = model.predict(x)

    def work(number: int) -> bool:
        same = []
        for _ in range(20):
            y = model(x, training=bool(number % 2))
            same.append(np.array_equal(y, wanted))
        return all(same) if number % 2 == 0 else not all(same)

    assert all(together(work))


def test_names_are_given_once() -> None:
    found = together(lambda _: [gw.layers.Dense(1).name for _ in range(50)])
    names = [name for each in found for name in each]
    assert len(set(names)) == len(names)
