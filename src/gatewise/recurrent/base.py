"""What all recurrent layers share: the arguments, the weights, the state, the masks, the dropout. A layer adds its
cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from gatewise import activations
from gatewise.arguments import (
    KEYWORD_IN_KERAS2,
    Argument,
    activation,
    constraint,
    count,
    flag,
    initializer,
    one_of,
    rate,
    regularizer,
    seed,
)
from gatewise.base import release, structure
from gatewise.base.arrays import as_array, namespace, shape_of
from gatewise.base.typing import Array, Shape
from gatewise.base.variable import State as StateVariable
from gatewise.base.variable import Variable, current_scope
from gatewise.engine.cells import Cell, State
from gatewise.engine.recurrence import Recurrence, Way, forward
from gatewise.layer import Layer
from gatewise.layer.input_spec import InputSpec
from gatewise.random import SeedGenerator
from gatewise.recurrent.precision import Precision, unfit


def use_cudnn() -> Argument[Any, Any]:
    """Keras 3's choice of kernel: accepted, and without effect here."""
    return Argument(default="auto", parse=one_of("auto", True, False), after="unroll", places=KEYWORD_IN_KERAS2)


def implementation(**options: Any) -> Argument[int, int]:
    """1 draws a dropout mask for each gate, 2 one for all; 0 is Keras 2.0's."""
    return Argument(default=2, tf1=1, parse=one_of(0, 1, 2), kw_only=True, in_config=None, **options)


class TakesState(Layer):
    """What layers share that take a state beside a sequence."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._release = release.current()

    def _apart(self, inputs: Any, initial_state: Any) -> tuple[Any, Any]:
        """The sequences and the initial state, which may come as a list `[x, *state]`."""
        if not isinstance(inputs, (list, tuple)) or not inputs or not hasattr(inputs[0], "shape"):
            return inputs, initial_state
        sequences, *state = inputs
        if state and initial_state is not None:
            raise ValueError(f"{self.label}: the initial state came twice, with the inputs and as `initial_state`.")
        return sequences, state or initial_state

    def _resolve_mask(self, inputs: Any, carried: Any, kwargs: dict[str, Any]) -> Any:
        """In Keras 3 a mask that travels with the sequence does not reach a layer that is given a state as well.

        It looks for one mask an array, under names that `call` does not have. The mask still goes on behind the layer.
        """
        passed = kwargs.get("mask") is not None
        mask = super()._resolve_mask(inputs, carried, kwargs)
        if self._release == "keras3" and kwargs.get("initial_state") is not None and not passed:
            kwargs["mask"] = None
        return mask


class HasUnits(TakesState):
    """The first arguments of all recurrent layers."""

    units: Argument[int, int] = count()
    activation: Argument[Any, Callable[[Array], Array]] = activation("tanh")


class Gated(HasUnits):
    """The argument of layers with gates, which stands between the first arguments and the others.

    It is a class, and not a part of each such layer, so that type checkers see it in its place.
    """

    recurrent_activation: Argument[Any, Callable[[Array], Array]] = activation("sigmoid", tf1="hard_sigmoid")


class RecurrentLayer(HasUnits):
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

    cell: ClassVar[type[Cell]]

    use_bias: Argument[bool, bool] = flag(True)
    kernel_initializer: Argument[Any, Any] = initializer("glorot_uniform")
    recurrent_initializer: Argument[Any, Any] = initializer("orthogonal")
    bias_initializer: Argument[Any, Any] = initializer("zeros")
    kernel_regularizer: Argument[Any, Any] = regularizer()
    recurrent_regularizer: Argument[Any, Any] = regularizer()
    bias_regularizer: Argument[Any, Any] = regularizer()
    activity_regularizer = regularizer()  # Not annotated: to type checkers it is `Layer`'s, by keyword only.
    kernel_constraint: Argument[Any, Any] = constraint()
    recurrent_constraint: Argument[Any, Any] = constraint()
    bias_constraint: Argument[Any, Any] = constraint()
    dropout: Argument[Any, float] = rate(0.0)
    recurrent_dropout: Argument[Any, float] = rate(0.0)
    seed: Argument[Any, int | None] = seed(places=KEYWORD_IN_KERAS2)
    return_sequences: Argument[bool, bool] = flag(False)
    return_state: Argument[bool, bool] = flag(False)
    go_backwards: Argument[bool, bool] = flag(False)
    stateful: Argument[bool, bool] = flag(False)
    unroll: Argument[bool, bool] = flag(False)
    implementation: Argument[int, int] = implementation(places={"tf1": "recurrent_dropout"})
    time_major: Argument[bool, bool] = flag(False, kw_only=True, in_config=None)
    zero_output_for_mask: Argument[bool, bool] = flag(False, kw_only=True)
    precision: Argument[Any, str] = Precision()

    supports_masking = True
    casts_integers = True
    has_time_axis = True
    _prepared: ClassVar[dict[str, Any]] = {"_op": None}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.input_spec = InputSpec(ndim=3)
        self._seeds = SeedGenerator(self.seed)
        self._op: tuple[tuple[Any, ...], Recurrence] | None = None
        self._batch_kept: int | None = None

    # -- weights ----------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make kernel (I, gH), recurrent_kernel (H, gH) and bias for inputs (B, T, I)."""
        shape = self._sequence_shape(input_shape)
        if shape[-1] is None:
            raise ValueError(
                f"{self.label}: the last axis of the input must be known to make the weights, got {shape}."
            )
        width = self.units * len(self.cell.gates)
        self.kernel = self._add_declared("kernel", (shape[-1], width))
        self.recurrent_kernel = self._add_declared("recurrent_kernel", (self.units, width), words="recurrent")
        self.bias = None
        if self.use_bias:
            self.bias = self._add_declared("bias", self._bias_shape(width), initializer=self._bias_start)
        self.input_spec = InputSpec(ndim=3, axes={-1: shape[-1]})
        batch = shape[1] if self.time_major else shape[0]
        if self.stateful and batch is not None and not self._states:
            self._make_states(batch)

    def _bias_shape(self, width: int) -> tuple[int, ...]:
        return (width,)

    def _bias_start(self, shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
        return np.asarray(self.bias_initializer(shape, dtype=dtype))

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
        if len(states) != self.cell.states or nested:
            came = "a list in a list" if nested else len(states)
            raise ValueError(
                f"{self.label}: {what} needs {self._state_words()}, each (batch, {self.units}), but {came} came."
            )
        states = [s if hasattr(s, "shape") else as_array(s, f"{self.label}: {what}") for s in states]
        if batch is None and shape_of(states[0]):
            batch = shape_of(states[0])[0]
        for state in states:
            shape = shape_of(state)
            fits = len(shape) == 2 and shape[1] in (self.units, None)
            if not fits or (batch is not None and shape[0] not in (batch, None)):
                raise ValueError(
                    f"{self.label}: {what} must have the shape ({'batch' if batch is None else batch}, {self.units}), "
                    f"got {shape}."
                )
        return states

    def _state_words(self) -> str:
        return "one array (h)" if self.cell.states == 1 else f"{self.cell.states} arrays (h, c)"

    def call(self, inputs: Any, mask: Any = None, training: bool = False, initial_state: Any = None) -> Any:
        """Run the recurrence; see the class for the arguments."""
        xp = namespace(inputs, self.kernel.value)
        x = xp.swapaxes(inputs, 0, 1) if self.time_major else inputs
        if mask is not None:
            mask = self._fitting_mask(xp, mask, x)
        way = Way(
            mask=mask,
            go_backwards=self.go_backwards,
            sequences=self.return_sequences,
            zero_masked=self.zero_output_for_mask,
            unroll=self.unroll,
            **self._dropout_masks(xp, x, training),
        )
        y, final = forward(self._recurrence(xp, training), x, self._start_state(xp, x, initial_state), way)
        if self._carries(x):
            for variable, value in zip(self._states, final, strict=True):
                variable.assign(value)
        if self.return_sequences and self.time_major:
            y = xp.swapaxes(y, 0, 1)
        return [y, *final] if self.return_state else y

    def inference(self) -> Callable[[Array], Any] | None:
        """Straight to the native engine, where it can run this layer."""
        if self.stateful or self.time_major or not self.built:
            return None
        op = self._recurrence(np)
        packed = op.packed()
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

    def _recurrence(self, xp: Any, training: bool = False) -> Recurrence:
        """The op with today's weights; the same object as long as they do not change, so that packed weights serve.

        Training computes in the layer's dtype: the precision is of inference.
        """
        bfloat16 = not training and self.precision == "bfloat16"
        weights = [self.kernel.value, self.recurrent_kernel.value, None if self.bias is None else self.bias.value]
        if xp is not np:
            weights = [w if w is None else xp.asarray(w) for w in weights]
            return self._made(weights, bfloat16)
        stamp = (*map(id, weights), self.activation, self._sigma, bfloat16)
        held = self._op
        if held is None or held[0] != stamp:
            # The op holds the arrays, so their ids stay theirs. Another thread may hold other weights: hence `held`.
            held = self._op = (stamp, self._made(weights, bfloat16))
        return held[1]

    def _made(self, weights: list[Any], bfloat16: bool) -> Recurrence:
        phi, sigma = activations.known_name(self.activation), activations.known_name(self._sigma)
        plain = None if phi is None or sigma is None else (phi, sigma)
        kernel, recurrent_kernel, bias = weights
        if bfloat16 and kernel.dtype != np.float32:  # The dtype was set after the precision.
            raise unfit(self.label, str(kernel.dtype), "bfloat16")
        return Recurrence(
            self.cell, kernel, recurrent_kernel, bias, self.activation, self._sigma, plain, bfloat16=bfloat16
        )

    @property
    def _sigma(self) -> Callable[[Array], Array]:
        """The activation of the gates; SimpleRNN has none and its cell never calls it."""
        return getattr(self, "recurrent_activation", activations.linear)

    def _dropout_masks(self, xp: Any, x: Array, training: bool) -> dict[str, Array | None]:
        """One mask for the whole sequence: one a gate with implementation 1 (and 0), and one in all with 2, which Keras
        leaves for 1 where the state is dropped too.
        """
        gates = 1 if self.implementation == 2 and not self.recurrent_dropout else len(self.cell.gates)
        batch, _, features = x.shape

        def draw(rate: float, *shape: int) -> Array | None:
            return self._seeds.keep(xp, (gates, *shape), rate, x.dtype) if training and 0.0 < rate < 1.0 else None

        return {
            "dropout": draw(self.dropout, batch, 1, features),
            "recurrent_dropout": draw(self.recurrent_dropout, batch, self.units),
        }

    # -- state ------------------------------------------------------------------------------------------------------

    @property
    def states(self) -> list[Variable]:
        """The state that a stateful layer carries, as variables (B, H); empty before the batch size is known."""
        return list(self._states)

    def _start_state(self, xp: Any, x: Array, initial_state: Any) -> State | None:
        if initial_state is not None:
            state = tuple(xp.astype(xp.asarray(s), x.dtype) for s in initial_state)
            return self._given_or_carried(xp, state) if self._carries(x) else state
        if not self._carries(x):
            return None
        self._claim_batch(x.shape[0])
        return tuple(xp.asarray(variable.value) for variable in self._states)

    def _carries(self, x: Array) -> bool:
        """Whether the layer's own state takes part: an empty batch has none to carry, and leaves it alone."""
        return self.stateful and x.shape[0] > 0

    def _given_or_carried(self, xp: Any, given: State) -> State:
        """Where a stateful layer starts when it is given a state as well: see the class."""
        self._claim_batch(given[0].shape[0])
        if self._release == "keras3":
            return given
        carried = [xp.asarray(variable.value) for variable in self._states]
        moved = xp.any(xp.stack([xp.any(state != 0) for state in carried]))
        return tuple(xp.where(moved, old, new) for old, new in zip(carried, given, strict=True))

    def _claim_batch(self, batch: int) -> None:
        """Make states for the first batch that comes, and hold every later one to its size."""
        if not self._states:
            self._make_states(batch)
        kept = self._states[0].shape[0]
        if batch != kept:
            raise ValueError(
                f"{self.label} is stateful and carries the state of {kept} sequences, but a batch of {batch} came. "
                f"Pass batches of {kept} (in predict: batch_size={kept}, and a number of samples that it divides), "
                "or start anew with a new batch size by building the model again."
            )

    def _make_states(self, batch: int) -> None:
        zeros = np.zeros((batch, self.units), self.dtype)
        self._states.extend(
            StateVariable(zeros, name=f"state_{k}", path=f"{self.name}/state_{k}", trainable=False)
            for k in range(self.cell.states)
        )
        if (scope := current_scope()) is not None:
            scope.on_error(self._states.clear)

    def reset_states(self, states: Any = None) -> None:
        """Set the carried state to zeros, or to `states`: arrays (B, H), as many as the cell's state has.

        Raises:
            ValueError: where the layer is not stateful, or the arrays do not fit; nothing changes then.
        """
        if not self.stateful:
            raise ValueError(f"{self.label} carries no state to reset: it was made with stateful=False.")
        if states is None:
            for variable in self._states:
                variable.assign(np.zeros(variable.shape))
            return
        batch = self._states[0].shape[0] if self._states else None
        checked = [np.asarray(s) for s in self._checked_states("states", states, batch)]
        if not self._states:
            self._make_states(checked[0].shape[0])
        for variable, value in zip(self._states, checked, strict=True):
            variable.assign(value)

    reset_state = reset_states

    # -- description ------------------------------------------------------------------------------------------------

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(B, H) or (B, T, H); with `return_state` a list of that and (B, H) for each part of the state."""
        first, second, _ = self._sequence_shape(input_shape)
        batch = second if self.time_major else first
        output: Shape = (first, second, self.units) if self.return_sequences else (batch, self.units)
        return [output] + [(batch, self.units)] * self.cell.states if self.return_state else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask goes on where the output has a time axis; the state has none."""
        own = mask[0] if isinstance(mask, (list, tuple)) else mask
        own = own if self.return_sequences else None
        return [own] + [None] * self.cell.states if self.return_state else own


def _holds_states(given: Any) -> bool:
    """Whether there are whole states (B, H) among the parts of `given`, and not rows or numbers."""
    return any(len(getattr(leaf, "shape", ())) > 1 for leaf in structure.flatten(given))
