"""RNN and ConvLSTM: what stays is the state of the cell, whatever cell it is."""

from __future__ import annotations

from typing import Any

from gatewise.base import masks
from gatewise.base.typing import Array
from gatewise.recurrent.rnn import CellOverTime, engine_cells
from gatewise.streaming.emission import Emission, NotNativeError
from gatewise.streaming.rules.base import Rule, rule
from gatewise.streaming.rules.recurrent import emit_recurrence
from gatewise.streaming.values import Slot, Value


@rule(CellOverTime)
class OfCell(Rule):
    """A cell over the model's own time steps: built-in ones natively, any other by its own code."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses what reads ahead, starts from what a model computes, or begins at another state than zeros."""
        layer = self.layer
        if layer.go_backwards:
            raise self.refuse("has go_backwards=True: it would have to read the end of the sequence first")
        if len(self.inputs) != 1 or {"initial_state", "constants"} & set(self.kwargs):
            raise self.refuse("takes states or constants from another layer; a stream's state starts with its own")
        if layer.time_major:
            raise self.refuse("has time_major=True; make it with time_major=False")
        if not self.timed or (engine_cells(layer._cell) is not None and len(self.inputs[0].shape) != 1):
            raise self.refuse("is not given the model's own time steps")
        if any(state.any() for state in layer._fresh_state(1)):
            raise self.refuse("has a cell that starts from another state than zeros, with which streams begin")

    def outputs_for(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        """The output, and with `return_state` the states."""
        output, *states = shapes
        return [
            self.value(output, timed=self.layer.return_sequences),
            *(self.value(shape, timed=False) for shape in states),
        ]

    def slots_for(self) -> list[Slot]:
        """A slot for each array of the state."""
        shapes = [tuple(shape) for shape in self.layer._state_shapes()]
        return [Slot(self.path, f"state {k}", shape) for k, shape in enumerate(shapes)]

    def emit(self, to: Emission) -> None:
        known = engine_cells(self.layer._cell)
        if known is None:
            raise NotNativeError
        (x,), layer = self.inputs, self.layer
        mask, y, places = to.mask(x), to.number(x), list[tuple[int, int]]()
        for place, cell in enumerate(known):
            is_last = place == len(known) - 1
            y, own = emit_recurrence(to, y, mask, cell.current_op(), layer.zero_output_for_mask and is_last)
            places += zip(own, cell.state_widths, strict=True)
        to.put(self.outputs[0], y, mask if layer.return_sequences else None)
        for value, (where, _) in zip(self.outputs[1:], places, strict=False):
            to.put_later(value, lambda value=value, where=where: to.program.take_state(where, value.width))  # type: ignore[misc]

    def run(self, arrays: dict[Value, Array], held: dict[Slot, Array]) -> None:
        """One time step, by the layer itself."""
        x = arrays[self.inputs[0]]
        if (mask := masks.of(x)) is not None and not mask.all():
            raise self.refuse("cannot repeat the output of a cell of your own at masked steps, one step at a time")
        y, state = self.layer.steps_from(x, [held[slot] for slot in self.slots])
        held.update(zip(self.slots, state, strict=True))
        first = self.outputs[0]
        arrays[first] = y if first.timed else y[:, 0]
        arrays.update(zip(self.outputs[1:], state, strict=False))
