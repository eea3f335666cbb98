"""`keras.random`: random arrays.

An integer as seed gives the same numbers at every call, a `SeedGenerator` the next ones of its stream, and None those
of the process's stream (`keras.utils.set_random_seed`). In a layer's call under `fit` the numbers come from the
step's key. They are drawn by NumPy and JAX, and so are not the numbers of another Keras with the same seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from gatewise import ops
from gatewise.base.absent import absent
from gatewise.base.tensors import as_tensor
from gatewise.base.typing import Array
from gatewise.config import config
from gatewise.ops.dtypes import name_of, tensor
from gatewise.random import SeedGenerator, generator, in_trace

Seed: TypeAlias = "int | SeedGenerator | None"

K: Any = ops  # Its functions come from a table, which type checkers do not see.


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None) -> Array:
    """Normal numbers.

    >>> normal((2, 3), seed=1).shape == (2, 3)
    True
    """
    return _scaled(_standard(shape, seed), mean, stddev, dtype)


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None) -> Array:
    """Normal numbers within two deviations of the mean.

    >>> bool((abs(truncated_normal((1000,), seed=1)) <= 2).all())
    True
    """
    below = 0.022750131948179195  # The chance to lie two deviations below the mean.
    u = _uniform(shape, seed) * (1 - 2 * below) + below
    return _scaled(K.clip(2**0.5 * K.erfinv(2 * u - 1), -2, 2), mean, stddev, dtype)


def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Seed = None) -> Array:
    """Uniform numbers from `minval` up to `maxval`, that one left out.

    Raises:
        ValueError: for an integer dtype, which `randint` draws.

    >>> bool((uniform((100,), 2, 3, seed=1) >= 2).all())
    True
    """
    if "float" not in name_of(dtype):
        raise ValueError(f"random.uniform draws floats, but dtype={name_of(dtype)!r} came: use random.randint.")
    return _scaled(_uniform(shape, seed), minval, maxval - minval, dtype)


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Seed = None) -> Array:
    """Whole numbers from `minval` up to `maxval`, that one left out.

    Raises:
        ValueError: for a floating dtype.

    >>> randint((3,), 5, 6).tolist()
    [5, 5, 5]
    """
    if "int" not in name_of(dtype):
        raise ValueError(f"random.randint draws integers, but dtype={name_of(dtype)!r} came: use random.uniform.")

    def with_jax(key: Any, sizes: tuple[int, ...]) -> Array:
        from jax import random

        return random.randint(key, sizes, minval, maxval, name_of(dtype))

    return _drawn(seed, shape, lambda draw, sizes: draw.integers(minval, maxval, sizes, name_of(dtype)), with_jax)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Seed = None) -> Array:
    """Of each row of logits (B, C) so many ids, (B, num_samples).

    >>> categorical([[0.0, 100.0]], 3).tolist()
    [[1, 1, 1]]
    """
    x = tensor(logits)
    if x.ndim != 2:
        raise ValueError(f"random.categorical takes logits of shape (B, C), but {tuple(x.shape)} came.")
    u = _uniform((x.shape[0], num_samples, x.shape[1]), seed)
    gumbel = -K.log(-K.log(K.maximum(u, np.finfo("float32").tiny)))
    return K.cast(K.argmax(K.add(K.expand_dims(x, 1), gumbel), axis=-1), dtype)


def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> Array:
    """The parts along an axis in a random order.

    >>> sorted(shuffle([3, 1, 2]).tolist())
    [1, 2, 3]
    """
    x = tensor(x)
    order = K.argsort(_uniform((x.shape[axis],), seed))
    return K.take(x, order, axis=axis)


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Seed = None) -> Array:
    """0 with probability `rate`, else `inputs / (1 - rate)`; alike along axes where `noise_shape` is 1.

    >>> sorted(set(dropout(np.ones((100,), "float32"), 0.5, seed=1).tolist()))
    [0.0, 2.0]
    """
    x = tensor(inputs)
    sizes = x.shape if noise_shape is None else _filled(noise_shape, x.shape)
    keep = K.cast(_uniform(sizes, seed) >= rate, name_of(x.dtype))
    return x * keep / (1 - rate)


def gamma(shape: Any, alpha: float, dtype: Any = None, seed: Seed = None) -> Array:
    """Numbers of the gamma distribution with shape parameter `alpha` and scale 1.

    >>> bool((gamma((10,), 2.0, seed=1) > 0).all())
    True
    """
    return K.cast(_gamma(shape, alpha, seed), name_of(dtype))


def beta(shape: Any, alpha: float, beta: float, dtype: Any = None, seed: Seed = None) -> Array:
    """Numbers of the beta distribution: between 0 and 1.

    >>> bool((beta((10,), 2.0, 3.0, seed=1) < 1).all())
    True
    """

    def with_jax(key: Any, sizes: tuple[int, ...]) -> Array:
        from jax import random

        return random.beta(key, alpha, beta, sizes)

    return K.cast(_drawn(seed, shape, lambda draw, sizes: draw.beta(alpha, beta, sizes), with_jax), name_of(dtype))


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Seed = None) -> Array:
    """How often of `counts` times what has `probabilities` comes.

    >>> binomial((2,), 5, 1.0).tolist()
    [5.0, 5.0]
    """

    def with_jax(key: Any, sizes: tuple[int, ...]) -> Array:
        from jax import random

        return random.binomial(key, counts, probabilities, sizes)

    def with_numpy(draw: np.random.Generator, sizes: tuple[int, ...]) -> Array:
        return draw.binomial(np.asarray(counts, "int64"), probabilities, sizes)

    return K.cast(_drawn(seed, shape, with_numpy, with_jax), name_of(dtype))


# -- drawing --------------------------------------------------------------------------------------------------------


def _standard(shape: Any, seed: Seed) -> Array:
    def with_jax(key: Any, sizes: tuple[int, ...]) -> Array:
        from jax import random

        return random.normal(key, sizes)

    return _drawn(seed, shape, lambda draw, sizes: draw.standard_normal(sizes, np.float32), with_jax)


def _uniform(shape: Any, seed: Seed) -> Array:
    def with_jax(key: Any, sizes: tuple[int, ...]) -> Array:
        from jax import random

        return random.uniform(key, sizes)

    return _drawn(seed, shape, lambda draw, sizes: draw.random(sizes, np.float32), with_jax)


def _gamma(shape: Any, alpha: float, seed: Seed) -> Array:
    def with_jax(key: Any, sizes: tuple[int, ...]) -> Array:
        from jax import random

        return random.gamma(key, alpha, sizes)

    return _drawn(seed, shape, lambda draw, sizes: draw.gamma(alpha, 1.0, sizes), with_jax)


def _drawn(
    seed: Seed,
    shape: Any,
    with_numpy: Callable[[np.random.Generator, tuple[int, ...]], Any],
    with_jax: Callable[[Any, tuple[int, ...]], Any],
) -> Array:
    """An array of what `seed` says: of JAX's key in a traced call, of NumPy's generator elsewhere."""
    sizes = tuple(int(size) for size in np.atleast_1d(np.asarray(shape, int)))
    if in_trace():
        return with_jax(_key(seed), sizes)
    with _source(seed) as draw:
        return as_tensor(np.asarray(with_numpy(draw, sizes)))


def _key(seed: Seed) -> Any:
    if isinstance(seed, SeedGenerator) or seed is None:
        return (seed or SeedGenerator()).key()
    import jax

    return jax.random.key(seed)


@contextmanager
def _source(seed: Seed) -> Iterator[np.random.Generator]:
    if not isinstance(seed, SeedGenerator):
        yield generator(seed)
        return
    with seed.drawing() as draw:
        yield draw


def _scaled(standard: Array, mean: float, stddev: float, dtype: Any) -> Array:
    return K.cast(standard * stddev + mean, config.floatx if dtype is None else name_of(dtype))


def _filled(noise_shape: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The noise's shape; None in it is the size of the inputs there."""
    return tuple(size if given is None else int(given) for given, size in zip(noise_shape, shape, strict=True))


__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]
__getattr__ = absent(__name__, "keras.random")
