"""Streams among threads."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from stream_models import chain, counter

import gatewise as gw
from gatewise import layers


@pytest.mark.parametrize("steps", [1, 4])
def test_many_threads_push_one_stream(steps: int) -> None:
    stream = counter().stream()
    one = np.ones((1, steps, 1), "float32")

    def work() -> None:
        for _ in range(500):
            if steps == 1:
                stream.push(one[0, 0])
            else:
                stream.push_many(one)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stream.push(np.zeros(1, "float32"))[0] == 8 * 500 * steps


def test_many_threads_with_streams_of_their_own_large_enough_to_release_the_lock() -> None:
    model = chain(layers.LSTM(128, return_sequences=True), layers.Dense(3))
    x = np.random.default_rng(0).normal(size=(16, 40, 5)).astype("float32")
    expected = model.stream(16).push_many(x)
    results: list[Any] = [None] * 8

    def work(k: int) -> None:
        stream = model.stream(16)
        results[k] = np.stack([stream.push(x[:, t]) for t in range(40)], axis=1)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    model = chain(layers.LSTM(256, return_sequences=True), layers.Dense(9))
    x = np.random.default_rng(0).normal(size=(64, 6, 5)).astype("float32")
    found = []
    try:
        for threads in (1, 2, 3):
            gw.config.threads = threads
            stream = model.stream(64)
            found.append(np.stack([stream.push(x[:, t]) for t in range(6)], 1))
    finally:
        gw.config.threads = 0
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
