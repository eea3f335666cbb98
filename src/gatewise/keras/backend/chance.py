"""Random arrays under Keras 2's names. In a layer's call under `fit` they come from the step's key."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise import ops, random
from gatewise.base.typing import Array
from gatewise.base.variable import Variable, current_scope
from gatewise.config import config
from gatewise.ops.control import traced

K: Any = ops


def _drawn(kind: str, shape: Any, dtype: Any, seed: int | None, like: Any = None) -> Array:
    """Standard normal numbers, or uniform ones in [0, 1)."""
    xp: Any = np
    scope = current_scope()
    if (scope is not None and scope.has_key) or (like is not None and traced(like)):
        from jax import numpy as xp
    seeds = random.SeedGenerator(seed)
    made = getattr(seeds, kind)(xp, tuple(map(int, shape)))
    return K.cast(made, dtype or config.floatx)


def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None
) -> Array:
    """Normal numbers."""
    return _drawn("normal", shape, dtype, seed) * stddev + mean


def random_uniform(
    shape: Any,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: Any = None,
    seed: int | None = None,
    *,
    like: Any = None,
) -> Array:
    """Uniform numbers from `minval` up to `maxval`, that one left out; `like` says whose library they belong to."""
    if dtype is not None and "int" in str(dtype):
        return K.cast(K.floor(_drawn("uniform", shape, None, seed, like) * (maxval - minval) + minval), dtype)
    return _drawn("uniform", shape, dtype, seed, like) * (maxval - minval) + minval


def random_bernoulli(shape: Any, p: float = 0.0, dtype: Any = None, seed: int | None = None) -> Array:
    """1 with probability p, else 0."""
    return K.cast(_drawn("uniform", shape, None, seed) < p, dtype or config.floatx)


def random_binomial(shape: Any, p: float = 0.0, dtype: Any = None, seed: int | None = None) -> Array:
    """1 with probability p, else 0."""
    return random_bernoulli(shape, p, dtype, seed)


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None
) -> Array:
    """Normal numbers within two deviations of the mean."""
    # The normal distribution's quantile of uniform numbers between the two ends' chances.
    low, high = 0.022750131948179195, 0.9772498680518208
    uniform = _drawn("uniform", shape, None, seed) * (high - low) + low
    return K.cast(K.erfinv(2.0 * uniform - 1.0) * (2**0.5 * stddev) + mean, dtype or config.floatx)


def random_normal_variable(
    shape: Any, mean: float, scale: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """A variable of normal numbers."""
    return Variable(np.asarray(random_normal(shape, mean, scale, dtype, seed)), name=name or "variable")


def random_uniform_variable(
    shape: Any, low: float, high: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """A variable of uniform numbers."""
    return Variable(np.asarray(random_uniform(shape, low, high, dtype, seed)), name=name or "variable")
