"""Convolutions and pools over any number of spatial axes.

Inputs are (B, *S, C), or (B, C, *S) with `data_format="channels_first"`; S are the spatial axes.
"""

from __future__ import annotations

from typing import Any

from gatewise.base.arrays import namespace
from gatewise.base.windows import Sizes, Spread, Windows
from gatewise.engine import convolution, pooling
from gatewise.ops.declared import Array, op
from gatewise.ops.dtypes import floats, tensor, together


def _each(value: Any, axes: int) -> Sizes:
    return (value,) * axes if isinstance(value, int) else tuple(map(int, value))


def _last(x: Array, data_format: str | None) -> tuple[Array, bool]:
    """The array with its channels last, and whether they were first."""
    first = data_format == "channels_first"
    return (namespace(x).moveaxis(x, 1, -1) if first else x), first


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
    if x.shape[-1] % kernel.shape[-2]:
        raise ValueError(f"ops.conv: {x.shape[-1]} channels are no multiple of the kernel's {kernel.shape[-2]}.")
    windows = Windows(kernel.shape[:axes], _each(strides, axes), padding, _each(dilation_rate, axes))
    ends = windows.ends(x.shape[1:-1])
    groups = x.shape[-1] // kernel.shape[-2]
    y = convolution.convolve(x, kernel, windows.strides, ends, windows.dilation, groups)
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
    """The transpose of a convolution, with kernel (*K, F, C): each input gives to all places of its window."""
    xp, (x, kernel) = together(inputs, kernel, floating=True)
    x, first = _last(x, data_format)
    axes = x.ndim - 2
    strides, dilation = _each(strides, axes), _each(dilation_rate, axes)
    more = (None,) * axes if output_padding is None else _each(output_padding, axes)
    parts = zip(kernel.shape[:axes], strides, dilation, more, strict=True)
    spreads = [Spread(size, stride, padding, step, extra) for size, stride, step, extra in parts]
    y = convolution.convolve_transposed(x, kernel, spreads)
    return xp.moveaxis(y, -1, 1) if first else y


# --- Pools -------------------------------------------------------------------------------------------------------


def _pooled(
    kind: pooling.Kind, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None
) -> Array:
    xp, x = floats(inputs)
    x, first = _last(x, data_format)
    axes = x.ndim - 2
    size = _each(pool_size, axes)
    windows = Windows(size, size if strides is None else _each(strides, axes), padding, (1,) * axes)
    y = pooling.pool(kind, x, size, windows.strides, windows.ends(x.shape[1:-1]))
    return xp.moveaxis(y, -1, 1) if first else y


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


def _adapted(kind: pooling.Kind, inputs: Any, output_size: Any, data_format: str | None) -> Array:
    xp, x = floats(inputs)
    x, first = _last(x, data_format)
    y = pooling.adaptive_pool(kind, x, _each(output_size, x.ndim - 2))
    return xp.moveaxis(y, -1, 1) if first else y


@op("nn")
def adaptive_max_pool(inputs: Array, output_size: Any, data_format: str | None = None) -> Array:
    """The largest number of each of `output_size` windows, as even as can be."""
    return _adapted("max", inputs, output_size, data_format)


@op("nn")
def adaptive_average_pool(inputs: Array, output_size: Any, data_format: str | None = None) -> Array:
    """The mean of each of `output_size` windows, as even as can be."""
    return _adapted("average", inputs, output_size, data_format)


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
