"""A pool among threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from pool_models import counter

import gatewise as gw
from gatewise import layers


@pytest.mark.parametrize("activation", ["linear", "own"])
def test_many_threads(activation: str) -> None:
    model = counter()
    if activation == "own":
        weights = model.get_weights()
        cell = layers.SimpleRNN(1, activation=lambda v: v, use_bias=False, name="sum")
        model = gw.Sequential([gw.Input((None, 1)), cell])
        model.set_weights(weights)
    pool = model.stream_pool(4000)
    pool.add(range(2000))
    turns = 40 if activation == "linear" else 8
    failures: list[BaseException] = []

    def work(k: int) -> None:
        try:
            rng = np.random.default_rng(k)
            own = 2000 + k * 10 + np.arange(10)
            for _ in range(turns):
                pool.push(rng.permutation(2000), np.ones((2000, 1)))
                pool.add(own)
                assert (pool.push(own, np.full((10, 1), 3.0)) == 3).all()
                pool.drop(own)
                assert len(pool) >= 2000
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert (pool.state(range(2000))["sum"]["h"] == 16 * turns).all()
