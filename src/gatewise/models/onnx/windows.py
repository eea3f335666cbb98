"""Operators that move windows over axes: convolutions and poolings.

ONNX has features first, x (B, I, *N); the engine has them last. Source: https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base.typing import Array
from gatewise.engine.convolution import convolve, with_ends
from gatewise.engine.pooling import pool
from gatewise.models.graphs.operators import Step, sized
from gatewise.models.onnx.operators import operator

Pairs = list[tuple[int, int]]


def _ends(step: Step, sizes: tuple[int, ...], window: list[int], strides: list[int], dilations: list[int]) -> Pairs:
    """What is added in front and behind on each axis."""
    auto, rank = step.get("auto_pad", "NOTSET"), len(sizes)
    if auto == "NOTSET":
        ends = step.get("pads") or [0] * (2 * rank)
        return list(zip(ends[:rank], ends[rank:], strict=True))
    if auto == "VALID":
        return [(0, 0)] * rank
    pairs = []
    for n, k, s, d in zip(sizes, window, strides, dilations, strict=True):
        whole = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        less, more = whole // 2, whole - whole // 2
        pairs.append((less, more) if auto == "SAME_UPPER" else (more, less))
    return pairs


def _facts(step: Step, rank: int) -> tuple[list[int], list[int]]:
    strides, dilations = step.get("strides") or [1] * rank, step.get("dilations") or [1] * rank
    if any(each < 1 for each in (*strides, *dilations)) or not len(strides) == len(dilations) == rank:
        raise ValueError(f"strides={strides} and dilations={dilations} do not fit {rank} axes")
    return strides, dilations


@operator("Conv")
def _conv(step: Step, x: Array, kernel: Array, bias: Array | None = None) -> Any:
    rank = x.ndim - 2
    strides, dilations = _facts(step, rank)
    ends = _ends(step, x.shape[2:], list(kernel.shape[2:]), strides, dilations)
    _check_ends(x, ends)
    turned = step.kept.get("kernel")
    if step.kept.get("of") is not kernel:
        turned = np.ascontiguousarray(np.moveaxis(kernel, (0, 1), (-1, -2)))
        step.kept.update(of=kernel, kernel=turned)
    y = convolve(np.moveaxis(x, 1, -1), turned, strides, ends, dilations, step.get("group", 1))
    return np.moveaxis(y if bias is None else y + bias, -1, 1)


def _check_ends(x: Array, ends: Pairs) -> None:
    if any(front < 0 or back < 0 for front, back in ends):
        raise ValueError(f"pads={ends} has a negative number")
    sizes = (n + front + back for n, (front, back) in zip(x.shape[2:], ends, strict=True))
    sized((*x.shape[:2], *sizes), x.dtype)


@operator("ConvTranspose")
def _conv_transposed(step: Step, x: Array, kernel: Array, bias: Array | None = None) -> Any:
    """Each x at n, times the kernel at k, is added to y at (s n + d k); the pads are cut off."""
    rank, groups = x.ndim - 2, step.get("group", 1)
    step.refuse_settings(auto_pad="NOTSET", output_shape=None)
    strides, dilations = _facts(step, rank)
    more = step.get("output_padding") or [0] * rank
    ends = _ends(step, x.shape[2:], list(kernel.shape[2:]), strides, dilations)
    parts = zip(strides, dilations, x.shape[2:], kernel.shape[2:], more, strict=True)
    wholes = [s * (n - 1) + d * (k - 1) + 1 + extra for s, d, n, k, extra in parts]
    y = np.zeros(sized((len(x), groups * kernel.shape[1], *wholes), x.dtype), x.dtype)
    xs, kernels = np.split(x, groups, 1), np.split(kernel, groups, 0)
    for place in np.ndindex(*kernel.shape[2:]):
        made = [
            np.einsum("bi...,io->bo...", part, weights[(slice(None), slice(None), *place)])
            for part, weights in zip(xs, kernels, strict=True)
        ]
        to = tuple(
            slice(k * d, k * d + s * (n - 1) + 1, s)
            for k, d, s, n in zip(place, dilations, strides, x.shape[2:], strict=True)
        )
        y[(slice(None), slice(None), *to)] += np.concatenate(made, 1)
    y = y[(slice(None), slice(None), *(slice(a, n - b) for n, (a, b) in zip(wholes, ends, strict=True)))]
    return y if bias is None else y + bias.reshape(-1, *[1] * rank)


# -- pooling ----------------------------------------------------------------------------------------------------------


def _pooling(step: Step, x: Array) -> tuple[list[int], list[int], Pairs, Pairs]:
    """The window, the strides, what is added at the ends, and that with what ceil_mode adds behind."""
    window = step.get("kernel_shape")
    strides, dilations = _facts(step, x.ndim - 2)
    if any(each != 1 for each in dilations):
        raise ValueError(f"dilations={dilations} are not known here")
    ends = _ends(step, x.shape[2:], window, strides, dilations)
    _check_ends(x, ends)
    wider = []
    for n, k, s, (front, back) in zip(x.shape[2:], window, strides, ends, strict=True):
        more = 0
        if step.get("ceil_mode", 0):
            steps = -(-(n + front + back - k) // s)
            steps -= steps * s >= n + front  # The last window begins in the numbers, or in front of them.
            more = max(steps * s + k - (n + front + back), 0)
        wider.append((front, back + more))
    return window, strides, ends, wider


@operator("MaxPool")
def _max_pool(step: Step, x: Array) -> Any:
    if len(step.node.outputs) > 1:
        raise ValueError("the places of the largest numbers are not given here")
    window, strides, _, ends = _pooling(step, x)
    return np.moveaxis(pool("max", np.moveaxis(x, 1, -1), window, strides, ends), -1, 1)


@operator("AveragePool")
def _average_pool(step: Step, x: Array) -> Any:
    window, strides, ends, wider = _pooling(step, x)
    moved = np.moveaxis(x, 1, -1)
    if step.get("count_include_pad", 0):
        moved = with_ends(moved, ends)
        wider = [(0, b - back) for (_, back), (_, b) in zip(ends, wider, strict=True)]
    return np.moveaxis(pool("average", moved, window, strides, wider), -1, 1)


@operator("GlobalAveragePool")
def _global_average(step: Step, x: Array) -> Any:
    return x.mean(tuple(range(2, x.ndim)), keepdims=True)


@operator("GlobalMaxPool")
def _global_max(step: Step, x: Array) -> Any:
    return x.max(tuple(range(2, x.ndim)), keepdims=True)
