"""Rounding to bfloat16: the upper half of a float32, 8 significant bits."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array


def to_bfloat16(x: Array) -> Array:
    """float32 numbers rounded to the nearest bfloat16, ties to even, and kept as float32.

    NaN stays NaN, and what is beyond the largest bfloat16 becomes infinite. Gradients through JAX pass unchanged, as if
    nothing were rounded: a step function has no others of use.

    >>> to_bfloat16(np.array([1, 1 + 2**-8, 1 + 3 * 2**-8], "float32"))
    array([1.      , 1.      , 1.015625], dtype=float32)
    """
    if namespace(x) is not np:
        return _on_jax()(x)
    bits = np.asarray(x, np.float32).view(np.uint32)
    upper = (bits + (0x7FFF + ((bits >> 16) & 1))) & 0xFFFF0000
    return np.where(np.isnan(x), x, upper.view(np.float32))


@cache
def _on_jax() -> Callable[[Array], Array]:
    import jax

    # XLA may leave out a cast to bfloat16 and back; this it may not.
    rounded = jax.custom_jvp(lambda x: jax.lax.reduce_precision(x, exponent_bits=8, mantissa_bits=7))
    rounded.defjvp(lambda primals, tangents: (rounded(*primals), *tangents))
    return rounded  # type: ignore[no-any-return]
