"""Random arrays under Keras 2's names, drawn as `keras.random` draws them.

Under `fit` a seed does not fix the numbers of every step, as an int does in Keras 3: Keras 2's go on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base.typing import Array
from gatewise.base.variable import Variable
from gatewise.config import config
from gatewise.ops import chance
from gatewise.ops.dtypes import in_dtype
from gatewise.random import SeedGenerator


def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None
) -> Array:
    """Normal numbers."""
    return chance.normal(shape, mean, stddev, dtype, SeedGenerator(seed))


def random_uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: int | None = None
) -> Array:
    """Uniform numbers from `minval` up to `maxval`, that one left out; whole ones for a dtype of integers."""
    if dtype is not None and "int" in str(dtype):
        return chance.randint(shape, int(minval), int(maxval), dtype, SeedGenerator(seed))
    return chance.uniform(shape, minval, maxval, dtype, SeedGenerator(seed))


def random_bernoulli(shape: Any, p: float = 0.0, dtype: Any = None, seed: int | None = None) -> Array:
    """1 with probability p, else 0."""
    drawn = chance.uniform(shape, dtype="float32", seed=SeedGenerator(seed))
    return in_dtype(drawn < p, dtype or config.floatx)


def random_binomial(shape: Any, p: float = 0.0, dtype: Any = None, seed: int | None = None) -> Array:
    """1 with probability p, else 0."""
    return random_bernoulli(shape, p, dtype, seed)


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None
) -> Array:
    """Normal numbers within two deviations of the mean."""
    return chance.truncated_normal(shape, mean, stddev, dtype, SeedGenerator(seed))


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
