"""Losses of numbers: how far the predictions are from the targets."""

from __future__ import annotations

import math
from typing import Any

from gatewise.activations import softplus
from gatewise.base import release
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.config import config
from gatewise.losses.arithmetic import at_least, pair, size
from gatewise.losses.base import OfFunction
from gatewise.losses.registry import registry, takes


@registry.register("mean_squared_error", "mse", "MSE")
@takes("broadcast")
def mean_squared_error(y_true: Array, y_pred: Array) -> Array:
    """`mean((y_true - y_pred)**2)` over the last axis.

    >>> mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
    [2.5]
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    return xp.mean((y_true - y_pred) ** 2, axis=-1)


@registry.register("mean_absolute_error", "mae", "MAE")
@takes("broadcast")
def mean_absolute_error(y_true: Array, y_pred: Array) -> Array:
    """`mean(|y_true - y_pred|)` over the last axis.

    >>> mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
    [1.5]
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    return xp.mean(size(y_true - y_pred), axis=-1)


@registry.register("mean_absolute_percentage_error", "mape", "MAPE")
@takes("broadcast")
def mean_absolute_percentage_error(y_true: Array, y_pred: Array) -> Array:
    """`100 mean(|(y_true - y_pred) / y_true|)` over the last axis; targets count as epsilon at least.

    >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 5.0]]).tolist()
    [37.5]
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    return 100.0 * xp.mean(size((y_true - y_pred) / at_least(xp.abs(y_true), config.epsilon)), axis=-1)


@registry.register("mean_squared_logarithmic_error", "msle", "MSLE")
@takes("broadcast")
def mean_squared_logarithmic_error(y_true: Array, y_pred: Array) -> Array:
    """`mean((log(y_true + 1) - log(y_pred + 1))**2)` over the last axis; numbers below epsilon count as epsilon.

    >>> print(mean_squared_logarithmic_error([[1.0, 1.0]], [[1.0, 3.0]]).round(4))
    [0.2402]
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    ours, theirs = (xp.log(at_least(y, config.epsilon) + 1.0) for y in (y_pred, y_true))
    return xp.mean((ours - theirs) ** 2, axis=-1)


@registry.register("huber", "huber_loss")
@takes("broadcast")
def huber(y_true: Array, y_pred: Array, delta: float = 1.0) -> Array:
    """The mean over the last axis of `e**2 / 2` for errors up to `delta`, and of `delta |e| - delta**2 / 2` beyond.

    Source: P. J. Huber, Robust Estimation of a Location Parameter (1964).

    >>> huber([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
    [1.5]
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    error = y_pred - y_true
    distance = size(error)
    return xp.mean(xp.where(distance <= delta, 0.5 * error**2, delta * distance - 0.5 * delta**2), axis=-1)


@registry.register("log_cosh", "logcosh")
@takes("broadcast")
def log_cosh(y_true: Array, y_pred: Array) -> Array:
    """`mean(log(cosh(y_pred - y_true)))` over the last axis.

    >>> print(log_cosh([[0.0, 0.0]], [[0.0, 1000.0]]).round(3))
    [499.653]
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    error = y_pred - y_true
    return xp.mean(error + softplus(-2.0 * error) - math.log(2.0), axis=-1)


@registry.register("cosine_similarity", "cosine_proximity", "cosine")
@takes("broadcast")
def cosine_similarity(y_true: Array, y_pred: Array, axis: int = -1) -> Array:
    """Minus the cosine of the angle between targets and predictions along `axis`: -1 where they point the same way.

    >>> print(cosine_similarity([[0.0, 1.0]], [[1.0, 1.0]]).round(4))
    [-0.7071]
    """
    return -cosine(y_true, y_pred, axis)


def cosine(y_true: Array, y_pred: Array, axis: int = -1) -> Array:
    """The cosine of the angle along `axis`."""
    xp, y_true, y_pred = pair(y_true, y_pred)
    return xp.sum(_unit(y_true, axis) * _unit(y_pred, axis), axis=axis)


def _unit(x: Array, axis: int) -> Array:
    """Vectors brought to length 1. Short ones are only lengthened by so much: 1e7 in Keras 3, 1e6 before.

    Keras's gradient for a vector of zeros is NaN; here it is that of the formula.
    """
    xp = namespace(x)
    shortest = config.epsilon if release.current() == "keras3" else 1e-6
    squares = xp.sum(x * x, axis=axis, keepdims=True)
    long = squares > shortest**2
    return x * xp.where(long, 1.0 / xp.sqrt(xp.where(long, squares, 1.0)), 1.0 / shortest)


@registry.register("MeanSquaredError")
class MeanSquaredError(OfFunction):
    """See `mean_squared_error`.

    >>> float(MeanSquaredError()([[0.0], [1.0]], [[1.0], [3.0]]))
    2.5
    """

    function = mean_squared_error


@registry.register("MeanAbsoluteError")
class MeanAbsoluteError(OfFunction):
    """See `mean_absolute_error`."""

    function = mean_absolute_error


@registry.register("MeanAbsolutePercentageError")
class MeanAbsolutePercentageError(OfFunction):
    """See `mean_absolute_percentage_error`."""

    function = mean_absolute_percentage_error


@registry.register("MeanSquaredLogarithmicError")
class MeanSquaredLogarithmicError(OfFunction):
    """See `mean_squared_logarithmic_error`."""

    function = mean_squared_logarithmic_error


@registry.register("LogCosh")
class LogCosh(OfFunction):
    """See `log_cosh`."""

    function = log_cosh


@registry.register("Huber")
class Huber(OfFunction):
    """See `huber`."""

    function = huber

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype, delta=delta)


@registry.register("CosineSimilarity")
class CosineSimilarity(OfFunction):
    """See `cosine_similarity`."""

    function = cosine_similarity

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype, axis=axis)
