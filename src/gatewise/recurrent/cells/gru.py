"""The cell of the GRU."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, flag
from gatewise.engine import cells
from gatewise.layer import registered
from gatewise.recurrent.arguments import Gated
from gatewise.recurrent.cells.base import RecurrentCell
from gatewise.recurrent.weights import CellWeights


def reset_after(**options: Any) -> Argument[bool, bool]:
    """Where the reset gate acts: after the product in TF 2 and Keras 3, before it in TF 1."""
    return flag(True, tf1=False, **options)


class GRUWeights(CellWeights, Gated):
    """What a GRU is, as a cell and as a layer; each has an argument `reset_after`, in a place of its own."""

    @property
    def _equation(self) -> type[cells.Cell]:
        """The equation that `reset_after` asks for."""
        return cells.GRUResetAfter if vars(self)["reset_after"] else cells.GRU


@registered.register("GRUCell")
class GRUCell(RecurrentCell, GRUWeights):
    """One step of a GRU: x (B, I) and h (B, H) to h', and h' as the state. `GRU` has the equation.

    Args:
        reset_after: where the reset gate acts. True in TF 2 and Keras 3, False in TF 1.
        units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
        bias_constraint, dropout, recurrent_dropout, seed, implementation, precision, **kwargs: as for `LSTM`.

    >>> import numpy as np
    >>> cell = GRUCell(4)
    >>> y, (h,) = cell(np.zeros((2, 8)), cell.get_initial_state(batch_size=2))
    >>> y.shape, h.shape
    ((2, 4), (2, 4))
    """

    reset_after: Argument[bool, bool] = reset_after(after="recurrent_dropout", places={"tf1": "implementation"})
