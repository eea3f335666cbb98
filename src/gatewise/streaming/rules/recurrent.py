"""Recurrent layers: what stays is the cell's states."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base import masks
from gatewise.base.typing import Array
from gatewise.engine import native
from gatewise.engine.op import Op, Traversal
from gatewise.engine.recurrence import forward
from gatewise.recurrent import RecurrentLayer
from gatewise.streaming.emission import Emission, NotNativeError
from gatewise.streaming.rules.base import Rule, rule
from gatewise.streaming.values import Slot, Value


@rule(RecurrentLayer)
class Recurrent(Rule):
    """A recurrence over the model's own time steps."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses what reads ahead, or starts from a state that a model computes."""
        layer = self.layer
        if layer.go_backwards:
            raise self.refuse("has go_backwards=True: it would have to read the end of the sequence first")
        if len(self.inputs) != 1 or "initial_state" in self.kwargs:
            raise self.refuse("takes its initial state from another layer; a stream's state starts with its own")
        if layer.time_major:
            raise self.refuse("has time_major=True; make it with time_major=False")
        if not self.timed or len(self.inputs[0].shape) != 1:
            raise self.refuse("is not given the model's own time steps")

    def outputs_for(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        """The output, and with `return_state` the states."""
        output, *states = shapes
        return [
            self.value(output, timed=self.layer.return_sequences),
            *(self.value(shape, timed=False) for shape in states),
        ]

    def slots_for(self) -> list[Slot]:
        """A slot for each state."""
        parts = zip(self.layer._equation.states, self.layer.state_widths, strict=True)
        return [Slot(self.path, name, (width,)) for name, width in parts]

    def emit(self, to: Emission) -> None:
        (x,), layer = self.inputs, self.layer
        mask = to.mask(x)
        y, places = emit_recurrence(to, to.number(x), mask, layer.current_op(), layer.zero_output_for_mask)
        to.put(self.outputs[0], y, mask if layer.return_sequences else None)
        for value, place in zip(self.outputs[1:], places, strict=False):
            to.put_later(value, lambda value=value, place=place: to.program.take_state(place, value.width))  # type: ignore[misc]

    def run(self, arrays: dict[Value, Array], held: dict[Slot, Array]) -> None:
        """One time step of the recurrence, on whichever engine has its activations."""
        x = arrays[self.inputs[0]]
        mask = masks.of(x)
        x = self.layer._converted(x)
        before = tuple(held[slot] for slot in self.slots)
        y, final = forward(self.layer.current_op(), x, before, Traversal(mask=mask))
        if mask is not None:
            # A masked step repeats the output before it, which is the state that came.
            repeated = np.zeros_like(before[0]) if self.layer.zero_output_for_mask else before[0]
            y = np.where(mask[..., None], y, repeated[:, None])
        held.update(zip(self.slots, final, strict=True))
        first = self.outputs[0]
        arrays[first] = y if first.timed else y[:, 0]
        if first.timed:
            masks.attach(arrays[first], mask)
        arrays.update(zip(self.outputs[1:], final, strict=False))


def emit_recurrence(to: Emission, x: int, mask: int | None, op: Op, zero_masked: bool) -> tuple[int, list[int]]:
    """Add a recurrence over the value `x`; returns where its output is, and where in the record each state."""
    if not native.has_equation(op) or not isinstance(op.kernel, np.ndarray) or op.kernel.dtype != np.float32:
        raise NotNativeError
    cell, weights, phi, sigma, precision = native.arguments(op)
    arrays: dict[str, Array | None] = {name: np.ascontiguousarray(array) for name, array in weights.items()}
    number = -1 if mask is None else mask
    y, places = to.program.recurrence(x, number, cell, arrays, phi, sigma, zero_masked, precision=precision)
    return int(y), list(places)
