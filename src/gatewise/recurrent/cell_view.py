"""A recurrent layer's cell, as programs of Keras know it: `layer.cell.kernel`, `layer.cell.units`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.base.arrays import as_array, namespace
from gatewise.base.typing import Array
from gatewise.base.variable import Variable
from gatewise.base.words import nearest
from gatewise.engine.cells import Cell

if TYPE_CHECKING:
    from gatewise.recurrent.weights import CellWeights


class CellOf:
    """The attribute `cell`: on a class of layers the equation, on a layer its cell with the layer's weights."""

    def __init__(self, equation: Any) -> None:
        self.equation = equation

    def __get__(self, layer: CellWeights | None, owner: type) -> Any:
        return self.equation if layer is None else CellView(layer)


class CellView:
    """One layer's cell: the layer's own weights and arguments under the names that they have in Keras.

    `kernel`, `recurrent_kernel`, `bias` and what else the cell has are the layer's variables, so that assigning to them
    changes the layer; `units`, `activation`, `use_bias`, `dropout` and the other arguments are the layer's too.

    >>> import gatewise as gw
    >>> layer = gw.layers.LSTM(4)
    >>> layer.build((None, None, 3))
    >>> layer.cell.units, layer.cell.kernel is layer.kernel, layer.cell.state_size
    (4, True, [4, 4])
    """

    def __init__(self, layer: CellWeights) -> None:
        self.layer = layer
        self.equation: type[Cell] = layer._equation

    @property
    def state_size(self) -> int | list[int]:
        """The last axis of the state, or of each of several."""
        widths = list(self.layer.state_widths)
        return widths[0] if len(widths) == 1 else widths

    @property
    def output_size(self) -> int:
        """The last axis of the output."""
        return self.layer.state_widths[0]

    @property
    def weights(self) -> list[Variable]:
        """The layer's variables."""
        return list(self.layer._variables)

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the layer's weights."""
        return self.layer.get_weights()

    def set_weights(self, weights: Any) -> None:
        """Replace the layer's weights; see `Layer.set_weights`."""
        self.layer.set_weights(weights)

    def get_initial_state(self, batch_size: int) -> list[np.ndarray]:
        """Zeros (B, H), as many as the cell's state has."""
        return [np.zeros((batch_size, width), self.layer.dtype) for width in self.layer.state_widths]

    def __call__(self, inputs: Any, states: Any, training: bool = False) -> tuple[Array, list[Array]]:
        """One time step.

        Args:
            inputs: (B, I).
            states: arrays (B, H), as many as the cell's state has.
            training: accepted; nothing is dropped here.

        Returns:
            The output (B, H) and the new states.
        """
        x = as_array(inputs, f"The input of the cell of {self.layer.label}")
        state = self.layer._checked_states("states", states, x.shape[0])  # type: ignore[attr-defined]
        xp = namespace(x, *state, *(variable.value for variable in self.layer._variables))
        op = self.layer.current_op(xp)
        before = tuple(xp.asarray(s, dtype=op.kernel.dtype) for s in state)
        after = op.cell.step(op.project_input(xp.asarray(x, dtype=op.kernel.dtype)), before, op.parts(xp, None))
        return after[0], list(after)

    def __getattr__(self, name: str) -> Any:
        layer = vars(self).get("layer")
        if layer is not None and (
            name in layer._arguments or name in self.equation.weights or name in ("name", "built")
        ):
            return getattr(layer, name)
        known = [*getattr(layer, "_arguments", ()), *vars(self).get("equation", Cell).weights]
        raise AttributeError(f"The cell of {getattr(layer, 'label', 'a layer')} has no {name!r}.{nearest(name, known)}")

    def __repr__(self) -> str:
        return f"<The cell of {self.layer!r}>"
