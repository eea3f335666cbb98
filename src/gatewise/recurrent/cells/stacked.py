"""Several cells as one: each takes the output of the one before."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, flag
from gatewise.base import release, structure
from gatewise.base.typing import Shape
from gatewise.layer import Layer, registered
from gatewise.recurrent.cells import protocol
from gatewise.recurrent.over_time import batch_size_of


def _some_cells(value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)) or not value:
        raise TypeError(f"expected a list of cells such as [LSTMCell(8), LSTMCell(8)], got {value!r}.")
    return [protocol.a_cell(each) for each in value]


@registered.register("StackedRNNCells")
class StackedRNNCells(Layer):
    """Cells one above the other, as one cell; `RNN([...])` makes it of a list.

    Args:
        cells: what `RNN` takes, the lowest first.
        reverse_state_order: whether states are listed from the highest cell down, as TensorFlow 1 had them.
        **kwargs: see `Layer`.

    Call arguments:
        inputs: (B, I).
        states: one entry a cell: a list of its arrays; before Keras 3 the array itself where the cell has but one.
        training, constants: passed on to the cells that take them.

    >>> import numpy as np
    >>> from gatewise.recurrent import RNN, LSTMCell
    >>> layer = RNN(StackedRNNCells([LSTMCell(4), LSTMCell(3)]), return_state=True)
    >>> y, low, high = layer(np.zeros((2, 10, 8)))
    >>> y.shape, [state.shape for state in low], [state.shape for state in high]
    ((2, 3), [(2, 4), (2, 4)], [(2, 3), (2, 3)])
    """

    cells: Argument[Any, list[Any]] = Argument(
        parse=_some_cells, serialize=lambda cells: [protocol.serialized(cell) for cell in cells]
    )
    reverse_state_order: Argument[bool, bool] = flag(False, kw_only=True, in_config=None)

    casts_integers = True
    why_whole_sequence = protocol.ONE_STEP

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._containers.append(self.cells)
        self._release = release.current()

    def _in_state_order(self, of_cells: list[Any]) -> list[Any]:
        """What belongs to the cells, in the order of states; and back."""
        return of_cells[::-1] if self.reverse_state_order else of_cells

    @property
    def state_size(self) -> list[Any]:
        """Each cell's, in the order of states."""
        return self._in_state_order([cell.state_size for cell in self.cells])

    @property
    def output_size(self) -> Any:
        """The highest cell's."""
        return protocol.output_size(self.cells[-1])

    def get_initial_state(self, inputs: Any = None, batch_size: int | None = None, dtype: Any = None) -> list[Any]:
        """Each cell's, in the order of states: in Keras 3 that of a cell with one state is a list of it."""
        batch = batch_size_of(self, inputs, batch_size)
        of_cell = protocol.given_state if self._release == "keras3" else protocol.initial_state
        return self._in_state_order([of_cell(cell, batch, self.dtype) for cell in self.cells])

    def build(self, input_shape: Any) -> None:
        """Build the cells, each for the output of the one below."""
        shape = tuple(input_shape)
        for cell in self.cells:
            protocol.build(cell, shape)
            width = structure.flatten(protocol.output_size(cell))[0]
            shape = (shape[0], width)

    def call(  # type: ignore[override]
        self, inputs: Any, states: Any, training: bool = False, constants: Any = None
    ) -> Any:
        """One step of each cell, from the lowest up."""
        if len(states) != len(self.cells):
            raise ValueError(
                f"{self.label}: expected the states of {len(self.cells)} cells in a list, but {len(states)} came."
            )
        y, after = inputs, []
        for cell, state in zip(self.cells, self._in_state_order(list(states)), strict=True):
            made = protocol.step(cell, y, protocol.listed(state), training=training, constants=constants)
            y, new = protocol.checked(self.label, cell, made)
            after.append(new if structure.is_nested(state) else new[0])
        return y, self._in_state_order(after)

    def compute_output_shape(self, input_shape: Shape, states_shape: Any = None) -> Any:
        """(B, width) of the highest cell, and the shape of each state."""
        batch = input_shape[0]
        sizes = structure.map_structure(lambda width: (batch, width), self.state_size)
        return [(batch, self.output_size), sizes]
