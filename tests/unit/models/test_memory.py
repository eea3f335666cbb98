"""Predicting again and again must not grow the process."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
import pytest

import gatewise as gw
from gatewise.base import masks
from gatewise.layers import GRU, LSTM, Dense, Embedding, Masking
from gatewise.models import plan

MEGABYTE = 1 << 20
X = np.zeros((1, 2, 3), "float32")


def growth(work: Callable[[], Any], times: int) -> int:
    """By how many bytes the resident memory grows over `times` calls, once the first ones have warmed up."""
    process = psutil.Process()
    for _ in range(times // 20):
        work()
    gc.collect()
    before = process.memory_info().rss
    for _ in range(times):
        work()
    gc.collect()
    return process.memory_info().rss - before


def test_a_hundred_thousand_predicts_of_one_model() -> None:
    model = gw.Sequential([LSTM(4, input_shape=(2, 3))])
    assert growth(lambda: model.predict(X), 100_000) < MEGABYTE
    assert plan.of(model) is not None


@pytest.mark.parametrize("kind", ["masked", "stateful", "functional", "subclass", "call", "changing"])
def test_the_general_way(kind: str) -> None:
    x: Any = X
    model: Any
    if kind == "masked":
        model = gw.Sequential([Embedding(9, 4, mask_zero=True), GRU(3, return_sequences=True), LSTM(2)])
        x = np.array([[1, 2, 0]])
    elif kind == "stateful":
        model = gw.Sequential([LSTM(4, stateful=True, batch_input_shape=(1, 2, 3))])
    elif kind == "functional":
        a, b = gw.Input((2, 3)), gw.Input((2, 3))
        model = gw.Model([a, b], [LSTM(3, return_state=True)(a), Dense(2)(b)])
        x = [X, X]
    elif kind == "subclass":

        class Own(gw.Model):
            def __init__(self) -> None:
                super().__init__()
                self.masking, self.rnn = Masking(), LSTM(2)

            def call(self, inputs: Any) -> Any:
                return self.rnn(self.masking(inputs))

        model = Own()
    else:
        model = gw.Sequential([LSTM(4, input_shape=(2, 3)), Dense(2)])
    work: Callable[[], Any] = lambda: model.predict(x)  # noqa: E731
    if kind == "call":
        work = lambda: model(x, training=False)  # noqa: E731
    elif kind == "changing":
        weights = model.get_weights()

        def work() -> None:
            model.set_weights(weights)
            model.predict(x)

    assert growth(work, 5_000) < MEGABYTE
    assert not masks._masks


def test_a_model_that_is_dropped_is_freed() -> None:
    import weakref

    model = gw.Sequential([LSTM(4, input_shape=(2, 3))])
    model.predict(X)
    kernel = weakref.ref(model.layers[0].kernel)
    del model
    gc.collect()
    assert kernel() is None
