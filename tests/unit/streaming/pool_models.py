"""Pools, their models, and what the tests of pools share."""

from __future__ import annotations

from typing import Any

import numpy as np
from stream_models import randomised

import gatewise as gw
from gatewise import layers
from gatewise.streaming import StreamPool


def small(activation: Any = "tanh") -> Any:
    return randomised(
        gw.Sequential([gw.Input((None, 3)), layers.LSTM(5, activation=activation, name="it"), layers.Dense(2)])
    )


MODEL = small()
BY_LAYERS = small("silu")


def counter() -> Any:
    """A model whose state is the sum of its inputs."""
    model = gw.Sequential([gw.Input((None, 1)), layers.SimpleRNN(1, activation="linear", use_bias=False, name="sum")])
    model.set_weights([np.ones((1, 1)), np.ones((1, 1))])
    return model


def everything(pool: StreamPool) -> tuple[list[int], dict[str, Any]]:
    ids = sorted(pool.ids().tolist())
    return ids, pool.state(ids)


def filled(model: Any = MODEL, count: int = 50, capacity: int = 60) -> StreamPool:
    pool = model.stream_pool(capacity)
    ids = np.random.default_rng(3).permutation(1000)[:count]
    pool.add(ids)
    pool.push(ids, np.random.default_rng(4).normal(size=(count, 3)))
    return pool
