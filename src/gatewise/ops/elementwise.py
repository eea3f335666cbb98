"""Operations number by number: arithmetic, comparisons, logic, bits. Operands broadcast."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise.base.arrays import namespace
from gatewise.ops.declared import Array, op
from gatewise.ops.dtypes import floats, in_dtype, is_floating, operand, tensor, together

# --- Of one operand, by the name that NumPy and JAX have too -----------------------------------------------------

_FLOATING: Final = (
    "exp exp2 expm1 log log10 log1p log2 sqrt cbrt sin cos tan sinh cosh tanh arcsin arccos arctan arcsinh arccosh "
    "arctanh deg2rad rad2deg ceil floor sinc i0 fabs angle"
)
"""Integers become floats first."""
_KEEPING: Final = "negative sign trunc conjugate real imag isfinite isinf isnan isneginf isposinf isreal signbit"
"""The operand's dtype stays, or the result is boolean."""


_DOUBLE: Final = {"cbrt", "deg2rad", "rad2deg", "i0"}
"""Of int64 in float64."""


def _floats(x: Any) -> tuple[Any, Array]:
    x = tensor(x)
    return floats(in_dtype(x, "float64") if x.dtype.name == "int64" else x)


def _unary(name: str, ready: Callable[[Any], tuple[Any, Array]]) -> Callable[..., Any]:
    def function(x: Array) -> Array:
        xp, x = ready(x)
        return getattr(xp, name)(x)

    return _described(function, name, f"`{name}(x)`, number by number.")


def _described(function: Callable[..., Any], name: str, doc: str) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


for _name in _FLOATING.split():
    op("numpy", elementwise=True)(_unary(_name, _floats if _name in _DOUBLE else floats))
for _name in _KEEPING.split():
    op("numpy", elementwise=True, aliases=("conj",) if _name == "conjugate" else ())(_unary(_name, operand))


@op("numpy", elementwise=True, aliases=("abs",))
def absolute(x: Array) -> Array:
    """`|x|`."""
    xp, x = operand(x)
    return x if x.dtype.kind in "bu" else xp.abs(x)


@op("numpy", elementwise=True)
def square(x: Array) -> Array:
    """`x * x`."""
    xp, x = operand(x)
    return xp.square(in_dtype(x, "int32") if x.dtype.kind == "b" else x)


@op("numpy", elementwise=True)
def reciprocal(x: Array) -> Array:
    """`1 / x`, in floats."""
    _, x = floats(x)
    return 1 / x


@op("math", elementwise=True)
def rsqrt(x: Array) -> Array:
    """`1 / sqrt(x)`."""
    xp, x = floats(x)
    return 1 / xp.sqrt(x)


@op("numpy", elementwise=True)
def round(x: Array, decimals: int = 0) -> Array:
    """To the nearest number of so many decimals, halves to the even one."""
    xp, x = operand(x)
    return in_dtype(x, "int32") if x.dtype.kind == "b" else xp.round(x, decimals)


@op("numpy", elementwise=True)
def clip(x: Array, x_min: Any, x_max: Any) -> Array:
    """`x` cut to between `x_min` and `x_max`."""
    xp, x = operand(x)
    x = in_dtype(x, "int32") if x.dtype.kind == "b" else x
    ends = [None if end is None else tensor(end, x.dtype.name) for end in (x_min, x_max)]
    return xp.clip(x, *ends)


@op("numpy", elementwise=True)
def nan_to_num(x: Array, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Array:
    """NaN and the infinities replaced, by default by 0 and the dtype's ends."""
    xp, x = operand(x)
    return xp.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf) if is_floating(x.dtype.name) else x


@op("numpy", elementwise=True)
def logical_not(x: Array) -> Array:
    """Whether each number is 0."""
    xp, x = operand(x)
    return xp.logical_not(x)


@op("numpy", "BitwiseInvert", elementwise=True)
def bitwise_invert(x: Array) -> Array:
    """The bits turned."""
    return ~operand(x)[1]


@op("numpy", "BitwiseNot", elementwise=True)
def bitwise_not(x: Array) -> Array:
    """The bits turned."""
    return ~operand(x)[1]


# --- The error function and its kin --------------------------------------------------------------------------------


def _special(name: str, of_number: Callable[[float], float]) -> Callable[..., Any]:
    each = np.frompyfunc(of_number, 1, 1)

    def function(x: Array) -> Array:
        xp, x = floats(x)
        if xp is np:
            return np.asarray(each(x), dtype=x.dtype)
        from jax.scipy import special

        return getattr(special, name)(x)

    return _described(function, name, f"`{name}(x)`; on NumPy one number at a time.")


def _erfinv(y: float) -> float:
    """By Newton's steps from the normal distribution's quantile, exact to the last bits."""
    from statistics import NormalDist

    if not -1 < y < 1:
        return math.copysign(math.inf, y) if abs(y) == 1 else math.nan
    x = NormalDist().inv_cdf((y + 1) / 2) / math.sqrt(2) if abs(y) < 0.9999 else math.copysign(2.8, y)
    for _ in range(50):
        error = math.erf(x) - y if abs(y) < 0.5 else math.copysign(1, y) * ((1 - abs(y)) - math.erfc(abs(x)))
        step = error / (2 / math.sqrt(math.pi) * math.exp(-x * x))
        x -= step
        if abs(step) <= 1e-16 * abs(x):
            break
    return x


for _name, _of_number in (("erf", math.erf), ("erfc", math.erfc), ("erfinv", _erfinv)):
    op("math", elementwise=True)(_special(_name, _of_number))

# --- Of two operands ---------------------------------------------------------------------------------------------

_JOINED: Final = "add subtract multiply maximum minimum power fmax fmin gcd lcm"
_JOINED_FLOATS: Final = "divide true_divide arctan2 hypot logaddexp logaddexp2 heaviside nextafter"
_COMPARISONS: Final = "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor"
_STRONG: Final = "arctan2 hypot logaddexp logaddexp2 heaviside nextafter"
"""Python's numbers become arrays before the dtype is found."""
_ON_BITS: Final = "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift left_shift right_shift"
_NUMPY: Final = {
    "bitwise_left_shift": "left_shift",
    "bitwise_right_shift": "right_shift",
    "true_divide": "divide",
    "subtract": "subtract",
}
"""What NumPy and JAX call some of them."""


def _binary(name: str, floating: bool, weak: bool) -> Callable[..., Any]:
    own = _NUMPY.get(name, name)

    def function(x1: Array, x2: Array) -> Array:
        xp, (x1, x2) = together(x1, x2, floating=floating, weak=weak)
        if own == "subtract" and x1.dtype.kind == "b":
            x1, x2 = in_dtype(x1, "int32"), in_dtype(x2, "int32")
        return getattr(xp, own)(x1, x2)

    return _described(function, name, f"`{name}(x1, x2)`, number by number.")


def _on_bits(name: str) -> Callable[..., Any]:
    own = _NUMPY.get(name, name)

    def function(x: Array, y: Array) -> Array:
        xp, (x, y) = together(x, y)
        return getattr(xp, own)(x, y)

    return _described(function, name, f"`{name}(x, y)`, bit by bit.")


for _name in f"{_JOINED} {_JOINED_FLOATS} {_COMPARISONS}".split():
    op("numpy", elementwise=True)(_binary(_name, _name in _JOINED_FLOATS.split(), _name not in _STRONG.split()))
for _name in _ON_BITS.split():
    op("numpy", elementwise=True)(_on_bits(_name))


@op("numpy", elementwise=True)
def mod(x1: Array, x2: Array) -> Array:
    """The rest of `x1 / x2`, with the sign of `x2`."""
    xp, pair = together(x1, x2, weak=False)
    x1, x2 = (in_dtype(x, "int32") if x.dtype.kind == "b" else x for x in pair)
    return xp.mod(x1, x2)


@op("numpy", elementwise=True)
def fmod(x1: Array, x2: Array) -> Array:
    """The rest of `x1 / x2`, with the sign of `x1`."""
    xp, (x1, x2) = together(x1, x2)
    return xp.fmod(x1, x2)


@op("numpy", elementwise=True)
def floor_divide(x1: Array, x2: Array) -> Array:
    """`floor(x1 / x2)`."""
    xp, pair = together(x1, x2)
    x1, x2 = (in_dtype(x, "int32") if x.dtype.kind == "b" else x for x in pair)
    return xp.floor_divide(x1, x2)


@op("numpy", elementwise=True)
def divide_no_nan(x1: Array, x2: Array) -> Array:
    """`x1 / x2`, and 0 where `x2` is 0."""
    xp, (x1, x2) = together(x1, x2, floating=True)
    none = x2 == 0
    return xp.where(none, 0, x1 / xp.where(none, 1, x2))


@op("numpy", elementwise=True)
def ldexp(x1: Array, x2: Array) -> Array:
    """`x1 * 2**x2`."""
    _, x1 = floats(x1)
    x2 = tensor(x2)
    return in_dtype(namespace(x1, x2).ldexp(x1, x2), x1.dtype.name)


@op("numpy", "Isclose", elementwise=True)
def isclose(x1: Array, x2: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Array:
    """Whether `|x1 - x2| <= atol + rtol |x2|`."""
    xp, (x1, x2) = together(x1, x2)
    return xp.isclose(x1, x2, rtol, atol, equal_nan)


@op("numpy", elementwise=True)
def where(condition: Array, x1: Array | None = None, x2: Array | None = None) -> Any:
    """`x1` where the condition holds, else `x2`; without these, the places where it holds."""
    condition = in_dtype(tensor(condition), "bool")
    if x1 is None or x2 is None:
        return namespace(condition).where(condition)
    _, (x1, x2) = together(x1, x2)
    return namespace(condition, x1).where(condition, x1, x2)
