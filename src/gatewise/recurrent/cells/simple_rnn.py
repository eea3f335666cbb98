"""The cell of the fully connected recurrent layer."""

from __future__ import annotations

from gatewise.arguments import Argument
from gatewise.engine import cells
from gatewise.layer import registered
from gatewise.recurrent.arguments import implementation
from gatewise.recurrent.cells.base import RecurrentCell
from gatewise.recurrent.weights import CellWeights


class SimpleRNNWeights(CellWeights):
    """What a SimpleRNN is, as a cell and as a layer."""

    _equation = cells.SimpleRNN

    implementation: Argument[int, int] = implementation()


@registered.register("SimpleRNNCell")
class SimpleRNNCell(RecurrentCell, SimpleRNNWeights):
    """One step of a SimpleRNN: x (B, I) and h (B, H) to h', and h' as the state. `SimpleRNN` has the equation.

    Args:
        units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
        recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
        recurrent_dropout, seed, precision, **kwargs: as for `LSTM`.

    >>> import numpy as np
    >>> cell = SimpleRNNCell(4)
    >>> y, (h,) = cell(np.zeros((2, 8)), cell.get_initial_state(batch_size=2))
    >>> y.shape, h.shape
    ((2, 4), (2, 4))
    """
