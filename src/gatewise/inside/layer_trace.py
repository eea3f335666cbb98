"""What one recurrent layer computed at every step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from gatewise.base.typing import Array
from gatewise.base.words import NOTHING
from gatewise.engine.cells import Cell, carry_of
from gatewise.inside.memory import memory_in_words, memory_of
from gatewise.inside.named import Named
from gatewise.inside.watching import Seen


class LayerTrace:
    """The gates, the states and the output of one recurrent layer at every step of B sequences.

    Steps stand in the order of the input's time, also where the layer goes backwards (its own output sequence is then
    this one reversed). Gates and states can be had by letter (`gates["f"]`), by name (`gates["forget gate"]`) and as
    attributes (`trace.forget_gate`, `trace.cell_state`).

    Attributes:
        name: in the trace: the layer's name, or its path where two layers have the same.
        path: of the names of what the layer stands in, and its own: "encoder/lstm".
        layer: the class of the layer.
        cell: the equation.
        input: (B, T, I), what came into the layer, also where it is `time_major`.
        gates: (B, T, H) each, after their activation, as the cell's equation says them; NaN at masked steps, which have
            none. Empty for a cell without gates (SimpleRNN), and for a cell of your own that keeps none.
        states: (B, T, H) each, after the step; masked steps carry them through.
        output: (B, T, H), whether or not the layer gives all of it on.
        mask: (B, T) booleans, True where a step counts, or None.
        go_backwards: whether the layer began at the last step.
    """

    def __init__(self, seen: Seen, name: str, path: str) -> None:
        self.name, self.path = name, path
        self.layer: str = type(seen.layer).__name__
        self.cell: type[Cell] = seen.op.cell
        self.go_backwards: bool = seen.traversal.go_backwards
        self.input: np.ndarray = np.asarray(seen.x)
        self.mask: np.ndarray | None = None if seen.traversal.mask is None else np.asarray(seen.traversal.mask)
        reserve, cell = seen.reserve, self.cell
        gates = {letter: self._without_masked(self._in_time(gate)) for letter, gate in reserve.gates.items()}
        self.gates = Named(f"gate of {name!r}", gates, cell.gate_names)
        states = {letter: self._in_time(state) for letter, state in reserve.states.items()}
        self.states = Named(f"state of {name!r}", states, cell.state_names)
        self.output: np.ndarray = self._in_time(reserve.outputs)

    def _in_time(self, computed: Array) -> np.ndarray:
        array = np.asarray(computed)
        return array[:, ::-1] if self.go_backwards else array

    def _without_masked(self, gate: np.ndarray) -> np.ndarray:
        return gate if self.mask is None else np.where(self.mask[..., None], gate, np.asarray(np.nan, gate.dtype))

    @property
    def memory(self) -> np.ndarray | None:
        """How many steps each unit remembers (H,), over all samples and the steps that count: 1 / (1 - mean of f) for
        the forget gate f of an LSTM, or the update gate z of a GRU, which is the share of the old state that stays.

        None for a cell that has no such gate, as SimpleRNN, or does not say which it is (`Cell.carry`). Source:
        `gatewise.inside.memory`.
        """
        return None if self.carry is None else memory_of(self.gates[self.carry], self.mask)

    @property
    def carry(self) -> str | None:
        """The letter of the gate that carries the state on: "f" for an LSTM, "z" for a GRU."""
        letter = carry_of(self.cell)
        return letter if letter in self.gates else None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(B, T, H)."""
        batch, steps, units = self.output.shape
        return batch, steps, units

    def plot(self, sample: int = 0, units: int | Iterable[int] | None = None, *, by_memory: bool = False) -> Any:
        """Draw one sample; see `Trace.plot`."""
        from gatewise.inside.drawing import draw

        return draw([self], sample, units, by_memory=by_memory)

    def _by_long_name(self) -> dict[str, np.ndarray]:
        both = (*self.states.words.items(), *self.gates.words.items())
        held = (*self.states.values(), *self.gates.values())
        return {words.replace(" ", "_"): array for (_, words), array in zip(both, held, strict=True)}

    def __getattr__(self, name: str) -> np.ndarray:
        if name.startswith("_") or "states" not in vars(self):
            raise AttributeError(name)
        found = self._by_long_name()
        if name not in found:
            text = f"The trace of {self.name!r} has no {name!r}. Its gates and states: {[*found]}."
            raise AttributeError(text, name=name, obj=NOTHING)
        return found[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._by_long_name()})

    def __repr__(self) -> str:
        batch, steps, units = self.shape
        kept = " ".join(self.gates) or "none"
        return (
            f"<trace of {self.layer} {self.name!r}: {batch} samples, {steps} steps, {units} units; gates {kept}; "
            f"states {' '.join(self.states)}; memory in steps: {memory_in_words(self.memory)}>"
        )
