"""Operators on numbers that stand for floats: (q - zero point) x scale.

Source: https://onnx.ai/onnx/operators/, and for DynamicQuantizeLSTM ONNX Runtime's list of its own operators
(https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base.typing import Array
from gatewise.models.graphs.operators import Step
from gatewise.models.onnx.operators import MICROSOFT, operator
from gatewise.models.onnx.recurrent import LSTM, run


def _along(values: Array, x: Array, axis: int) -> Array:
    """A scale or zero point for each place of an axis, or one for all."""
    return values.reshape([-1 if k == axis % x.ndim else 1 for k in range(x.ndim)]) if values.size > 1 else values


def _real(q: Array, scale: Array, zero: Array | None, axis: int = 1) -> Array:
    wide = q.astype("i4") if zero is None else q.astype("i4") - _along(zero, q, axis).astype("i4")
    return np.asarray(wide.astype(scale.dtype) * _along(scale, q, axis))


@operator("DequantizeLinear")
def _dequantize(step: Step, q: Array, scale: Array, zero: Array | None = None) -> Any:
    step.refuse_settings(block_size=0)
    return _real(q, scale, zero, step.get("axis", 1))


def _quantized(x: Array, scale: Array, zero: Array) -> Array:
    limits = np.iinfo(zero.dtype)
    return np.clip(np.rint(x / scale) + zero, limits.min, limits.max).astype(zero.dtype)


@operator("QuantizeLinear")
def _quantize(step: Step, x: Array, scale: Array, zero: Array | None = None) -> Any:
    step.refuse_settings(block_size=0)
    zero = np.zeros(1, "u1") if zero is None else zero
    axis = step.get("axis", 1)
    return _quantized(x, _along(scale, x, axis), _along(zero, x, axis))


def _range(x: Array) -> tuple[Array, Array]:
    """The scale and zero point with which 8 bits reach from the smallest number to the largest, and hold 0."""
    low, high = (x.min(initial=0), x.max(initial=0)) if x.size else (np.float32(0), np.float32(0))
    scale = np.float32((high - low) / np.float32(255))
    scale = scale if scale else np.float32(1)
    return np.asarray(scale), np.asarray(np.clip(np.rint(-low / scale), 0, 255).astype("u1"))


@operator("DynamicQuantizeLinear")
def _quantize_by_range(step: Step, x: Array) -> Any:
    scale, zero = _range(x)
    return _quantized(x, scale, zero), scale, zero


def through_8_bits(x: Array) -> Array:
    """What is left of floats when they have been quantised by their range."""
    scale, zero = _range(x)
    return (_quantized(x, scale, zero).astype("f4") - zero) * scale


@operator("MatMulInteger")
def _matmul(step: Step, a: Array, b: Array, zero_a: Array | None = None, zero_b: Array | None = None) -> Any:
    one = a.astype("i4") - (0 if zero_a is None else _along(zero_a, a, -2).astype("i4"))
    other = b.astype("i4") - (0 if zero_b is None else _along(zero_b, b, -1).astype("i4"))
    return np.matmul(one.astype("f8"), other.astype("f8")).astype("i4")  # In floats, which are exact and fast.


@operator("DynamicQuantizeMatMul", domain=MICROSOFT)
def _matmul_by_range(
    step: Step, a: Array, b: Array, scale: Array, zero: Array | None = None, bias: Array | None = None
) -> Any:
    y = through_8_bits(a) @ _real(b, scale, zero, -1)
    return y if bias is None else y + bias


@operator("DynamicQuantizeLSTM", domain=MICROSOFT)
def _lstm(
    step: Step,
    x: Array,
    kernel: Array,
    recurrent: Array,
    bias: Array | None,
    lengths: Array | None,
    h: Array | None,
    c: Array | None,
    peephole: Array | None,
    *facts: Array,
) -> Any:
    """Weights (D, I, 4H) and (D, H, 4H) of 8 bits; inputs and states are quantised by their range, each step anew."""
    if step.kept.get("of") is not kernel or step.kept.get("of_states") is not recurrent:
        made = [_weights(q, *facts[k : k + 2]) for q, k in ((kernel, 0), (recurrent, 2))]
        step.kept.update(of=kernel, of_states=recurrent, real=made)
    w, r = step.kept["real"]
    return run(step, LSTM, x, (w, r, bias, peephole), lengths, (h, c), rounded=through_8_bits)


def _weights(q: Array, scale: Array, zero: Array) -> Array:
    """Floats (D, 4H, I); the scale is one a direction, or one for each of its columns."""
    shape = (len(q), 1, -1)
    real = (q.astype("f4") - zero.reshape(shape).astype("f4")) * scale.reshape(shape)
    return np.ascontiguousarray(real.transpose(0, 2, 1))
