"""What all recurrent layers share: how they are built, called and described. A layer adds its cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from gatewise.arguments import regularizer
from gatewise.base import structure
from gatewise.base.arrays import Tensor, as_array, namespace, numpy_dtype, shape_of
from gatewise.base.typing import Array, Shape
from gatewise.engine import native
from gatewise.engine.cells import State
from gatewise.engine.op import Call, Traversal
from gatewise.inside import watching
from gatewise.layer.input_spec import InputSpec
from gatewise.layer.symbolic import SymbolicTensor
from gatewise.recurrent.arguments import Gated  # noqa: F401 (a layer with gates takes it from beside its base)
from gatewise.recurrent.cell_view import CellOf
from gatewise.recurrent.cells.base import RecurrentCell
from gatewise.recurrent.dropout import masks_of
from gatewise.recurrent.over_time import OverTime
from gatewise.recurrent.weights import CellWeights


class RecurrentLayer(OverTime, CellWeights):
    """The base of SimpleRNN, LSTM and GRU: an RNN of one cell, with the cell's weights and arguments as its own.

    Call arguments:
        inputs: (B, T, I), or (T, B, I) with `time_major`. A list `[x, *state]` gives the initial state too.
        mask: (B, T) booleans, or (T, B) with `time_major`: a False step carries the state through and repeats the
            output before it.
        lengths: (B,) integers, in place of a mask: how many of the first steps of each sequence are real. The batch
            costs what its real steps cost. So does one whose mask says no more than this, or has its padding in front.
        training: whether dropout acts.
        initial_state: arrays (B, H), as many as the cell's state has; zeros by default. Where the layer is `stateful`,
            Keras 3 starts from it at each call, and earlier releases only as long as the carried state is all zeros.

    Returns:
        The last output (B, H), or all (B, T, H) with `return_sequences`; with `return_state` a list of that and the
        state.
    """

    cell: Any = CellOf()
    """The layer's cell; on a class the equation, which a subclass may set."""
    cell_class: ClassVar[type[RecurrentCell]] = RecurrentCell
    """Of what class the layer's cell is."""

    has_time_axis = True
    multiplies_features = True
    own_place = "cell/vars"

    activity_regularizer = regularizer(after="bias_regularizer")  # Not annotated: to type checkers it is `Layer`'s.

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "cell" in vars(cls):  # The equation, a class or a property that chooses one.
            cls._equation = vars(cls)["cell"]
            del cls.cell
        super().__init_subclass__(**kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.input_spec = InputSpec(ndim=3)

    # -- weights ----------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the weights that the cell declares, for inputs (B, T, I)."""
        shape = self._sequence_shape(input_shape)
        if shape[-1] is None:
            raise ValueError(
                f"{self.label}: the last axis of the input must be known to make the weights, got {shape}."
            )
        self._make_weights(shape[-1])
        self.input_spec = InputSpec(ndim=3, axes={-1: shape[-1]})
        batch = shape[1] if self.time_major else shape[0]
        if self.stateful and batch is not None and not self._states:
            self._carried.make(batch)

    # -- calling ----------------------------------------------------------------------------------------------------

    def _checked_states(self, what: str, given: Any, batch: int | None) -> list[Any]:
        """The states as a list of arrays (B, H), or a clear error."""
        states = list(given) if isinstance(given, (list, tuple)) else [given]
        # As in Keras, a state in a list of its own is refused: LSTM takes [x, h, c] and not [x, [h, c]].
        nested = any(structure.is_nested(s) and _holds_states(s) for s in states)
        widths = self.state_widths
        if len(states) != len(widths) or nested:
            came = "a list in a list" if nested else len(states)
            raise ValueError(f"{self.label}: {what} needs {self._state_words()}, but {came} came.")
        states = [
            s if isinstance(s, (SymbolicTensor, Tensor)) else as_array(s, f"{self.label}: {what} ({name})")
            for s, name in zip(states, self._equation.states, strict=True)
        ]
        if batch is None and shape_of(states[0]):
            batch = shape_of(states[0])[0]
        for state, width in zip(states, widths, strict=True):
            shape = shape_of(state)
            fits = len(shape) == 2 and shape[1] in (width, None)
            if not fits or (batch is not None and shape[0] not in (batch, None)):
                raise ValueError(
                    f"{self.label}: {what} must have the shape ({'batch' if batch is None else batch}, {width}), "
                    f"got {shape}."
                )
        return states

    def _state_words(self) -> str:
        names, widths = self._equation.states, self.state_widths
        count = "one array" if len(names) == 1 else f"{len(names)} arrays"
        shapes = [f"(batch, {width})" for width in widths]
        sizes = f"each {shapes[0]}" if len(set(widths)) == 1 else f"of the shapes {', '.join(shapes)}"
        return f"{count} ({', '.join(names)}), {sizes}"

    def _fresh_state(self, batch: int) -> list[Array]:
        return [np.zeros((batch, width), numpy_dtype(self.dtype)) for width in self.state_widths]

    def call(self, inputs: Any, mask: Any = None, training: bool = False, initial_state: Any = None) -> Any:
        """Run the recurrence; see the class for the arguments."""
        prepared = self._prepared(inputs, mask, training, initial_state)
        return self._given(prepared, *watching.run(self, *prepared))

    def _prepared(self, inputs: Any, mask: Any, training: bool, initial_state: Any) -> Call:
        """What the engine is called with."""
        xp = namespace(inputs, *(variable.value for variable in self._variables))
        x = xp.swapaxes(inputs, 0, 1) if self.time_major else inputs
        if mask is not None:
            mask = self._fitting_mask(xp, mask, x)
        traversal = Traversal(
            mask=mask,
            go_backwards=self.go_backwards,
            sequences=self.return_sequences,
            zero_masked=self._zeroes_each_step,
            unroll=self.unroll,
            **(masks_of(self, xp, x) if training else {}),
        )
        start = self._carried.start(xp, x, initial_state)
        return self.current_op(xp, training=training), x, start, traversal

    def _given(self, prepared: Call, y: Array, final: State) -> Any:
        """What the layer gives, of what the engine gave."""
        _, x, _, traversal = prepared
        self._carried.keep(x, final)
        y = self._zeroed_after(y, traversal.mask)
        if self.return_sequences and self.time_major:
            y = namespace(y).swapaxes(y, 0, 1)
        return [y, *final] if self.return_state else y

    def inference(self) -> Callable[[Array], Any] | None:
        """Straight to the native engine, where it can run this layer."""
        if self.stateful or self.time_major or not self.built:
            return None
        packed = native.packed(self.current_op())
        if packed is None:
            return None
        run, backwards, sequences, zero = (
            packed.forward,
            self.go_backwards,
            self.return_sequences,
            self.zero_output_for_mask,
        )
        if self.return_state:
            return lambda x: list(run(x, None, None, backwards, sequences, zero))
        return lambda x: run(x, None, None, backwards, sequences, zero)[0]

    # -- description ------------------------------------------------------------------------------------------------

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(B, H) or (B, T, H); with `return_state` a list of that and (B, H) for each part of the state."""
        first, second, _ = self._sequence_shape(input_shape)
        batch = second if self.time_major else first
        width = self.state_widths[0]
        output: Shape = (first, second, width) if self.return_sequences else (batch, width)
        return [output, *((batch, width) for width in self.state_widths)] if self.return_state else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask goes on where the output has a time axis; the state has none."""
        own = mask[0] if isinstance(mask, (list, tuple)) else mask
        own = own if self.return_sequences else None
        return [own] + [None] * len(self._equation.states) if self.return_state else own


def _holds_states(given: Any) -> bool:
    """Whether there are whole states (B, H) among the parts of `given`, and not rows or numbers."""
    return any(len(getattr(leaf, "shape", ())) > 1 for leaf in structure.flatten(given))
