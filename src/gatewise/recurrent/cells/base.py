"""What the built-in cells share: one step of an equation that the engine knows."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base import release, structure
from gatewise.base.arrays import as_array, namespace, numpy_dtype, shape_of
from gatewise.base.typing import Array, Shape
from gatewise.recurrent.cells import protocol
from gatewise.recurrent.cells.dropout import DropoutRNNCell
from gatewise.recurrent.over_time import batch_size_of
from gatewise.recurrent.weights import CellWeights


class RecurrentCell(CellWeights, DropoutRNNCell):
    """The base of SimpleRNNCell, LSTMCell and GRUCell. `RNN` runs such a cell, or a stack of them, on the engine.

    Call arguments:
        inputs: (B, I).
        states: arrays (B, H), as many as the cell's state has, in a list; one alone may come without.
        training: whether dropout acts. Masks stay from step to step until they are reset; see `DropoutRNNCell`.

    Returns:
        The output (B, H), and the states after the step in a list; one alone comes as it went in.
    """

    casts_integers = True
    why_whole_sequence = protocol.ONE_STEP

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._release = release.current()

    def build(self, input_shape: Any) -> None:
        """Make the weights, for inputs (B, I)."""
        features = input_shape[-1]
        if features is None:
            raise ValueError(f"{self.label}: the last axis of the input must be known to make the weights.")
        self._make_weights(features)

    @property
    def state_size(self) -> int | list[int]:
        """The last axis of the state, or of each of several."""
        widths = list(self.state_widths)
        return widths[0] if len(widths) == 1 else widths

    @property
    def output_size(self) -> int:
        """The last axis of the output."""
        return self.state_widths[0]

    def get_initial_state(self, inputs: Any = None, batch_size: int | None = None, dtype: Any = None) -> Any:
        """Zeros (B, H), as many as the cell's state has.

        Args:
            inputs: (B, I) to take B from, or B itself.
            batch_size: B.
            dtype: by default the cell's.

        Returns:
            A list; under tf_keras one state alone without a list, as it has that.
        """
        batch = batch_size_of(self, inputs, batch_size)
        states = [np.zeros((batch, width), numpy_dtype(dtype or self.dtype)) for width in self.state_widths]
        return states[0] if len(states) == 1 and self._release != "keras3" else states

    @property
    def dropout_mask_count(self) -> int | None:  # type: ignore[override]
        """One mask a gate with implementation 1 (and 0, and where the state is dropped too), else one in all."""
        return None if self.implementation == 2 and not self.recurrent_dropout else len(self._equation.gates)

    def _check(self, shapes: Any) -> None:
        # Not by `input_spec`: a layer's cell shares that with the layer, whose inputs have a time axis.
        shape = tuple(structure.flatten(shapes, leaf=structure.is_shape)[0])
        kernel = vars(self).get("kernel")
        features = None if kernel is None else kernel.shape[0]
        if len(shape) != 2 or (features is not None and shape[-1] not in (features, None)):
            wanted = "features" if features is None else features
            raise ValueError(f"{self.label}: one step takes an input (batch, {wanted}), got the shape {shape}.")

    def call(  # type: ignore[override]
        self, inputs: Array, states: Any, training: bool = False
    ) -> Any:
        """One step; see the class."""
        given = list(states) if isinstance(states, (list, tuple)) else [states]
        xp = namespace(inputs, *given, *(variable.value for variable in self._variables))
        op = self.current_op(xp, training=training)
        before = self._checked(xp, given, inputs.shape[0], op.kernel.dtype)
        drops: list[Any] = [None, None]
        if training:
            drops = [_side_by_side(xp, mask) for mask in self._masks(inputs, before[0])]
        parts = op.parts(xp, drops[1])
        made = op.cell.step(op.project_input(inputs, drops[0]), before, parts)
        after = [xp.asarray(each, dtype=op.kernel.dtype) for each in made]  # NumPy activates small dtypes in float32.
        return after[0], after if isinstance(states, (list, tuple)) else after[0]

    def _masks(self, inputs: Array, h: Array) -> tuple[Any, Any]:
        """Dropout's masks; as in Keras, a rate of 1 drops nothing."""
        return (
            self.get_dropout_mask(inputs) if self.dropout < 1 else None,
            self.get_recurrent_dropout_mask(h) if self.recurrent_dropout < 1 else None,
        )

    def _checked(self, xp: Any, given: list[Any], batch: int, dtype: Any) -> tuple[Array, ...]:
        widths = self.state_widths
        if len(given) != len(widths):
            raise ValueError(
                f"{self.label}: the state of one step is {len(widths)} array{'s' * (len(widths) > 1)} "
                f"({', '.join(self._equation.states)}), but {len(given)} came."
            )
        arrays = [as_array(state, f"{self.label}: the state") for state in given]
        for state, width in zip(arrays, widths, strict=True):
            if shape_of(state) != (batch, width):
                raise ValueError(
                    f"{self.label}: a state must have the shape ({batch}, {width}), got {shape_of(state)}."
                )
        return tuple(xp.asarray(state, dtype=dtype) for state in arrays)

    def compute_output_shape(self, input_shape: Shape, states_shape: Any = None) -> Any:
        """(B, H), and the shape of each state."""
        batch = input_shape[0]
        return [(batch, self.output_size), [(batch, width) for width in self.state_widths]]


def _side_by_side(xp: Any, masks: Any) -> Array | None:
    """One mask, or a list of them, as the engine takes them: (g or 1, B, ...)."""
    if masks is None:
        return None
    return xp.stack(masks) if isinstance(masks, list) else masks[None]
