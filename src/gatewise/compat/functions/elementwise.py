"""Functions of each number by itself: `tf.exp`, `tf.add`, `tf.where`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from gatewise.base.arrays import namespace
from gatewise.base.tensors import divide, matched
from gatewise.base.typing import Array
from gatewise.compat.functions.calling import array, floating, offered, pair

_IN_MATH_ALONE = frozenset(
    ("expm1", "log1p", "log", "ceil", "rsqrt", "reciprocal", "log_sigmoid", "softplus", "is_nan", "is_inf", "is_finite",
     "erf", "floordiv", "floormod", "mod", "atan2", "logical_xor"),
)  # fmt: skip
"""What TensorFlow 2 has in `tf.math` and not at the top."""


def _offer(name: str, function: Callable[..., Any]) -> None:
    offered(f"math.{name}", *([] if name in _IN_MATH_ALONE else [name]))(function)


def _of_library(name: str) -> Callable[..., Any]:
    """The function that NumPy and JAX have under that name."""
    return lambda xp, *operands: getattr(xp, name)(*operands)


def _of_python(name: str) -> Callable[..., Any]:
    """An operator of Python."""
    function = getattr(operator, name)
    return lambda xp, *operands: function(*operands)


def _of_one(name: str, function: Callable[[Any, Array], Any], *, floats: bool = True) -> None:
    """A function of one array; `function` gets the array's library and the array."""

    def apply(x: Any) -> Array:
        found = floating(x, name) if floats else array(x)
        with np.errstate(all="ignore"):
            return function(namespace(found), found)

    apply.__name__ = name
    _offer(name, apply)


def _sigmoid(xp: Any, x: Array) -> Array:
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1 / (1 + small), small / (1 + small))


for _name in ("exp", "expm1", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh"):
    _of_one(_name, _of_library(_name))
for _name in ("asinh", "acosh", "atanh", "log", "floor", "ceil"):
    _of_one(_name, _of_library(_name))
for _name in ("abs", "square", "sign"):
    _of_one(_name, _of_library(_name), floats=False)
_of_one("round", lambda xp, x: x if x.dtype.kind in "iu" else xp.round(x), floats=False)
_of_one("negative", lambda xp, x: -x, floats=False)
_of_one("rsqrt", lambda xp, x: 1 / xp.sqrt(x))
_of_one("reciprocal", lambda xp, x: 1 / x)
_of_one("sigmoid", _sigmoid)
_of_one("log_sigmoid", lambda xp, x: -xp.logaddexp(xp.zeros_like(x), -x))
_of_one("softplus", lambda xp, x: xp.logaddexp(x, xp.zeros_like(x)))
_of_one("is_nan", lambda xp, x: xp.isnan(x))
_of_one("is_inf", lambda xp, x: xp.isinf(x))
_of_one("is_finite", lambda xp, x: xp.isfinite(x))
_of_one("logical_not", lambda xp, x: xp.logical_not(x), floats=False)
_of_one("erf", lambda xp, x: _erf(x))


def _erf(x: Array) -> Array:
    if not isinstance(x, np.ndarray):
        from jax.scipy.special import erf

        return erf(x)
    import math

    return np.asarray(np.vectorize(math.erf, otypes=[x.dtype])(x))


def _of_two(name: str, function: Callable[[Any, Array, Array], Any]) -> Callable[..., Any]:
    """A function of two arrays of one dtype."""

    def apply(x: Any, y: Any) -> Array:
        a, b, xp = pair(x, y, name)
        with np.errstate(all="ignore"):
            return function(xp, a, b)

    apply.__name__ = name
    return apply


_OPERATORS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "floordiv": "floordiv", "floormod": "mod", "mod": "mod",
    "pow": "pow", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "equal": "eq",
    "not_equal": "ne",
}  # fmt: skip
for _name, _known in _OPERATORS.items():
    _offer(_name, _of_two(_name, _of_python(_known)))
for _name in ("maximum", "minimum", "logical_and", "logical_or", "logical_xor"):
    _offer(_name, _of_two(_name, _of_library(_name)))
_offer("atan2", _of_two("atan2", lambda xp, a, b: xp.atan2(floating(a, "math.atan2"), b)))
offered("math.multiply_no_nan")(
    _of_two("multiply_no_nan", lambda xp, a, b: xp.where(b == 0, 0 * b, floating(a, "math.multiply_no_nan") * b))
)
offered("math.squared_difference")(_of_two("squared_difference", lambda xp, a, b: (a - b) * (a - b)))
offered("math.divide_no_nan")(
    _of_two("divide_no_nan", lambda xp, a, b: xp.where(b == 0, xp.zeros_like(a / a), a / xp.where(b == 0, 1, b)))
)


@offered("divide", "truediv", "math.divide", "math.truediv")
def quotient(x: Any, y: Any) -> Array:
    """`x / y`, in float64 for whole numbers."""
    with np.errstate(all="ignore"):
        return divide(x, y)


@offered("clip_by_value")
def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any) -> Array:
    """Each number brought between two others."""
    x, low, high = matched(t, clip_value_min, clip_value_max, name="tf.clip_by_value")
    xp = namespace(x, low, high)
    return xp.minimum(xp.maximum(x, low), high)


@offered("where")
def where(condition: Any, x: Any = None, y: Any = None) -> Array:
    """`x` where the condition holds, else `y`; without them the places where it holds, (N, rank) in int64.

    Raises:
        ValueError: one of the two alone.
    """
    if (x is None) != (y is None):
        raise ValueError("tf.where takes x and y both, or neither.")
    chosen = array(condition)
    if x is None:
        return np.argwhere(np.asarray(chosen)).astype("int64")
    a, b = matched(x, y, name="tf.where")
    xp = namespace(chosen, a, b)
    return xp.where(xp.asarray(chosen) != 0 if chosen.dtype.kind != "b" else chosen, a, b)


@offered("cast", "dtypes.cast")
def cast(x: Any, dtype: Any) -> Array:
    """`x` in another dtype."""
    from gatewise.base.dtypes import as_dtype

    found = array(x)
    wanted = as_dtype(dtype).dtype
    if "O" in (found.dtype.kind, wanted.kind) and found.dtype != wanted:
        raise ValueError("tf.cast is for numbers: tf.strings.to_number(x) reads text, tf.strings.as_string writes it.")
    with np.errstate(invalid="ignore"):
        return found if found.dtype == wanted else namespace(found).astype(found, wanted)


@offered("add_n", "math.add_n")
def add_n(inputs: Any) -> Array:
    """The sum of a list of arrays."""
    first, *rest = matched(*inputs, name="tf.add_n")
    for each in rest:
        first = first + each
    return first


@offered("identity")
def identity(input: Any) -> Array:
    """The same numbers as another tensor."""
    return array(input) + 0 if not isinstance(array(input), np.ndarray) else array(input).copy()


@offered("stop_gradient")
def stop_gradient(input: Any) -> Array:
    """The same numbers, through which no gradient goes."""
    found = array(input)
    if isinstance(found, np.ndarray):
        return found.copy()
    import jax

    return jax.lax.stop_gradient(found)


stop_gradient.__wrapped__.ends_gradient = True  # type: ignore[attr-defined]
