"""The state that a stateful layer carries from call to call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.base.arrays import numpy_dtype
from gatewise.base.typing import Array
from gatewise.base.variable import StateVariable, all_or_nothing, current_scope
from gatewise.engine.cells import State

if TYPE_CHECKING:
    from gatewise.recurrent.over_time import OverTime


class CarriedState:
    """The variables (B, ...) that hold one layer's state; there are none before the batch size is known."""

    def __init__(self, layer: OverTime) -> None:
        self.layer = layer

    def takes_part(self, x: Array) -> bool:
        """Whether the layer's own state takes part: an empty batch has none to carry, and leaves it alone."""
        return self.layer.stateful and x.shape[0] > 0

    def start(self, xp: Any, x: Array, given: Any) -> State | None:
        """The state to start from: `given`, the carried one, or None for zeros."""
        if given is not None:
            state = tuple(xp.astype(xp.asarray(s), x.dtype) for s in given)
            return self._given_or_carried(xp, state) if self.takes_part(x) else state
        if not self.takes_part(x):
            return None
        self._claim(x.shape[0])
        return tuple(xp.asarray(variable.value) for variable in self.layer._states)

    def keep(self, x: Array, final: State) -> None:
        """Carry on what a call over `x` ended with."""
        if self.takes_part(x):
            self._assign(final)

    def _given_or_carried(self, xp: Any, given: State) -> State:
        """Where a stateful layer starts when it is given a state as well: see `OverTime`."""
        self._claim(given[0].shape[0])
        if self.layer._release == "keras3":
            return given
        carried = [xp.asarray(variable.value) for variable in self.layer._states]
        moved = xp.any(xp.stack([xp.any(state != 0) for state in carried]))
        return tuple(xp.where(moved, old, new) for old, new in zip(carried, given, strict=True))

    @property
    def batch(self) -> int | None:
        """B, once it is known."""
        states = self.layer._states
        return states[0].shape[0] if states else None

    def _claim(self, batch: int) -> None:
        """Make states for the first batch that comes, and hold every later one to its size."""
        if self.batch is None:
            self.make(batch)
        if batch != self.batch:
            raise ValueError(
                f"{self.layer.label} is stateful and carries the state of {self.batch} sequences, but a batch of "
                f"{batch} came. Pass batches of {self.batch} (in predict: batch_size={self.batch}, and a number of "
                "samples that it divides), or start anew with a new batch size by building the model again."
            )

    def make(self, batch: int) -> None:
        """Make the states of that many sequences, as they are at first; where the call around fails, they go."""
        layer = self.layer
        layer._states.extend(
            StateVariable(
                np.asarray(state, numpy_dtype(layer.dtype)),
                name=f"state_{k}",
                path=f"{layer.name}/state_{k}",
                trainable=False,
            )
            for k, state in enumerate(layer._fresh_state(batch))
        )
        if (scope := current_scope()) is not None:
            scope.on_error(layer._states.clear)

    def reset(self, states: Any) -> None:
        """Set the states to zeros, or to `states`; see `OverTime.reset_states`."""
        if states is None:
            self._assign(tuple(np.zeros(variable.shape) for variable in self.layer._states))
            return
        checked = tuple(np.asarray(s) for s in self.layer._checked_states("states", states, self.batch))
        if self.batch is None:
            self.make(checked[0].shape[0])
        self._assign(checked)

    def _assign(self, values: State) -> None:
        with all_or_nothing():
            for variable, value in zip(self.layer._states, values, strict=True):
                variable.assign(value)
