"""The cell of the LSTM."""

from __future__ import annotations

import numpy as np

from gatewise.arguments import Argument, flag
from gatewise.engine import cells
from gatewise.layer import registered
from gatewise.recurrent.arguments import Gated
from gatewise.recurrent.cells.base import RecurrentCell
from gatewise.recurrent.weights import CellWeights


class LSTMWeights(CellWeights, Gated):
    """What an LSTM is, as a cell and as a layer."""

    _equation = cells.LSTM

    unit_forget_bias: Argument[bool, bool] = flag(True, after="bias_initializer")

    def _bias_start(self, shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
        bias = np.array(super()._bias_start(shape, dtype))
        if self.unit_forget_bias:
            place = self._equation.gates.index("f")
            bias[place * self.units : (place + 1) * self.units] = 1
        return bias


@registered.register("LSTMCell")
class LSTMCell(RecurrentCell, LSTMWeights):
    """One step of an LSTM: x (B, I) and h, c (B, H) to h', and h', c'. `LSTM` has the equation.

    Args:
        units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
        unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
        recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed, implementation, precision, **kwargs: as
        for `LSTM`.

    >>> cell = LSTMCell(4)
    >>> y, (h, c) = cell(np.zeros((2, 8)), cell.get_initial_state(batch_size=2))
    >>> y.shape, h.shape, c.shape
    ((2, 4), (2, 4), (2, 4))
    """
