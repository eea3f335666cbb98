"""The base that tf_keras gives cells of a program's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base import structure
from gatewise.base.arrays import numpy_dtype
from gatewise.layer import Layer
from gatewise.recurrent.cells import protocol
from gatewise.recurrent.over_time import batch_size_of


class AbstractRNNCell(Layer):
    """A cell of your own: it says `state_size` and `output_size`, and `call(inputs, states)` makes one step.

    `RNN` takes any object with these; this base adds zeros to start from.

    >>> class Sum(AbstractRNNCell):
    ...     state_size = output_size = 3
    ...     def call(self, inputs, states):
    ...         total = states[0] + inputs
    ...         return total, [total]
    >>> from gatewise.recurrent import RNN
    >>> RNN(Sum())(np.ones((1, 5, 3))).tolist()
    [[5.0, 5.0, 5.0]]
    """

    why_whole_sequence = protocol.ONE_STEP

    def call(self, inputs: Any, states: Any) -> Any:  # type: ignore[override]
        """One step: (B, I) and the states to the output and the states after it."""
        raise NotImplementedError(f"{type(self).__name__} does not define `call(self, inputs, states)`, its step.")

    @property
    def state_size(self) -> Any:
        """The last axis of the state, or a list of those of several."""
        raise NotImplementedError(f"{type(self).__name__} does not define `state_size`.")

    @property
    def output_size(self) -> Any:
        """The last axis of the output."""
        raise NotImplementedError(f"{type(self).__name__} does not define `output_size`.")

    def get_initial_state(self, inputs: Any = None, batch_size: int | None = None, dtype: Any = None) -> Any:
        """Zeros (B, H), in the structure of `state_size`."""
        batch = batch_size_of(self, inputs, batch_size)
        own = numpy_dtype(dtype or self.dtype)
        return structure.map_structure(lambda width: np.zeros((batch, width), own), self.state_size)
