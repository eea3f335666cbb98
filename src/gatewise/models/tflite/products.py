"""Operators that multiply by weights: FULLY_CONNECTED, convolutions, products of matrices; and poolings, their kin.

Images are (B, H, W, I). Weights of 8 bits beside floats are taken as TFLite's hybrid kernels do it: what they multiply
becomes 8 bits too, each row by its own range.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gatewise.base.typing import Array
from gatewise.engine.convolution import convolve
from gatewise.engine.pooling import pool
from gatewise.models.graphs.operators import Step, sized
from gatewise.models.tflite.operators import activation, operator, real, rounder

_PADDINGS: Final = {0: "SAME", 1: "VALID"}


@operator("FULLY_CONNECTED")
def _fully_connected(step: Step, x: Array, kernel: Array, bias: Array | None = None) -> Any:
    """Of x (..., I) and a kernel (O, I)."""
    if step.get("format"):
        raise ValueError(f"the weights' format {step.get('format')} is not known here; 0 is")
    rows = x.reshape(-1, kernel.shape[1])
    y = rounder(step, kernel)(rows) @ real(step, 1, kernel).T
    y = y if bias is None else y + bias
    shape = (*x.shape[:-1], -1) if step.get("keeps_axes") else (len(rows), -1)
    return activation(step)(y.reshape(shape))


@operator("BATCH_MATMUL")
def _matmul(step: Step, x: Array, y: Array) -> Any:
    one = np.swapaxes(x, -1, -2) if step.get("turned_x") else x
    other = real(step, 1, y)
    return rounder(step, y)(one) @ (np.swapaxes(other, -1, -2) if step.get("turned_y") else other)


def _ends(step: Step, x: Array, window: Any, strides: Any, dilations: Any) -> list[tuple[int, int]]:
    """What is added in front and behind on both axes."""
    sizes = x.shape[1:3]
    padding = _PADDINGS.get(step.get("padding"))
    if padding is None or min(*strides, *dilations) < 1:
        raise ValueError(f"the padding {step.get('padding')} with strides {strides} and dilations {dilations}")
    if any(k > 2 * n for k, n in zip(window, sizes, strict=True)):
        raise ValueError(f"the window {list(window)} is more than twice as wide as what it moves over")
    if padding == "VALID":
        return [(0, 0)] * len(window)
    pairs = []
    for n, k, s, d in zip(sizes, window, strides, dilations, strict=True):
        whole = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        pairs.append((whole // 2, whole - whole // 2))
    sized((len(x), *(n + sum(pair) for n, pair in zip(sizes, pairs, strict=True)), x.shape[3]), x.dtype)
    return pairs


def _convolved(step: Step, x: Array, kernel: Array, given: Array, bias: Array | None) -> Any:
    """The kernel, (K, L, I / groups, O), is made of the weights that were given."""
    strides = [step.get("stride_h"), step.get("stride_w")]
    dilations = [step.get("dilation_h"), step.get("dilation_w")]
    ends = _ends(step, x, kernel.shape[:2], strides, dilations)
    if x.shape[-1] % kernel.shape[2]:
        raise ValueError(f"{x.shape[-1]} features are no multiple of the kernel's {kernel.shape[2]}")
    rounded = rounder(step, given, asymmetric=True)(x.reshape(len(x), -1)).reshape(x.shape)
    y = convolve(rounded, kernel, strides, ends, dilations, x.shape[-1] // kernel.shape[2])
    return activation(step)(y if bias is None else y + bias)


@operator("CONV_2D")
def _conv(step: Step, x: Array, kernel: Array, bias: Array | None = None) -> Any:
    """The kernel is (O, K, L, I)."""
    return _convolved(step, x, np.moveaxis(real(step, 1, kernel), 0, -1), kernel, bias)


@operator("DEPTHWISE_CONV_2D")
def _depthwise(step: Step, x: Array, kernel: Array, bias: Array | None = None) -> Any:
    """The kernel is (1, K, L, O)."""
    return _convolved(step, x, real(step, 1, kernel)[0][:, :, None], kernel, bias)


@operator("MAX_POOL_2D")
def _max_pool(step: Step, x: Array) -> Any:
    return _pooled(step, x, "max")


@operator("AVERAGE_POOL_2D")
def _average_pool(step: Step, x: Array) -> Any:
    return _pooled(step, x, "average")


def _pooled(step: Step, x: Array, kind: Any) -> Any:
    window = [step.get("height"), step.get("width")]
    strides = [step.get("stride_h"), step.get("stride_w")]
    if min(window) < 1:
        raise ValueError(f"the window {window} is none")
    return activation(step)(pool(kind, x, window, strides, _ends(step, x, window, strides, [1, 1])))
