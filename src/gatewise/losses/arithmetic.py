"""What the formulas share: arrays of one library and dtype, and functions whose gradient is a number everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base.arrays import Tensor, as_array, is_array, is_floating, namespace
from gatewise.base.typing import Array
from gatewise.config import config


def predictions(y_pred: Any, dtype: Any = None) -> Array:
    """`y_pred` as a floating array.

    Args:
        y_pred: an array, numbers or nested lists.
        dtype: to cast to; by default float64 arrays stay float64, and all else becomes `config.floatx`.
    """
    array = as_array(y_pred, "y_pred")
    if dtype is None:
        dtype = "float64" if is_array(y_pred) and array.dtype.name == "float64" else config.floatx
    return array if array.dtype.name == dtype else namespace(array).asarray(array, dtype=dtype)


def targets(y_true: Any, dtype: Any) -> Array:
    """`y_true` as an array of that dtype."""
    array = as_array(y_true, "y_true")
    return namespace(array).asarray(array, dtype=dtype)


def pair(y_true: Any, y_pred: Any) -> tuple[Any, Array, Array]:
    """The namespace of both, and both as floating arrays of `y_pred`'s dtype and one rank."""
    y_pred = floating(y_pred)
    y_true = targets(y_true, y_pred.dtype)
    return (namespace(y_true, y_pred), *same_rank(y_true, y_pred))


def floating(y_pred: Any) -> Array:
    """`y_pred` as a floating array; floating arrays stay as they are, half precision too."""
    if is_array(y_pred) and not isinstance(y_pred, np.generic) and is_floating(y_pred):
        return y_pred
    return predictions(y_pred)


def same_rank(a: Array, b: Array) -> tuple[Array, Array]:
    """Both with as many axes as the other, where one of them has one more, of size 1, at the end.

    Next to a vector (B,) a column (B, 1) stays and the vector becomes one; elsewhere the last axis goes. Source:
    Keras 3.

    >>> a, b = same_rank(np.zeros(4), np.zeros((4, 1)))
    >>> a.shape, b.shape
    ((4, 1), (4, 1))
    """
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b[..., None]) if b.ndim == 1 else (a[..., 0], b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a[..., None], b) if a.ndim == 1 else (a, b[..., 0])
    return a, b


def bounded(x: Array, low: float, high: float) -> Array:
    """`x` cut to [low, high]. At an end itself the gradient is still 1, as TensorFlow has it; NaN stays NaN."""
    xp = namespace(x)
    return xp.where(x < low, xp.asarray(low, dtype=x.dtype), xp.where(x > high, xp.asarray(high, dtype=x.dtype), x))


def at_least(x: Array, low: float) -> Array:
    """`max(x, low)`, with gradient 1 at `low` itself; NaN stays NaN."""
    xp = namespace(x)
    return xp.where(x < low, xp.asarray(low, dtype=x.dtype), x)


def size(x: Array) -> Array:
    """`|x|`, with gradient 0 at 0, as TensorFlow has it; JAX's is 1 there."""
    xp = namespace(x)
    return xp.abs(xp.where(x == 0, 0, x))


def probability(p: Array) -> Array:
    """`p` cut to [epsilon, 1 - epsilon], so that its logarithm and that of its complement are numbers."""
    return bounded(p, config.epsilon, 1.0 - config.epsilon)


def divided(a: Array, b: Array) -> Array:
    """`a / b`, and 0 where `b` is 0.

    >>> divided(np.array([1.0, 2.0]), np.array([0.0, 4.0])).tolist()
    [0.0, 0.5]
    """
    xp = namespace(a, b)
    empty = b == 0
    return xp.where(empty, 0, a / xp.where(empty, 1, b))


def as_result(x: Array) -> Array:
    """A result for users: NumPy's numbers as `Tensor`s, which have `.numpy()`."""
    return np.asarray(x).view(Tensor) if isinstance(x, (np.ndarray, np.generic)) else x
