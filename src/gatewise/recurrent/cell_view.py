"""A recurrent layer's cell, as programs of Keras know it: `layer.cell.kernel`, `layer.cell(x, state)`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewise.recurrent.base import RecurrentLayer


class CellOf:
    """The attribute `cell`: on a class of layers the equation, on a layer its cell.

    A layer has all that its cell has, arguments and weights, and goes over time besides. So the cell that it shows is
    the same object in another role: both have one `__dict__`, and what changes in one has changed in the other.

    >>> import gatewise as gw
    >>> layer = gw.layers.LSTM(4)
    >>> layer.build((None, None, 3))
    >>> layer.cell.units, layer.cell.kernel is layer.kernel, layer.cell.state_size
    (4, True, [4, 4])
    """

    def __get__(self, layer: RecurrentLayer | None, owner: type[RecurrentLayer]) -> Any:
        if layer is None:
            return owner._equation
        role: Any = owner.cell_class
        return in_role(_with_equation(role, owner._equation), layer)


def in_role(role: type[Any], layer: Any) -> Any:
    """The object `layer` as one of the class `role`, which finds all its attributes there."""
    made = object.__new__(role)
    object.__setattr__(made, "__dict__", vars(layer))  # Not the layers' own way, which looks at what it is given.
    return made


@cache
def _with_equation(cell: Any, equation: Any) -> Any:
    """The class of cells, or one like it where the layer has another equation."""
    if getattr(cell, "_equation", None) is equation:
        return cell
    return type(cell.__name__, (cell,), {"_equation": equation, "__module__": cell.__module__, "__doc__": cell.__doc__})
