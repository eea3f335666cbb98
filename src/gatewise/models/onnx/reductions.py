"""Operators that sum, count and sort along axes, and products of matrices.

Source: https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise.base.typing import Array
from gatewise.models.graphs.operators import Operator, Step
from gatewise.models.onnx.operators import MICROSOFT, OPERATORS, operator


def _log_sum_exp(x: Array, **how: Any) -> Array:
    most = x.max(**{**how, "keepdims": True})
    most = np.where(np.isfinite(most), most, 0)
    found = np.log(np.exp(x - most).sum(**how))
    return np.asarray(found + most.reshape(found.shape))


_REDUCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "ReduceSum": np.sum,
    "ReduceMean": np.mean,
    "ReduceMax": np.max,
    "ReduceMin": np.min,
    "ReduceProd": np.prod,
    "ReduceL1": lambda x, **how: np.abs(x).sum(**how),
    "ReduceL2": lambda x, **how: np.sqrt((x * x).sum(**how)),
    "ReduceSumSquare": lambda x, **how: (x * x).sum(**how),
    "ReduceLogSum": lambda x, **how: np.log(x.sum(**how)),
    "ReduceLogSumExp": _log_sum_exp,
}


def _reduction(function: Callable[..., Any]) -> Operator:
    def run(step: Step, x: Array, axes: Array | None = None) -> Any:
        chosen = step.axes(axes)
        if not chosen and step.get("noop_with_empty_axes", 0):
            return x
        found = function(x, axis=tuple(chosen) if chosen else None, keepdims=bool(step.get("keepdims", 1)))
        return np.asarray(found).astype(x.dtype, copy=False)

    return run


OPERATORS.update({("", name): _reduction(function) for name, function in _REDUCTIONS.items()})


def _place_of(find: Callable[..., Any]) -> Operator:
    def run(step: Step, x: Array) -> Any:
        axis, keep = step.get("axis", 0), bool(step.get("keepdims", 1))
        if not step.get("select_last_index", 0):
            return np.asarray(find(x, axis=axis, keepdims=keep)).astype("i8")
        found = x.shape[axis] - 1 - find(np.flip(x, axis), axis=axis, keepdims=keep)
        return np.asarray(found).astype("i8")

    return run


OPERATORS.update({("", "ArgMax"): _place_of(np.argmax), ("", "ArgMin"): _place_of(np.argmin)})


@operator("CumSum")
def _cumulated(step: Step, x: Array, axis: Array) -> Any:
    along = int(axis.item())
    turned = np.flip(x, along) if step.get("reverse", 0) else x
    found = np.cumsum(turned, along, dtype=x.dtype)
    if step.get("exclusive", 0):
        found = found - turned
    return np.flip(found, along) if step.get("reverse", 0) else found


@operator("TopK")
def _top(step: Step, x: Array, count: Array | None = None) -> Any:
    axis, k = step.get("axis", -1), step.get("k") if count is None else int(count.item())
    if not 0 <= k <= x.shape[axis]:
        raise ValueError(f"there are no {k} of {x.shape[axis]}")
    order = np.argsort(-x if step.get("largest", 1) else x, axis, kind="stable")
    places = np.take(order, range(k), axis)
    return np.take_along_axis(x, places, axis), places.astype("i8")


# -- products ---------------------------------------------------------------------------------------------------------


@operator("MatMul")
def _matmul(step: Step, one: Array, other: Array) -> Any:
    return np.matmul(one, other)


@operator("FusedMatMul", domain=MICROSOFT)
def _fused_matmul(step: Step, one: Array, other: Array) -> Any:
    step.refuse_settings(transBatchA=0, transBatchB=0)
    one = np.swapaxes(one, -1, -2) if step.get("transA", 0) else one
    other = np.swapaxes(other, -1, -2) if step.get("transB", 0) else other
    return one.dtype.type(step.get("alpha", 1.0)) * np.matmul(one, other)


@operator("Gemm")
def _gemm(step: Step, one: Array, other: Array, offset: Array | None = None) -> Any:
    one = one.T if step.get("transA", 0) else one
    other = other.T if step.get("transB", 0) else other
    found = one @ other
    if step.get("alpha", 1.0) != 1.0:
        found = found * one.dtype.type(step.get("alpha"))
    if offset is None:
        return found
    return found + (offset if step.get("beta", 1.0) == 1.0 else offset * one.dtype.type(step.get("beta")))


@operator("Einsum")
def _einsum(step: Step, *given: Array) -> Any:
    return np.einsum(step.get("equation"), *given)


# -- normalisation ----------------------------------------------------------------------------------------------------


@operator("BatchNormalization")
def _batch_norm(step: Step, x: Array, scale: Array, offset: Array, mean: Array, variance: Array) -> Any:
    step.refuse_settings(training_mode=0)
    factor = scale / np.sqrt(variance + x.dtype.type(step.get("epsilon", 1e-5)))
    shape = (-1, *[1] * (x.ndim - 2))
    return x * factor.reshape(shape) + (offset - mean * factor).reshape(shape)


def _normalized(step: Step, x: Array, axes: tuple[int, ...]) -> Array:
    centred = x - x.mean(axes, keepdims=True)
    variance = (centred * centred).mean(axes, keepdims=True)
    return np.asarray(centred / np.sqrt(variance + x.dtype.type(step.get("epsilon", 1e-5))))


@operator("LayerNormalization")
def _layer_norm(step: Step, x: Array, scale: Array, offset: Array | None = None) -> Any:
    found = _normalized(step, x, tuple(range(step.get("axis", -1) % x.ndim, x.ndim))) * scale
    return found if offset is None else found + offset


@operator("InstanceNormalization")
def _instance_norm(step: Step, x: Array, scale: Array, offset: Array) -> Any:
    shape = (-1, *[1] * (x.ndim - 2))
    return _normalized(step, x, tuple(range(2, x.ndim))) * scale.reshape(shape) + offset.reshape(shape)


@operator("LpNormalization")
def _lp_norm(step: Step, x: Array) -> Any:
    order = step.get("p", 2)
    size = np.abs(x) if order == 1 else x * x
    total = size.sum(step.get("axis", -1), keepdims=True)
    return x / np.where(total == 0, 1, total if order == 1 else np.sqrt(total)).astype(x.dtype)
