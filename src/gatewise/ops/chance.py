"""`keras.random`: random arrays under Keras 3's names.

`seed` is an int, which gives the same numbers at each call; a `SeedGenerator`, which goes on; or None, for the next
numbers of the process. In a layer's call under `fit` they come from the step's key. The numbers of a seed are
Gatewise's own: Keras's differ between its backends too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise.base.arrays import namespace, numpy_dtype
from gatewise.base.structure import is_shape
from gatewise.base.tensors import Tensor
from gatewise.base.typing import Array
from gatewise.base.variable import next_key
from gatewise.config import config
from gatewise.ops.dtypes import in_dtype, is_floating, name_of, tensor
from gatewise.random import SeedGenerator, in_trace

Seed = int | SeedGenerator | None

_TWO_DEVIATIONS: Final = 2.0


def _drawn(
    seed: Any, shape: Any, dtype: str, on_numpy: Callable[[Any, Any], Any], on_jax: Callable[[Any, Any, Any], Array]
) -> Array:
    """Numbers of `shape`: `on_numpy(generator, shape)`, or in a traced call `on_jax(jax.random, key, shape)`."""
    sizes = _sizes(shape)
    seeds = seed if isinstance(seed, SeedGenerator) else SeedGenerator(_checked(seed))
    if not in_trace():
        with seeds.drawing() as source:
            return np.asarray(on_numpy(source, sizes)).astype(numpy_dtype(dtype)).view(Tensor)
    import jax

    if isinstance(seed, SeedGenerator) or seed is None:
        key = next_key() if seeds.seed is None else jax.random.fold_in(next_key(), seeds.seed)
    else:
        key = jax.random.key(seeds.seed)
    return in_dtype(on_jax(jax.random, key, sizes), dtype)


def _checked(seed: Any) -> Any:
    if seed is None or (isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)):
        return seed if seed is None else int(seed) % 2**64
    raise ValueError(f"keras.random: seed: expected an int, a SeedGenerator or None, got {seed!r}.")


def _sizes(shape: Any) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in shape) if not isinstance(shape, (int, np.integer)) else (int(shape),)
    if not is_shape(sizes):
        raise ValueError(f"keras.random: shape: expected whole numbers, got {shape!r}.")
    return sizes


def _float(dtype: Any, name: str) -> str:
    found = config.floatx if dtype is None else name_of(dtype)
    if not is_floating(found):
        raise ValueError(f"keras.random.{name}: dtype: expected a floating dtype, got {dtype!r}.")
    return found


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Array:
    """Normal numbers.

    >>> normal((2, 3), seed=1).shape == (2, 3)
    True
    """
    return _drawn(
        seed,
        shape,
        _float(dtype, "normal"),
        lambda source, sizes: source.normal(mean, stddev, sizes),
        lambda jr, key, sizes: jr.normal(key, sizes) * stddev + mean,
    )


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Array:
    """Normal numbers, those beyond two deviations drawn again.

    >>> bool((abs(truncated_normal((1000,), seed=1)) <= 2).all())
    True
    """

    def on_numpy(source: Any, sizes: Any) -> Any:
        made = np.atleast_1d(source.normal(0.0, 1.0, sizes))
        while (far := np.abs(made) > _TWO_DEVIATIONS).any():
            made[far] = source.normal(0.0, 1.0, int(far.sum()))
        return made.reshape(sizes) * stddev + mean

    return _drawn(
        seed,
        shape,
        _float(dtype, "truncated_normal"),
        on_numpy,
        lambda jr, key, sizes: jr.truncated_normal(key, -_TWO_DEVIATIONS, _TWO_DEVIATIONS, sizes) * stddev + mean,
    )


def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Array:
    """Uniform numbers from `minval` up to `maxval`, that one left out.

    Raises:
        ValueError: for a dtype of integers, which `randint` draws.

    >>> bool((uniform((100,), 2.0, 3.0, seed=1) >= 2.0).all())
    True
    """
    return _drawn(
        seed,
        shape,
        _float(dtype, "uniform"),
        lambda source, sizes: source.uniform(minval, maxval, sizes),
        lambda jr, key, sizes: jr.uniform(key, sizes, minval=minval, maxval=maxval),
    )


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Array:
    """Whole numbers from `minval` up to `maxval`, that one left out.

    Raises:
        ValueError: for a dtype that is not of integers.

    >>> randint((3,), 5, 6).tolist()
    [5, 5, 5]
    """
    found = name_of(dtype)
    if "int" not in found:
        raise ValueError(f"keras.random.randint: dtype: expected a dtype of integers, got {dtype!r}.")
    return _drawn(
        seed,
        shape,
        found,
        lambda source, sizes: source.integers(int(minval), int(maxval), sizes),
        lambda jr, key, sizes: jr.randint(key, sizes, minval, maxval),
    )


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Array:
    """Draws of classes: of each row of logits (B, C) so many ids (B, num_samples).

    >>> categorical([[0.0, 100.0]], 3).tolist()
    [[1, 1, 1]]
    """
    x = tensor(logits)
    if len(x.shape) != 2:
        raise ValueError(f"keras.random.categorical takes logits of shape (B, C), but {tuple(x.shape)} came.")
    rows, classes = x.shape

    def winners(noise: Any) -> Any:
        return namespace(x, noise).argmax(x[:, None, :] + noise, axis=-1)

    return _drawn(
        seed,
        (rows, num_samples, classes),
        name_of(dtype),
        lambda source, sizes: winners(source.gumbel(size=sizes)),
        lambda jr, key, sizes: winners(jr.gumbel(key, sizes)),
    )


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Array:
    """How many of `counts` trials succeed, each with `probabilities`.

    >>> binomial((2,), 5.0, 1.0).tolist()
    [5.0, 5.0]
    """
    return _drawn(
        seed,
        shape,
        _float(dtype, "binomial"),
        lambda source, sizes: source.binomial(np.asarray(counts, "int64"), np.asarray(probabilities, "float64"), sizes),
        lambda jr, key, sizes: jr.binomial(key, counts, probabilities, sizes),
    )


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Array:
    """Numbers of the gamma distribution of shape `alpha` and scale 1.

    >>> bool((gamma((9,), 2.0, seed=1) > 0).all())
    True
    """
    return _drawn(
        seed,
        shape,
        _float(dtype, "gamma"),
        lambda source, sizes: source.gamma(np.asarray(alpha), size=sizes),
        lambda jr, key, sizes: jr.gamma(key, alpha, sizes),
    )


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Array:
    """Numbers of the beta distribution, between 0 and 1.

    >>> bool((beta((9,), 2.0, 3.0, seed=1) < 1).all())
    True
    """
    return _drawn(
        seed,
        shape,
        _float(dtype, "beta"),
        lambda source, sizes: source.beta(np.asarray(alpha), np.asarray(beta), sizes),
        lambda jr, key, sizes: jr.beta(key, alpha, beta, sizes),
    )


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Array:
    """The parts along `axis` in a random order.

    >>> sorted(shuffle([3, 1, 2]).tolist())
    [1, 2, 3]
    """
    array = tensor(x)
    order = _drawn(
        seed,
        (array.shape[axis],),
        "int32",
        lambda source, sizes: source.permutation(sizes[0]),
        lambda jr, key, sizes: jr.permutation(key, sizes[0]),
    )
    return namespace(array, order).take(array, order, axis=axis)


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Array:
    """Zeros in place of a share of `rate` of the inputs, the rest divided by what is left of 1.

    Args:
        inputs: an array.
        rate: from 0 to 1.
        noise_shape: the shape of what is drawn, 1 where an axis shares it; None for the inputs'.
        seed: an int, a `SeedGenerator` or None.

    >>> sorted(set(dropout(np.ones(100, "float32"), 0.5, seed=1).tolist()))
    [0.0, 2.0]
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"keras.random.dropout: rate: expected a number from 0 to 1, got {rate!r}.")
    x = tensor(inputs)
    if not rate:
        return x
    sizes = x.shape if noise_shape is None else [n if n is not None else x.shape[i] for i, n in enumerate(noise_shape)]
    kept = uniform(sizes, seed=seed) >= rate
    xp = namespace(x, kept)
    return xp.where(kept, x / (1.0 - rate) if rate < 1 else x, xp.zeros((), x.dtype))
