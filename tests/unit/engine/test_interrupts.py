"""Ctrl-C in the middle of a native call: it is heard there, and the call has changed nothing.

Left alone the calls would take many minutes, so a test in which Ctrl-C is not heard does not end.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.engine import _native

UNITS = 160
ENDLESS = {"long": (1, 10**9), "many": (10**5, 10**4)}  # B, T; the inputs are one number, the outputs of the last step


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    handler = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)
    gw.config.threads = 0


@contextmanager
def interrupt_soon() -> Iterator[None]:
    """Sends SIGINT a moment after the start of the block, which it ends with KeyboardInterrupt."""
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    timer.join()


def endless(kind: str) -> np.ndarray:
    return np.broadcast_to(np.float32(0.5), (*ENDLESS[kind], 1))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_call_stops(cell: str, kind: str, threads: int) -> None:
    random = np.random.default_rng(0)
    gates = {"lstm": 4, "gru": 3}[cell]
    weights = {
        "kernel": random.uniform(-1, 1, (1, gates * UNITS)).astype(np.float32),
        "recurrent_kernel": random.uniform(-0.1, 0.1, (UNITS, gates * UNITS)).astype(np.float32),
    }
    layer = _native.Recurrence(cell, weights, "tanh", "sigmoid")
    short = random.uniform(-1, 1, (2, 50, 1)).astype(np.float32)
    gw.config.threads = threads
    before = layer.forward(short, None, None, False, True, False)
    with interrupt_soon():
        layer.forward(endless(kind), None, None, False, False, False)
    for got, wanted in zip(layer.forward(short, None, None, False, True, False), before, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_a_stateful_layer_keeps_its_state() -> None:
    layer = gw.layers.LSTM(UNITS, stateful=True)
    x = np.ones((1, 5, 1), np.float32)
    layer(x)
    before = [np.array(state) for state in layer.states]
    with interrupt_soon():
        layer(endless("long"))
    for got, wanted in zip(layer.states, before, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_a_stream_keeps_its_state() -> None:
    model = gw.Sequential([gw.Input((None, 1)), gw.layers.LSTM(UNITS, return_sequences=True), gw.layers.Dense(1)])
    stream, twin = model.stream(), model.stream()
    x = np.ones((5, 1), np.float32)
    for each in (stream, twin):
        each.push_many(x)
    with interrupt_soon():
        stream.push_many(np.zeros((3 * 10**7, 1), np.float32))
    np.testing.assert_array_equal(stream.push_many(x), twin.push_many(x))


def test_a_handler_that_does_not_raise_lets_the_call_end() -> None:
    calls: list[int] = []

    def remember(number: int, _frame: Any) -> None:
        calls.append(number)

    layer = gw.layers.LSTM(UNITS)
    x = np.broadcast_to(np.float32(0.5), (1, 200_000, 1))
    wanted = layer(x)
    signal.signal(signal.SIGINT, remember)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    got = layer(x)
    timer.join()
    assert calls == [signal.SIGINT]
    np.testing.assert_array_equal(got, wanted)


def test_other_threads_are_not_interrupted() -> None:
    """Python's signals are the main thread's."""
    layer = gw.layers.LSTM(UNITS)
    x = np.broadcast_to(np.float32(0.5), (1, 200_000, 1))
    wanted = layer(x)
    found: queue.Queue[Any] = queue.Queue()
    thread = threading.Thread(target=lambda: found.put(layer(x)))
    thread.start()
    with interrupt_soon():
        threading.Event().wait()
    np.testing.assert_array_equal(found.get(), wanted)
    thread.join()
