"""The largest number, or the mean, of windows over any number of axes, on NumPy's arrays and on JAX's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod
from typing import Any, Final, Literal

import numpy as np

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.base.windows import Ends
from gatewise.engine.convolution import places, with_ends

Kind = Literal["max", "average"]

_EMPTY: Final = {"max": -np.inf, "average": 0.0}


def pool(kind: Kind, x: Array, size: Sequence[int], strides: Sequence[int], ends: Ends) -> Array:
    """Each window of x (B, *N, I) as one number; a mean counts only what is not added at the ends.

    >>> pool("average", np.array([[[1.0], [3.0], [8.0]]]), [2], [2], [(0, 1)])[0, :, 0].tolist()
    [2.0, 8.0]
    """
    y = _reduced(kind, x, size, strides, ends)
    if kind == "max":
        return y
    if not any(front or behind for front, behind in ends):
        return y / prod(size)
    real = _reduced(kind, np.ones((1, *x.shape[1:-1], 1), x.dtype), size, strides, ends)
    return y / namespace(x).asarray(real)


def _reduced(kind: Kind, x: Array, size: Sequence[int], strides: Sequence[int], ends: Ends) -> Array:
    """The largest number, or the sum, of each window."""
    if namespace(x) is not np:
        from jax import lax

        around = ((1, *size, 1), (1, *strides, 1), [(0, 0), *ends, (0, 0)])
        return lax.reduce_window(x, _EMPTY[kind], lax.max if kind == "max" else lax.add, *around)
    x = with_ends(x, ends, _EMPTY[kind])
    for axis, (k, s) in enumerate(zip(size, strides, strict=True)):  # A window over several axes is one over each.
        x = _along(np.maximum if kind == "max" else np.add, x, axis, k, s)
    return x


def _along(function: Callable[..., Any], x: np.ndarray, axis: int, size: int, stride: int) -> np.ndarray:
    if size == stride == 1:
        return x
    rank = x.ndim - 2
    window = [1] * rank
    moves = [1] * rank
    window[axis], moves[axis] = size, stride
    found: np.ndarray = reduce(function, (seen for _, seen in places(x, window, moves, [1] * rank)))
    return found


def adaptive_pool(kind: Kind, x: Array, sizes: Sequence[int]) -> Array:
    """As many windows as `sizes` says on each axis of x (B, *N, I), as even as can be.

    The window at i of n goes from i N / n, rounded down, to (i + 1) N / n, rounded up.

    >>> adaptive_pool("max", np.arange(5.0).reshape(1, 5, 1), [2])[0, :, 0].tolist()
    [2.0, 4.0]
    """
    xp = namespace(x)
    for axis, made in enumerate(sizes, 1):
        n = x.shape[axis]
        cuts = [(k * n // made, -(-(k + 1) * n // made)) for k in range(made)]
        seen = [x[(slice(None),) * axis + (slice(*cut),)] for cut in cuts]
        x = xp.stack([(xp.max if kind == "max" else xp.mean)(part, axis=axis) for part in seen], axis=axis)
    return x
