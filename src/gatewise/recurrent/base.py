"""What all recurrent layers share: how they are built, called and described. A layer adds its cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gatewise.base import structure
from gatewise.base.arrays import Tensor, as_array, namespace, shape_of
from gatewise.base.typing import Array, Shape
from gatewise.base.variable import Variable
from gatewise.engine import native
from gatewise.engine.cells import State
from gatewise.engine.op import Call, Traversal
from gatewise.inside import watching
from gatewise.layer.input_spec import InputSpec
from gatewise.layer.symbolic import SymbolicTensor
from gatewise.random import SeedGenerator
from gatewise.recurrent.arguments import Gated  # noqa: F401 (a layer with gates takes it from beside its base)
from gatewise.recurrent.carried import CarriedState
from gatewise.recurrent.dropout import masks_of
from gatewise.recurrent.weights import CellWeights


class RecurrentLayer(CellWeights):
    """The base of SimpleRNN, LSTM and GRU.

    Call arguments:
        inputs: (B, T, I), or (T, B, I) with `time_major`. A list `[x, *state]` gives the initial state too.
        mask: (B, T) booleans, or (T, B) with `time_major`: a False step carries the state through and repeats the
            output before it.
        training: whether dropout acts.
        initial_state: arrays (B, H), as many as the cell's state has; zeros by default. Where the layer is `stateful`,
            Keras 3 starts from it at each call, and earlier releases only as long as the carried state is all zeros.

    Returns:
        The last output (B, H), or all (B, T, H) with `return_sequences`; with `return_state` a list of that and the
        state.
    """

    supports_masking = True
    casts_integers = True
    has_time_axis = True
    multiplies_features = True
    own_place = "cell/vars"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.input_spec = InputSpec(ndim=3)
        self._seeds = SeedGenerator(self.seed)

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

    @staticmethod
    def _sequence_shape(input_shape: Any) -> Shape:
        """The shape of the sequences, where the input may be a list `[x, *state]`."""
        return tuple(input_shape) if structure.is_shape(input_shape) else tuple(input_shape[0])

    # -- calling ----------------------------------------------------------------------------------------------------

    def __call__(self, inputs: Any, initial_state: Any = None, *args: Any, **kwargs: Any) -> Any:
        # Keras's order: the state is second, and then come call's other arguments.
        inputs, initial_state = self._apart(inputs, initial_state)
        if initial_state is not None:
            initial_state = self._checked_states("initial_state", initial_state, self._batch_of(inputs))
            kwargs["initial_state"] = initial_state
        return super().__call__(inputs, *args, **kwargs)

    def _batch_of(self, inputs: Any) -> int | None:
        shape = np.shape(inputs) if not hasattr(inputs, "shape") else inputs.shape
        return shape[1 if self.time_major else 0] if len(shape) > 1 else None

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
        zeroed_after = mask is not None and self._zeroes_in_the_other_order
        traversal = Traversal(
            mask=mask,
            go_backwards=self.go_backwards,
            sequences=self.return_sequences,
            zero_masked=self.zero_output_for_mask and not zeroed_after,
            unroll=self.unroll,
            **(masks_of(self, xp, x) if training else {}),
        )
        start = self._carried.start(xp, x, initial_state)
        return self.current_op(xp, training=training), x, start, traversal

    def _given(self, prepared: Call, y: Array, final: State) -> Any:
        """What the layer gives, of what the engine gave."""
        _, x, _, traversal = prepared
        self._carried.keep(x, final)
        xp = namespace(y)
        if traversal.mask is not None and self._zeroes_in_the_other_order:
            y = xp.where(traversal.mask[..., None], y, xp.zeros_like(y))
        if self.return_sequences and self.time_major:
            y = xp.swapaxes(y, 0, 1)
        return [y, *final] if self.return_state else y

    @property
    def _zeroes_in_the_other_order(self) -> bool:
        """Keras's unrolled loops repeat outputs at masked steps, and set them to zero when all are there: by the mask
        in the order of time, also where the outputs are in the other order.
        """
        return self.unroll and self.go_backwards and self.return_sequences and self.zero_output_for_mask

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

    def _fitting_mask(self, xp: Any, mask: Any, x: Array) -> Array:
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
            if mask is None:
                return None
        mask = given = xp.asarray(mask)
        if mask.ndim == 3 and mask.shape[-1] == 1:
            mask = mask[..., 0]
        if self.time_major and mask.ndim == 2:
            mask = xp.swapaxes(mask, 0, 1)
        if tuple(mask.shape) != tuple(x.shape[:2]):
            batch, steps = x.shape[:2]
            words = f"(time, batch) = {(steps, batch)}" if self.time_major else f"(batch, time) = {(batch, steps)}"
            raise ValueError(f"{self.label}: the mask must have the shape {words}, got {tuple(given.shape)}.")
        return xp.astype(mask, xp.bool) if mask.dtype.kind != "b" else mask

    # -- state ------------------------------------------------------------------------------------------------------

    @property
    def states(self) -> list[Variable]:
        """The state that a stateful layer carries, as variables (B, H); empty before the batch size is known."""
        return list(self._states)

    @property
    def _carried(self) -> CarriedState:
        return CarriedState(self)

    def reset_states(self, states: Any = None) -> None:
        """Set the carried state to zeros, or to `states`: arrays (B, H), as many as the cell's state has.

        Raises:
            ValueError: where the layer is not stateful, or the arrays do not fit; nothing changes then.
        """
        if not self.stateful:
            raise ValueError(f"{self.label} carries no state to reset: it was made with stateful=False.")
        self._carried.reset(states)

    reset_state = reset_states

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
