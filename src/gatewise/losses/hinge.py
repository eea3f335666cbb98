"""Losses of margins: targets are -1 and 1 (0 and 1 are read as such), predictions any numbers."""

from __future__ import annotations

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.losses.arithmetic import at_least, pair
from gatewise.losses.base import OfFunction
from gatewise.losses.registry import registry, takes


@registry.register("hinge")
@takes("broadcast")
def hinge(y_true: Array, y_pred: Array) -> Array:
    """`mean(max(1 - y_true y_pred, 0))` over the last axis.

    >>> hinge([[1.0, -1.0]], [[0.5, 2.0]]).tolist()
    [1.75]
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    return xp.mean(_margin(y_true, y_pred), axis=-1)


@registry.register("squared_hinge")
@takes("broadcast")
def squared_hinge(y_true: Array, y_pred: Array) -> Array:
    """`mean(max(1 - y_true y_pred, 0)**2)` over the last axis.

    >>> squared_hinge([[1.0, -1.0]], [[0.5, 2.0]]).tolist()
    [4.625]
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    return xp.mean(_margin(y_true, y_pred) ** 2, axis=-1)


@registry.register("categorical_hinge")
@takes("broadcast")
def categorical_hinge(y_true: Array, y_pred: Array) -> Array:
    """`max(neg - pos + 1, 0)`: pos is what the right class got, neg the most that another got.

    >>> categorical_hinge([[0.0, 1.0]], [[0.5, 0.75]]).tolist()
    [0.75]
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    right = xp.sum(y_true * y_pred, axis=-1)
    wrong = xp.max((1.0 - y_true) * y_pred, axis=-1)
    return at_least(wrong - right + 1.0, 0.0)


def _margin(y_true: Array, y_pred: Array) -> Array:
    """What is missing to a margin of 1. Targets are 0 and 1 where all of them are."""
    xp = namespace(y_true, y_pred)
    binary = xp.all((y_true == 0) | (y_true == 1))
    return at_least(1.0 - xp.where(binary, 2.0 * y_true - 1.0, y_true) * y_pred, 0.0)


@registry.register("Hinge")
class Hinge(OfFunction):
    """See `hinge`.

    >>> float(Hinge()([[1.0], [-1.0]], [[0.5], [2.0]]))
    1.75
    """

    function = hinge


@registry.register("SquaredHinge")
class SquaredHinge(OfFunction):
    """See `squared_hinge`."""

    function = squared_hinge


@registry.register("CategoricalHinge")
class CategoricalHinge(OfFunction):
    """See `categorical_hinge`."""

    function = categorical_hinge
