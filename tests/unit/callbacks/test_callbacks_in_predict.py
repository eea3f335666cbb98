"""Callbacks of `predict` and `evaluate`: which hooks come, in which order, and with what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.callbacks import Callback

X, Y = np.linspace(-1, 1, 7 * 5 * 3, dtype="float32").reshape(7, 5, 3), np.zeros((7, 1), "float32")


class Noted(Callback):
    """Writes down the hooks of predict and evaluate, with what they are given."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[Any] = []
        self.logs: list[Any] = []

    def on_predict_begin(self, logs: Any = None) -> None:
        self.notes.append("begin")

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.notes.append(("begin", batch))

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self.notes.append(("end", batch))
        self.logs.append(dict(logs))

    def on_predict_end(self, logs: Any = None) -> None:
        self.notes.append("end")
        self.logs.append(dict(logs or {}))

    on_test_begin, on_test_batch_begin = on_predict_begin, on_predict_batch_begin
    on_test_batch_end, on_test_end = on_predict_batch_end, on_predict_end


def model() -> gw.Model:
    return gw.Sequential([gw.Input((None, 3)), gw.layers.LSTM(4), gw.layers.Dense(1)])


def hooks_of(batches: int) -> list[Any]:
    return ["begin", *((when, number) for number in range(batches) for when in ("begin", "end")), "end"]


@pytest.mark.parametrize(
    ("x", "options", "batches"),
    [
        (X, {}, 1),
        (X, {"batch_size": 3}, 3),
        (X, {"batch_size": 3, "steps": 2}, 2),
        ([(X[:4], Y[:4]), (X[4:], Y[4:])].__iter__, {}, 2),
    ],
    ids=["one batch", "several", "some of them", "an iterator"],
)
def test_predict(x: Any, options: Any, batches: int) -> None:
    made, noted = model(), Noted()
    y = made.predict(x() if callable(x) else x, callbacks=[noted], verbose=0, **options)
    assert noted.notes == hooks_of(batches)
    assert noted.model is made
    np.testing.assert_array_equal(np.concatenate([logs["outputs"] for logs in noted.logs[:-1]]), y)


def test_predict_of_sequences() -> None:
    made, noted = model(), Noted()
    y = made.predict([X[0], X[1, :2], X[2]], batch_size=2, callbacks=[noted])
    batches = len(noted.logs) - 1
    assert batches > 1
    assert noted.notes == hooks_of(batches)
    assert sum(len(logs["outputs"]) for logs in noted.logs[:-1]) == len(y) == 3


def test_evaluate() -> None:
    made, noted = model(), Noted()
    made.compile(loss="mse", metrics=["mae"])
    found = made.evaluate(X, Y, batch_size=3, callbacks=[noted], verbose=0)
    assert noted.notes == hooks_of(3)
    assert list(noted.logs[-1].values()) == found
    first = made.evaluate(X[:3], Y[:3], verbose=0)
    assert list(noted.logs[0].values()) == first


def test_an_error_in_a_hook_ends_predict_before_states_move() -> None:
    class Stop(Callback):
        def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch == 1:
                raise RuntimeError("enough")

    made = gw.Sequential([gw.Input((5, 3), batch_size=1), gw.layers.LSTM(4, stateful=True)])
    before = made.predict(X[:1], batch_size=1)
    made.reset_states()
    with pytest.raises(RuntimeError, match="enough"):
        made.predict(X[:2], batch_size=1, callbacks=[Stop()])
    np.testing.assert_array_equal(made.predict(X[:1], batch_size=1), before)
