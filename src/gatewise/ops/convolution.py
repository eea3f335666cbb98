"""Convolutions and pools over any number of spatial axes.

Inputs are (B, *S, C), or (B, C, *S) with `data_format="channels_first"`; S are the spatial axes.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gatewise.base.arrays import namespace
from gatewise.ops.declared import Array, op
from gatewise.ops.dtypes import floats, tensor, together

Sizes = tuple[int, ...]


def _each(value: Any, axes: int) -> Sizes:
    return (value,) * axes if isinstance(value, int) else tuple(map(int, value))


def _last(x: Array, data_format: str | None) -> tuple[Array, bool]:
    """The array with its channels last, and whether they were first."""
    first = data_format == "channels_first"
    return (namespace(x).moveaxis(x, 1, -1) if first else x), first


def _ends(sizes: Sizes, spans: Sizes, strides: Sizes, padding: str) -> list[tuple[int, int]]:
    """How much to add before and behind each spatial axis."""
    if padding == "valid":
        return [(0, 0)] * len(sizes)
    if padding == "causal":
        return [(span - 1, 0) for span in spans]
    missing = [
        max((-(-size // stride) - 1) * stride + span - size, 0)
        for size, span, stride in zip(sizes, spans, strides, strict=True)
    ]
    return [(each // 2, each - each // 2) for each in missing]


def _windows(x: np.ndarray, size: Sizes, strides: Sizes, dilation: Sizes) -> np.ndarray:
    """All windows of x (B, *S, C): a view (B, *O, C, *K)."""
    spans = tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))
    axes = tuple(range(1, len(size) + 1))
    view = np.lib.stride_tricks.sliding_window_view(x, spans, axis=axes)
    moved = tuple(slice(None, None, s) for s in strides)
    within = tuple(slice(None, None, d) for d in dilation)
    return view[(slice(None), *moved, slice(None), *within)]


def _convolved(
    x: Array, kernel: Array, strides: Sizes, ends: list[tuple[int, int]], dilation: Sizes, groups: int
) -> Array:
    """X (B, *S, C) with kernel (*K, C / groups, F)."""
    if namespace(x, kernel) is not np:
        from jax import lax

        letters = "DHW"[-len(strides) :]
        numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
        return lax.conv_general_dilated(
            x, kernel, strides, ends, None, dilation, dimension_numbers=numbers, feature_group_count=groups
        )
    axes = len(strides)
    x = np.pad(x, [(0, 0), *ends, (0, 0)])
    windows = _windows(x, kernel.shape[:axes], strides, dilation)
    summed = ([axes + 1, *range(axes + 2, 2 * axes + 2)], [axes, *range(axes)])
    seen, made = kernel.shape[-2], kernel.shape[-1] // groups
    parts = [
        np.tensordot(
            windows[(slice(None),) * (axes + 1) + (slice(k * seen, (k + 1) * seen),)],
            kernel[..., k * made : (k + 1) * made],
            summed,
        )
        for k in range(groups)
    ]
    return parts[0] if groups == 1 else np.concatenate(parts, axis=-1)


@op("nn")
def conv(
    inputs: Array,
    kernel: Array,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Array:
    """A convolution with kernel (*K, C / groups, F); the sizes say how many groups there are."""
    xp, (x, kernel) = together(inputs, kernel, floating=True)
    x, first = _last(x, data_format)
    axes = x.ndim - 2
    strides, dilation = _each(strides, axes), _each(dilation_rate, axes)
    if x.shape[-1] % kernel.shape[-2]:
        raise ValueError(f"ops.conv: {x.shape[-1]} channels are no multiple of the kernel's {kernel.shape[-2]}.")
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel.shape[:axes], dilation, strict=True))
    ends = _ends(x.shape[1:-1], spans, strides, padding)
    y = _convolved(x, kernel, strides, ends, dilation, x.shape[-1] // kernel.shape[-2])
    return xp.moveaxis(y, -1, 1) if first else y


@op("nn")
def depthwise_conv(
    inputs: Array,
    kernel: Array,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Array:
    """Each channel by itself, with kernel (*K, C, M): C * M channels come out."""
    xp, (x, kernel) = together(inputs, kernel, floating=True)
    *size, channels, times = kernel.shape
    kernel = xp.reshape(kernel, (*size, 1, channels * times))
    return conv.__wrapped__(x, kernel, strides, padding, data_format, dilation_rate)  # type: ignore[attr-defined]


@op("nn")
def separable_conv(
    inputs: Array,
    depthwise_kernel: Array,
    pointwise_kernel: Array,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Array:
    """`depthwise_conv`, and then a product of the channels with (1, ..., C * M, F)."""
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format, 1)


@op("nn")
def conv_transpose(
    inputs: Array,
    kernel: Array,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Array:
    """The transpose of a convolution, with kernel (*K, F, C): zeros between the inputs, and the kernel turned."""
    xp, (x, kernel) = together(inputs, kernel, floating=True)
    x, first = _last(x, data_format)
    axes = x.ndim - 2
    strides, dilation = _each(strides, axes), _each(dilation_rate, axes)
    more = (None,) * axes if output_padding is None else _each(output_padding, axes)
    parts = zip(x.shape[1:-1], kernel.shape[:axes], strides, dilation, more, strict=True)
    ends = [_transposed_ends(n, (k - 1) * d + 1, s, padding, extra) for n, k, s, d, extra in parts]
    stuffed = _stuffed(xp, x, strides)
    stuffed, ends = _cropped(stuffed, ends)
    turned = xp.swapaxes(xp.flip(kernel, tuple(range(axes))), -1, -2)
    y = _convolved(stuffed, turned, (1,) * axes, ends, dilation, 1)
    return xp.moveaxis(y, -1, 1) if first else y


def _transposed_ends(size: int, span: int, stride: int, padding: str, extra: int | None) -> tuple[int, int]:
    """What to add to the stuffed input before and behind."""
    if extra is None:
        out = size * stride + max(span - stride, 0) if padding == "valid" else size * stride
        before = max((size - 1) * stride + span - out, 0) // 2
    else:
        before = span // 2 if padding == "same" else 0
        out = (size - 1) * stride + span - 2 * before + extra
    return span - 1 - before, out - ((size - 1) * stride + 1) + before


def _stuffed(xp: Any, x: Array, strides: Sizes) -> Array:
    """X with zeros between the numbers of each spatial axis."""
    for axis, stride in enumerate(strides, 1):
        if stride > 1:
            spread = xp.stack([x, *[xp.zeros_like(x)] * (stride - 1)], axis=axis + 1)
            sizes = (*x.shape[:axis], x.shape[axis] * stride, *x.shape[axis + 1 :])
            x = xp.reshape(spread, sizes)[(slice(None),) * axis + (slice(0, sizes[axis] - stride + 1),)]
    return x


def _cropped(x: Array, ends: list[tuple[int, int]]) -> tuple[Array, list[tuple[int, int]]]:
    """Negative ends are cut off."""
    cut = tuple(
        slice(max(-before, 0), n - max(-after, 0)) for n, (before, after) in zip(x.shape[1:], ends, strict=False)
    )
    return x[(slice(None), *cut)], [(max(before, 0), max(after, 0)) for before, after in ends]


# --- Pools -------------------------------------------------------------------------------------------------------

_EMPTY: Final = {"max": -np.inf, "average": 0.0}


def _pooled(kind: str, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None) -> Array:
    xp, x = floats(inputs)
    x, first = _last(x, data_format)
    axes = x.ndim - 2
    size = _each(pool_size, axes)
    strides = size if strides is None else _each(strides, axes)
    ends = _ends(x.shape[1:-1], size, strides, padding)
    y = _reduced(kind, x, size, strides, ends)
    if kind == "average":
        counted = _reduced(kind, xp.ones((1, *x.shape[1:-1], 1), dtype=x.dtype), size, strides, ends)
        y = y / counted
    return xp.moveaxis(y, -1, 1) if first else y


def _reduced(kind: str, x: Array, size: Sizes, strides: Sizes, ends: list[tuple[int, int]]) -> Array:
    """The largest number, or the sum, of each window."""
    if namespace(x) is not np:
        from jax import lax

        around = ((1, *size, 1), (1, *strides, 1), [(0, 0), *ends, (0, 0)])
        return lax.reduce_window(x, _EMPTY[kind], lax.max if kind == "max" else lax.add, *around)
    x = np.pad(x, [(0, 0), *ends, (0, 0)], constant_values=_EMPTY[kind])
    windows = _windows(x, size, strides, (1,) * len(size))
    over = tuple(range(len(size) + 2, 2 * len(size) + 2))
    return windows.max(axis=over) if kind == "max" else windows.sum(axis=over, dtype=x.dtype)


@op("nn")
def max_pool(
    inputs: Array, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Array:
    """The largest number of each window."""
    return _pooled("max", inputs, pool_size, strides, padding, data_format)


@op("nn")
def average_pool(
    inputs: Array, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Array:
    """The mean of each window; what "same" adds does not count."""
    return _pooled("average", inputs, pool_size, strides, padding, data_format)


@op("nn")
def depth_to_space(x: Array, block_size: int, data_format: str = "channels_last") -> Array:
    """Channels laid out as blocks of two spatial axes."""
    x, first = _last(tensor(x), data_format)
    xp = namespace(x)
    batch, rows, columns, depth = x.shape
    n, left = block_size, depth // block_size**2
    x = xp.reshape(x, (batch, rows, columns, n, n, left))
    x = xp.reshape(xp.transpose(x, (0, 1, 3, 2, 4, 5)), (batch, rows * n, columns * n, left))
    return xp.moveaxis(x, -1, 1) if first else x


@op("nn")
def space_to_depth(x: Array, block_size: int, data_format: str = "channels_last") -> Array:
    """Blocks of two spatial axes laid out as channels."""
    x, first = _last(tensor(x), data_format)
    xp = namespace(x)
    batch, rows, columns, depth = x.shape
    n = block_size
    x = xp.reshape(x, (batch, rows // n, n, columns // n, n, depth))
    x = xp.reshape(xp.transpose(x, (0, 1, 3, 2, 4, 5)), (batch, rows // n, columns // n, depth * n * n))
    return xp.moveaxis(x, -1, 1) if first else x
