"""Operators that treat each number by itself, or pairs of them, and those between dtypes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise import activations
from gatewise.base.typing import Array
from gatewise.models.graphs.operators import Step
from gatewise.models.tflite.operators import activation, dtype_numbered, operator, real


def _sigmoid(x: Array) -> Array:
    half = x.dtype.type(0.5)
    return half * np.tanh(half * x) + half


_OF_ONE: Final[dict[str, Callable[[Any], Any]]] = {
    "ABS": np.abs, "NEG": np.negative, "EXP": np.exp, "LOG": np.log, "SQRT": np.sqrt, "SQUARE": np.square,
    "RSQRT": lambda x: 1 / np.sqrt(x), "SIN": np.sin, "COS": np.cos, "FLOOR": np.floor, "CEIL": np.ceil,
    "ROUND": np.rint, "SIGN": np.sign, "TANH": np.tanh, "LOGISTIC": _sigmoid, "RELU": lambda x: np.maximum(x, 0),
    "RELU6": lambda x: np.clip(x, 0, 6), "RELU_N1_TO_1": lambda x: np.clip(x, -1, 1),
    "RELU_0_TO_1": lambda x: np.clip(x, 0, 1), "ELU": lambda x: np.where(x < 0, np.expm1(np.minimum(x, 0)), x),
    "HARD_SWISH": lambda x: x * np.clip(x + 3, 0, 6) / 6,
}  # fmt: skip
_TESTS: Final[dict[str, Callable[..., Any]]] = {
    "EQUAL": np.equal, "NOT_EQUAL": np.not_equal, "LESS": np.less, "LESS_EQUAL": np.less_equal,
    "GREATER": np.greater, "GREATER_EQUAL": np.greater_equal, "LOGICAL_AND": np.logical_and,
    "LOGICAL_OR": np.logical_or, "LOGICAL_NOT": np.logical_not,
}  # fmt: skip


def _divided(one: Array, other: Array) -> Array:
    """Whole numbers are cut off towards zero, as C does it."""
    if one.dtype.kind == "f":
        return np.asarray(one / other)
    return np.asarray((np.sign(one) * np.sign(other) * (np.abs(one) // np.abs(_no_zero(other)))).astype(one.dtype))


def _no_zero(x: Array) -> Array:
    if x.dtype.kind in "iu" and not x.all():
        raise ValueError("a whole number is divided by zero")
    return x


_OF_TWO: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "ADD": np.add, "SUB": np.subtract, "MUL": np.multiply, "DIV": _divided, "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum, "SQUARED_DIFFERENCE": lambda x, y: np.square(x - y), "POW": np.power,
    "FLOOR_DIV": lambda x, y: np.floor_divide(x, _no_zero(y)), "FLOOR_MOD": lambda x, y: np.mod(x, _no_zero(y)),
    "PRELU": lambda x, slope: np.where(x < 0, x * slope, x),
}  # fmt: skip


def _of_one(function: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda step, x: np.asarray(function(x)).astype(x.dtype, copy=False)


def _of_two(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda step, one, other: activation(step)(np.asarray(function(one, other)).astype(one.dtype, copy=False))


def _test(function: Callable[..., Any]) -> Callable[..., Any]:
    """A question; integers of another scale are compared by what they stand for."""
    return lambda step, *given: function(*(real(step, place, x) for place, x in enumerate(given)))


for name, of_one in _OF_ONE.items():
    operator(name)(_of_one(of_one))
for name, of_two in _OF_TWO.items():
    operator(name)(_of_two(of_two))
for name, test in _TESTS.items():
    operator(name)(_test(test))


@operator("ADD_N")
def _add_all(step: Step, *given: Array) -> Any:
    return sum(given[1:], given[0])


@operator("LEAKY_RELU")
def _leaky(step: Step, x: Array) -> Any:
    return np.where(x < 0, x * x.dtype.type(step.get("alpha")), x)


@operator("GELU")
def _gelu(step: Step, x: Array) -> Any:
    return np.asarray(activations.gelu(x, approximate=step.get("approximate"))).astype(x.dtype)


@operator("SELECT", "SELECT_V2")
def _select(step: Step, condition: Array, one: Array, other: Array) -> Any:
    if condition.ndim == 1 and one.ndim > 1 and step.node.operator == "SELECT":
        condition = condition.reshape(-1, *[1] * (one.ndim - 1))  # A row is taken whole.
    return np.where(condition, one, other)


@operator("SOFTMAX")
def _softmax(step: Step, x: Array) -> Any:
    e = np.exp((x - x.max(-1, keepdims=True, initial=-math.inf)) * x.dtype.type(step.get("beta")))
    return e / e.sum(-1, keepdims=True)


@operator("LOG_SOFTMAX")
def _log_softmax(step: Step, x: Array) -> Any:
    x = x - x.max(-1, keepdims=True, initial=-math.inf)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


@operator("L2_NORMALIZATION")
def _of_length_one(step: Step, x: Array) -> Any:
    return activation(step)(x / np.maximum(np.sqrt(np.square(x).sum(-1, keepdims=True)), x.dtype.type(1e-6)))


# -- dtypes -----------------------------------------------------------------------------------------------------------


@operator("CAST", moves=True)
def _cast(step: Step, x: Array) -> Any:
    return x.astype(step.get("output_dtypes")[0] or dtype_numbered(step.get("to")))


@operator("DEQUANTIZE", moves=True)
def _dequantize(step: Step, x: Array) -> Any:
    return real(step, 0, x).astype("f4", copy=False)


@operator("QUANTIZE", moves=True)
def _quantize(step: Step, x: Array) -> Any:
    scale = step.get("output_scales")[0]
    if scale is None:
        raise ValueError("its output has no scale")
    return scale.quantized(real(step, 0, x), step.get("output_dtypes")[0])
