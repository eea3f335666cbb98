"""Convolution over any number of axes, on NumPy's arrays and on JAX's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array


def convolve(
    x: Array, kernel: Array, strides: Sequence[int], ends: Sequence[tuple[int, int]], dilation: Sequence[int]
) -> Array:
    """Each y at n = sum over k of x at (s n + d k), times the kernel at k. (Strictly a cross-correlation.)

    Args:
        x: (B, N, ..., I).
        kernel: (K, ..., I, F), with an axis K for each N.
        strides: s, one an axis.
        ends: how many zeros to add in front and behind, a pair an axis.
        dilation: d, one an axis.

    Returns:
        (B, N', ..., F).

    >>> x = np.arange(5.0).reshape(1, 5, 1)
    >>> convolve(x, np.ones((3, 1, 1)), [1], [(1, 1)], [1])[0, :, 0].tolist()
    [1.0, 3.0, 6.0, 9.0, 7.0]
    """
    if namespace(x, kernel) is np:
        return _by_one_product(x, kernel, strides, ends, dilation)
    from jax import lax
    from jax import numpy as jnp

    rank = x.ndim - 2
    axes = "DHW"[-rank:]
    return lax.conv_general_dilated(
        jnp.asarray(x),
        jnp.asarray(kernel),
        window_strides=tuple(strides),
        padding=list(ends),
        rhs_dilation=tuple(dilation),
        dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
    )


def _by_one_product(
    x: Array, kernel: Array, strides: Sequence[int], ends: Sequence[tuple[int, int]], dilation: Sequence[int]
) -> Array:
    """All windows side by side, (B N', K I), and one product with the kernel."""
    rank = x.ndim - 2
    if any(front or behind for front, behind in ends):
        x = np.pad(x, [(0, 0), *ends, (0, 0)])
    spans = tuple((size - 1) * step + 1 for size, step in zip(kernel.shape, dilation, strict=False))
    spatial = tuple(range(1, rank + 1))
    windows = np.lib.stride_tricks.sliding_window_view(x, spans, axis=spatial)  # (B, N', ..., I, K, ...)
    every = tuple(slice(None, None, step) for step in strides)
    inside = tuple(slice(None, None, step) for step in dilation)
    windows = windows[(slice(None), *every, slice(None), *inside)]
    windows = np.moveaxis(windows, rank + 1, -1)
    outer = windows.shape[: rank + 1]
    flat = windows.reshape(-1, int(np.prod(kernel.shape[:-1])))
    return np.matmul(flat, kernel.reshape(flat.shape[1], -1)).reshape(*outer, kernel.shape[-1])
