"""Losses of overlap: how much of what is predicted is right, and of what is right is predicted."""

from __future__ import annotations

from typing import Any

from gatewise.base.typing import Array
from gatewise.config import config
from gatewise.losses.arithmetic import pair
from gatewise.losses.base import OfFunction
from gatewise.losses.registry import registry, takes

Axis = Any


@registry.register("dice")
@takes("broadcast")
def dice(y_true: Array, y_pred: Array, axis: Axis = None) -> Array:
    """`1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred) + epsilon)` over `axis`, by default over all.

    >>> round(float(dice([1.0, 1.0, 0.0], [1.0, 0.0, 0.0])), 4)
    0.3333
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    common = xp.sum(y_true * y_pred, axis=axis)
    return 1.0 - 2.0 * common / (xp.sum(y_true, axis=axis) + xp.sum(y_pred, axis=axis) + config.epsilon)


@registry.register("tversky")
@takes("broadcast")
def tversky(y_true: Array, y_pred: Array, alpha: float = 0.5, beta: float = 0.5, axis: Axis = None) -> Array:
    """The Dice loss with weights: `alpha` for what is missed, `beta` for what is wrongly predicted.

    Source: S. S. M. Salehi et al., Tversky Loss Function for Image Segmentation (2017).

    >>> round(float(tversky([1.0, 1.0, 0.0], [1.0, 0.0, 0.0], alpha=1.0)), 4)
    0.5
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    common = xp.sum(y_true * y_pred, axis=axis)
    missed = xp.sum(y_true * (1.0 - y_pred), axis=axis)
    wrong = xp.sum((1.0 - y_true) * y_pred, axis=axis)
    return 1.0 - common / (common + alpha * missed + beta * wrong + config.epsilon)


@registry.register("Dice")
class Dice(OfFunction):
    """See `dice`.

    >>> round(float(Dice()([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])), 4)
    0.3333
    """

    function = dice

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: Axis = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype, axis=axis)


@registry.register("Tversky")
class Tversky(OfFunction):
    """See `tversky`."""

    function = tversky

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: Axis = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
