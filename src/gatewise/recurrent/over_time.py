"""What layers share that go over time: their arguments, the state that they are given and carry, and their masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.arguments import Argument, flag
from gatewise.base import structure
from gatewise.base.arrays import as_array, namespace
from gatewise.base.typing import Array, Shape
from gatewise.recurrent.carried import CarriedState
from gatewise.recurrent.initial_state import TakesState


class OverTime(TakesState):
    """The base of the layers that run a cell over time: LSTM and its kin, RNN, and ConvLSTM2D and its kin.

    Call arguments:
        inputs: (B, T, ...), or (T, B, ...) with `time_major`. A list `[x, *state]` gives the initial state too.
        mask: (B, T) booleans, or (T, B) with `time_major`: a False step carries the state through and repeats the
            output before it.
        lengths: (B,) integers, in place of a mask: how many of the first steps of each sequence are real.
        training: whether dropout acts.
        initial_state: arrays (B, ...), as many as the cell's state has; zeros by default. Where the layer is
            `stateful`, Keras 3 starts from it at each call, and earlier releases only as long as the carried state is
            all zeros.

    Returns:
        The last output (B, ...), or all (B, T, ...) with `return_sequences`; with `return_state` a list of that and the
        state.
    """

    return_sequences: Argument[bool, bool] = flag(False)
    return_state: Argument[bool, bool] = flag(False)
    go_backwards: Argument[bool, bool] = flag(False)
    stateful: Argument[bool, bool] = flag(False)
    unroll: Argument[bool, bool] = flag(False)
    time_major: Argument[bool, bool] = flag(False, kw_only=True, in_config=None)
    zero_output_for_mask: Argument[bool, bool] = flag(False, kw_only=True)

    supports_masking = True
    casts_integers = True

    # -- what a layer says ------------------------------------------------------------------------------------------

    def _checked_states(self, what: str, given: Any, batch: int | None) -> list[Any]:
        """The arrays of a state that was given, or a clear error that calls it `what`."""
        raise NotImplementedError

    def _fresh_state(self, batch: int) -> list[Array]:
        """The arrays of the state that B sequences start from."""
        raise NotImplementedError

    # -- calling ----------------------------------------------------------------------------------------------------

    def __call__(self, inputs: Any, initial_state: Any = None, *args: Any, **kwargs: Any) -> Any:
        # Keras's order: the state is second, and then come call's other arguments.
        inputs, initial_state = self._apart(inputs, initial_state)
        if initial_state is not None:
            initial_state = self._checked_states("initial_state", initial_state, self._batch_of(inputs))
            kwargs["initial_state"] = initial_state
        return super().__call__(inputs, *args, **kwargs)

    @staticmethod
    def _sequence_shape(input_shape: Any) -> Shape:
        """The shape of the sequences, where the input may be a list `[x, *state]`."""
        return tuple(input_shape) if structure.is_shape(input_shape) else tuple(input_shape[0])

    def _batch_of(self, inputs: Any) -> int | None:
        shape = np.shape(inputs) if not hasattr(inputs, "shape") else inputs.shape
        return shape[1 if self.time_major else 0] if len(shape) > 1 else None

    def _fitting_mask(self, xp: Any, mask: Any, x: Array) -> Array:
        """The mask as booleans (B, T), for sequences x (B, T, ...)."""
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

    @property
    def _zeroes_each_step(self) -> bool:
        """Whether the output of a masked step is zero as soon as the step is done."""
        return self.zero_output_for_mask and not self._zeroes_in_the_other_order

    @property
    def _zeroes_in_the_other_order(self) -> bool:
        """Keras's unrolled loops repeat outputs at masked steps, and set them to zero when all are there: by the mask
        in the order of time, also where the outputs are in the other order.
        """
        return self.unroll and self.go_backwards and self.return_sequences and self.zero_output_for_mask

    def _zeroed_after(self, y: Array, mask: Array | None) -> Array:
        """An output (B, T, ...) of all steps, with zeros where they are set when all steps are there."""
        if mask is None or not self._zeroes_in_the_other_order:
            return y
        xp = namespace(y, mask)
        return xp.where(xp.reshape(mask, (*mask.shape, *[1] * (y.ndim - 2))), y, xp.zeros_like(y))

    # -- state ------------------------------------------------------------------------------------------------------

    @property
    def states(self) -> list[Any]:
        """The state that a stateful layer carries, as variables (B, ...); empty before the batch size is known."""
        return list(self._states)

    @property
    def _carried(self) -> CarriedState:
        return CarriedState(self)

    def reset_states(self, states: Any = None) -> None:
        """Set the carried state to zeros, or to `states`: arrays (B, ...), as many as the cell's state has.

        Raises:
            ValueError: where the layer is not stateful, or the arrays do not fit; nothing changes then.
        """
        if not self.stateful:
            raise ValueError(f"{self.label} carries no state to reset: it was made with stateful=False.")
        self._carried.reset(states)

    reset_state = reset_states

    def get_initial_state(self, inputs: Any = None, batch_size: int | None = None) -> list[Any]:
        """The state that sequences start from: a list of arrays (B, ...).

        Args:
            inputs: the sequences, as tf_keras asks for them, or B, as Keras 3 does.
            batch_size: B, by name.

        Raises:
            ValueError: where neither came.

        >>> from gatewise.recurrent import LSTM
        >>> [state.shape for state in LSTM(4).get_initial_state(batch_size=2)]
        [(2, 4), (2, 4)]
        """
        return self._fresh_state(batch_size_of(self, inputs, batch_size))


def batch_size_of(layer: Any, inputs: Any, batch_size: Any) -> int:
    """B, from what either generation's `get_initial_state` is called with.

    Raises:
        ValueError: where nothing says it.
    """
    if batch_size is None and inputs is not None:
        axis = 1 if getattr(layer, "time_major", False) else 0
        first = structure.flatten(inputs)[0]
        batch_size = first if np.ndim(first) == 0 else as_array(first, f"{layer.label}: inputs").shape[axis]
    if batch_size is None:
        raise ValueError(f"{layer.label}: get_initial_state needs batch_size, or inputs to take it from.")
    return int(batch_size)
