"""Convolution over any number of axes and its transpose, on NumPy's arrays and on JAX's.

Inputs are (B, *N, I), with N the axes that windows move over; K are those of the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.base.windows import Ends, Spread, span

_BLOCK: Final = 1 << 18
"""Bytes of windows laid out at a time, of the order of an L2 cache.

On one core of a Zen 5, 2026, (32, 66, 66, 16) with 32 filters of 3 x 3 took 16 to 19 ms so, 33 with all windows laid
out, and 19 with a product for each place in the window; 32 filters of 5 x 5 with strides of 2 took 12, 70 and 122.
"""


def convolve(
    x: Array, kernel: Array, strides: Sequence[int], ends: Ends, dilation: Sequence[int], groups: int = 1
) -> Array:
    """Each y at n = sum over k of x at (s n + d k), times the kernel at k. (Strictly a cross-correlation.)

    Args:
        x: (B, *N, I).
        kernel: (*K, I / groups, F), with an axis K for each N.
        strides: s, one an axis.
        ends: how many zeros to add in front and behind, a pair an axis.
        dilation: d, one an axis.
        groups: features and filters are split into so many parts, each part of the filters seeing one of the features.

    Returns:
        (B, *N', F).

    >>> x = np.arange(5.0).reshape(1, 5, 1)
    >>> convolve(x, np.ones((3, 1, 1)), [1], [(1, 1)], [1])[0, :, 0].tolist()
    [1.0, 3.0, 6.0, 9.0, 7.0]
    """
    if namespace(x, kernel) is not np:
        return _on_jax(x, kernel, strides, ends, dilation, groups)
    x = with_ends(x, ends)
    if groups == 1:
        return _in_blocks(x, kernel, strides, dilation)
    if kernel.shape[-2] == 1:
        return _each_alone(x, kernel, strides, dilation)
    parts = zip(np.split(x, groups, axis=-1), np.split(kernel, groups, axis=-1), strict=True)
    return np.concatenate([_in_blocks(*part, strides, dilation) for part in parts], axis=-1)


def _on_jax(
    x: Any, kernel: Any, strides: Sequence[int], ends: Ends, dilation: Sequence[int], groups: int = 1, **spread: Any
) -> Any:
    from jax import lax
    from jax import numpy as jnp

    axes = "DHW"[-len(ends) :]
    return lax.conv_general_dilated(
        jnp.asarray(x),
        jnp.asarray(kernel),
        window_strides=tuple(strides),
        padding=list(ends),
        rhs_dilation=tuple(dilation),
        dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
        feature_group_count=groups,
        **spread,
    )


def with_ends(x: Array, ends: Ends, value: float = 0.0) -> Array:
    """The array with `value` in front of its middle axes and behind them."""
    if not any(front or behind for front, behind in ends):
        return x
    if namespace(x) is not np:
        from jax import numpy as jnp

        return jnp.pad(x, [(0, 0), *ends, (0, 0)], constant_values=value)
    batch, *sizes, features = x.shape
    padded = np.full(
        (batch, *(front + n + behind for n, (front, behind) in zip(sizes, ends, strict=True)), features), value, x.dtype
    )
    padded[(slice(None), *(slice(front, front + n) for n, (front, _) in zip(sizes, ends, strict=True)))] = x
    return padded


def counts(sizes: Sequence[int], size: Sequence[int], strides: Sequence[int], dilation: Sequence[int]) -> list[int]:
    """How many whole windows there are on each axis."""
    parts = zip(sizes, size, strides, dilation, strict=True)
    return [max((n - span(k, d)) // s + 1, 0) for n, k, s, d in parts]


def places(
    x: Array, size: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], Array]]:
    """For each place in a window, that place of all windows: a view (B, *N', I) of x."""
    made = counts(x.shape[1:-1], size, strides, dilation)
    for place in product(*map(range, size)):
        starts = [k * d for k, d in zip(place, dilation, strict=True)]
        reaches = [max((count - 1) * s + 1, 0) for count, s in zip(made, strides, strict=True)]
        parts = zip(starts, reaches, strides, strict=True)
        yield place, x[(slice(None), *(slice(start, start + reach, s) for start, reach, s in parts))]


def _windows(x: np.ndarray, size: Sequence[int], strides: Sequence[int], dilation: Sequence[int]) -> np.ndarray:
    """All windows of x (B, *N, I), as a view (B, *N', *K, I)."""
    batch, *steps, feature = x.strides
    made = counts(x.shape[1:-1], size, strides, dilation)
    moves = [step * s for step, s in zip(steps, strides, strict=True)]
    within = [step * d for step, d in zip(steps, dilation, strict=True)]
    shape = (x.shape[0], *made, *size, x.shape[-1])
    return as_strided(x, shape, (batch, *moves, *within, feature), writeable=False)


def _in_blocks(x: np.ndarray, kernel: np.ndarray, strides: Sequence[int], dilation: Sequence[int]) -> np.ndarray:
    """One product for as many windows as stay in the cache while they are laid out side by side."""
    *size, _, filters = kernel.shape
    windows = _windows(x, size, strides, dilation)
    weights = kernel.reshape(-1, filters)
    batch, first, *rest = windows.shape[: len(size) + 1]
    y = np.empty((batch, first, *rest, filters), np.result_type(x, kernel))
    for part in _parts(batch, first, prod(rest) * len(weights) * x.itemsize):
        np.matmul(windows[part].reshape(-1, len(weights)), weights, out=y[part].reshape(-1, filters))
    return y


def _parts(batch: int, rows: int, row: int) -> Iterator[Any]:
    """Indices that cover all samples and rows, a block each; `row` is how many bytes a row takes."""
    at_once = max(_BLOCK // max(row, 1), 1)
    if at_once >= rows:
        samples = at_once // max(rows, 1)
        yield from (slice(start, start + samples) for start in range(0, batch, samples))
    else:
        firsts = product(range(batch), range(0, rows, at_once))
        yield from ((sample, slice(start, start + at_once)) for sample, start in firsts)


def _each_alone(x: np.ndarray, kernel: np.ndarray, strides: Sequence[int], dilation: Sequence[int]) -> np.ndarray:
    """Groups of one feature: a factor for each place in the window."""
    *size, _, filters = kernel.shape
    factors = kernel.reshape(*size, x.shape[-1], filters // x.shape[-1])
    y: Any = None
    for place, seen in places(x, size, strides, dilation):
        # With one filter a feature, the factors' axis lies last on its own; else each feature meets all of its own.
        term = seen * factors[place][:, 0] if factors.shape[-1] == 1 else seen[..., None] * factors[place]
        if y is None:
            y = term
        else:
            y += term
    made: np.ndarray = y.reshape(*seen.shape[:-1], filters)
    return made


def convolve_depthwise(x: Array, kernel: Array, strides: Sequence[int], ends: Ends, dilation: Sequence[int]) -> Array:
    """Each feature by itself, with M filters of its own: x (B, *N, I) and kernel (*K, I, M) give (B, *N', I M)."""
    *size, features, times = kernel.shape
    kernel = namespace(kernel).reshape(kernel, (*size, 1, features * times))
    return convolve(x, kernel, strides, ends, dilation, features)


def convolve_transposed(x: Array, kernel: Array, spreads: Sequence[Spread]) -> Array:
    """The transpose of a convolution: each x at n, times the kernel at k, is added to y at (s n + d k).

    Args:
        x: (B, *N, I).
        kernel: (*K, F, I).
        spreads: what happens on each axis.

    Returns:
        (B, *N', F), N' as the spreads say.

    >>> x = np.array([[[1.0], [2.0]]])
    >>> convolve_transposed(x, np.ones((3, 1, 1)), [Spread(3, 2, "valid")])[0, :, 0].tolist()
    [1.0, 1.0, 3.0, 2.0, 2.0]
    """
    made: list[Any] = [spread.places(n) for spread, n in zip(spreads, x.shape[1:-1], strict=True)]
    cuts = [spread.cut(n) for spread, n in zip(spreads, x.shape[1:-1], strict=True)]
    xp = namespace(x, kernel)
    if xp is np:
        return _spread_out(x, kernel, spreads, made, cuts)
    axes = tuple(range(len(spreads)))
    turned = xp.swapaxes(xp.flip(xp.asarray(kernel), axes), -1, -2)
    ends = [
        (span(each.size, each.dilation) - 1 - cut, count - (n - 1) * each.stride - 1 + cut)
        for each, n, count, cut in zip(spreads, x.shape[1:-1], made, cuts, strict=True)
    ]
    strides, dilation = [each.stride for each in spreads], [each.dilation for each in spreads]
    return _on_jax(x, turned, [1] * len(spreads), ends, dilation, lhs_dilation=strides)


def _spread_out(x: Array, kernel: Array, spreads: Sequence[Spread], made: list[int], cuts: list[int]) -> np.ndarray:
    """One product gives what each input gives to each place in its window; then these are added up."""
    batch, *sizes, features = x.shape
    *size, filters, _ = kernel.shape
    wholes = [max(each.whole(n), cut + m) for each, n, m, cut in zip(spreads, sizes, made, cuts, strict=True)]
    y = np.zeros((batch, *wholes, filters), np.result_type(x, kernel))
    given = np.matmul(x.reshape(-1, features), kernel.reshape(-1, features).T).reshape(batch, *sizes, *size, filters)
    for place in product(*map(range, size)):
        starts = [k * each.dilation for k, each in zip(place, spreads, strict=True)]
        parts = zip(starts, sizes, spreads, strict=True)
        to = tuple(slice(start, start + (n - 1) * each.stride + 1, each.stride) for start, n, each in parts if n)
        if len(to) == len(sizes):
            y[(slice(None), *to)] += given[(..., *place, slice(None))]
    return y[(slice(None), *(slice(cut, cut + m) for cut, m in zip(cuts, made, strict=True)))]
