"""Operators that treat each number by itself, or pairs of them.

Source: https://onnx.ai/onnx/operators/. Numbers keep their dtype: float32 in, float32 out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any, Final

import numpy as np

from gatewise import activations
from gatewise.base.typing import Array
from gatewise.formats.onnx.writing import DTYPES
from gatewise.models.graphs.operators import Operator, Step
from gatewise.models.onnx.operators import OPERATORS, operator


def _of_one(function: Callable[[Any], Any]) -> Operator:
    return lambda step, x: np.asarray(function(x)).astype(x.dtype, copy=False)


def _test(function: Callable[..., Any]) -> Operator:
    """A question, whose answer is a boolean."""
    return lambda step, *given: function(*given)


def _erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[np.float64])(x) if x.size else x


def _sigmoid(x: Array) -> Array:
    half = x.dtype.type(0.5)
    return half * np.tanh(half * x) + half


def _softplus(x: Array) -> Array:
    return np.logaddexp(x, x.dtype.type(0))


_OF_ONE: Final[dict[str, Callable[[Any], Any]]] = {
    "Abs": np.abs, "Neg": np.negative, "Exp": np.exp, "Log": np.log, "Sqrt": np.sqrt, "Reciprocal": np.reciprocal,
    "Floor": np.floor, "Ceil": np.ceil, "Round": np.round, "Sign": np.sign, "Sin": np.sin, "Cos": np.cos,
    "Tan": np.tan, "Asin": np.arcsin, "Acos": np.arccos, "Atan": np.arctan, "Sinh": np.sinh, "Cosh": np.cosh,
    "Asinh": np.arcsinh, "Acosh": np.arccosh, "Atanh": np.arctanh, "Tanh": np.tanh, "Erf": _erf, "Sigmoid": _sigmoid,
    "Softplus": _softplus, "Softsign": lambda x: x / (1 + np.abs(x)), "Relu": lambda x: np.maximum(x, x.dtype.type(0)),
    "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1), "Mish": lambda x: x * np.tanh(_softplus(x)),
}  # fmt: skip
_TESTS: Final[dict[str, Callable[..., Any]]] = {
    "Equal": np.equal, "Greater": np.greater, "Less": np.less, "GreaterOrEqual": np.greater_equal,
    "LessOrEqual": np.less_equal, "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor,
    "Not": np.logical_not, "IsNaN": np.isnan,
}  # fmt: skip
OPERATORS.update({("", name): _of_one(function) for name, function in _OF_ONE.items()})
OPERATORS.update({("", name): _test(function) for name, function in _TESTS.items()})


# -- several arrays ---------------------------------------------------------------------------------------------------


def _of_two(function: Callable[[Any, Any], Any]) -> Operator:
    def run(step: Step, one: Array, other: Array) -> Any:
        step.refuse_settings(broadcast=0)  # Of sets of operators before 7.
        return function(one, other)

    return run


def _divided(one: Array, other: Array) -> Array:
    """Whole numbers are cut off towards zero, as C does it."""
    if one.dtype.kind not in "iu":
        return np.asarray(one / other)
    if not other.all():
        raise ValueError("a whole number is divided by zero")
    quotient = np.abs(one) // np.abs(other)
    return np.asarray((np.sign(one) * np.sign(other) * quotient).astype(one.dtype))


_OF_TWO: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": _divided,
    "Pow": lambda base, power: np.power(base, power).astype(base.dtype),
    "PRelu": lambda x, slope: np.where(x < 0, x * slope, x),
}  # fmt: skip
OPERATORS.update({("", name): _of_two(function) for name, function in _OF_TWO.items()})


def _of_many(function: Callable[[Any, Any], Any], mean: bool = False) -> Operator:
    def run(step: Step, *given: Array) -> Any:
        found = reduce(function, given)
        return found / found.dtype.type(len(given)) if mean else found

    return run


OPERATORS.update(
    {
        ("", "Sum"): _of_many(np.add),
        ("", "Mean"): _of_many(np.add, mean=True),
        ("", "Max"): _of_many(np.maximum),
        ("", "Min"): _of_many(np.minimum),
    }
)


@operator("Mod")
def _mod(step: Step, one: Array, other: Array) -> Any:
    if one.dtype.kind in "iu" and not other.all():
        raise ValueError("a whole number is divided by zero")
    return np.fmod(one, other) if step.get("fmod", 0) else np.mod(one, other)


@operator("Where")
def _where(step: Step, condition: Array, one: Array, other: Array) -> Any:
    return np.where(condition, one, other)


@operator("Clip")
def _clip(step: Step, x: Array, low: Array | None = None, high: Array | None = None) -> Any:
    low = step.get("min") if low is None else low  # Attributes before version 11.
    high = step.get("max") if high is None else high
    x = x if low is None else np.maximum(x, np.asarray(low, x.dtype))
    return x if high is None else np.minimum(x, np.asarray(high, x.dtype))


@operator("IsInf")
def _is_infinite(step: Step, x: Array) -> Any:
    negative, positive = step.get("detect_negative", 1), step.get("detect_positive", 1)
    return np.isinf(x) & ((x < 0) & bool(negative) | (x > 0) & bool(positive))


@operator("Identity")
def _identity(step: Step, x: Any) -> Any:
    return x


@operator("Dropout")
def _dropout(step: Step, x: Array, ratio: Array | None = None, training: Array | None = None) -> Any:
    if training is not None and training.any():
        raise ValueError("it drops at random, as in training; export the model for inference")
    return (x, np.ones(x.shape, bool))[: len(step.node.outputs)]


# -- activations with parameters --------------------------------------------------------------------------------------


@operator("LeakyRelu")
def _leaky(step: Step, x: Array) -> Any:
    return np.where(x < 0, x * x.dtype.type(step.get("alpha", 0.01)), x)


@operator("ThresholdedRelu")
def _thresholded(step: Step, x: Array) -> Any:
    return np.where(x > step.get("alpha", 1.0), x, x.dtype.type(0))


@operator("Elu")
def _elu(step: Step, x: Array) -> Any:
    return np.where(x < 0, x.dtype.type(step.get("alpha", 1.0)) * np.expm1(np.minimum(x, 0)), x)


@operator("Celu")
def _celu(step: Step, x: Array) -> Any:
    alpha = x.dtype.type(step.get("alpha", 1.0))
    return np.maximum(x, 0) + np.minimum(alpha * np.expm1(np.minimum(x, 0) / alpha), 0)


@operator("Selu")
def _selu(step: Step, x: Array) -> Any:
    alpha, gamma = step.get("alpha", 1.67326319217681884765625), step.get("gamma", 1.05070102214813232421875)
    return (gamma * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))).astype(x.dtype)


@operator("HardSigmoid")
def _hard_sigmoid(step: Step, x: Array) -> Any:
    return np.clip(x * x.dtype.type(step.get("alpha", 0.2)) + x.dtype.type(step.get("beta", 0.5)), 0, 1)


@operator("Gelu")
def _gelu(step: Step, x: Array) -> Any:
    return np.asarray(activations.gelu(x, approximate=step.get("approximate", "none") == "tanh")).astype(x.dtype)


def _softened(step: Step, x: Array, function: Callable[[Array, int], Array]) -> Array:
    """Along one axis; before version 13 along all from the axis on, which was 1 where nothing is said."""
    if step.version >= 13:
        return function(x, step.get("axis", -1))
    axis = step.get("axis", 1)
    axis += x.ndim if axis < 0 else 0
    return function(x.reshape(math.prod(x.shape[:axis]), -1), 1).reshape(x.shape)


def _softmax_along(x: Array, axis: int) -> Array:
    e = np.exp(x - x.max(axis, keepdims=True, initial=-np.inf))
    return np.asarray(e / e.sum(axis, keepdims=True))


def _log_softmax_along(x: Array, axis: int) -> Array:
    x = x - x.max(axis, keepdims=True, initial=-np.inf)
    return np.asarray(x - np.log(np.exp(x).sum(axis, keepdims=True)))


def _hardmax_along(x: Array, axis: int) -> Array:
    places = np.arange(x.shape[axis]).reshape([-1 if k == axis % x.ndim else 1 for k in range(x.ndim)])
    return np.asarray(places == x.argmax(axis, keepdims=True)).astype(x.dtype)


@operator("Softmax")
def _softmax(step: Step, x: Array) -> Any:
    return _softened(step, x, _softmax_along)


@operator("LogSoftmax")
def _log_softmax(step: Step, x: Array) -> Any:
    return _softened(step, x, _log_softmax_along)


@operator("Hardmax")
def _hardmax(step: Step, x: Array) -> Any:
    return _softened(step, x, _hardmax_along)


# -- dtypes -----------------------------------------------------------------------------------------------------------

NAMES: Final = {number: name for name, number in DTYPES.items()}


def dtype_numbered(number: int) -> str:
    """NumPy's name for ONNX's number of a dtype.

    Raises:
        ValueError: for one that is not known.
    """
    if number not in NAMES:
        raise ValueError(f"the dtype {number} is not known here; {', '.join(NAMES.values())} are")
    return NAMES[number]


@operator("Cast")
def _cast(step: Step, x: Array) -> Any:
    return x.astype(dtype_numbered(step.get("to", 1)))


@operator("CastLike")
def _cast_like(step: Step, x: Array, like: Array) -> Any:
    return x.astype(like.dtype)
