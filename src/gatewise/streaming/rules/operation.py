"""Arithmetic on symbolic tensors: number by number; and `x[:, -1]`, the present time step."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gatewise import layers
from gatewise.base.typing import Array
from gatewise.streaming.emission import Emission, NotNativeError
from gatewise.streaming.rules.base import PerStep, rule
from gatewise.streaming.values import Slot, Value

_ELEMENTWISE: Final = frozenset({
    *("Add", "Subtract", "Multiply", "TrueDivide", "Power", "Negative", "Absolute"),
    *("Exp", "Log", "Sqrt", "Square", "Tanh", "Sin", "Cos"),
})  # fmt: skip
_NATIVE: Final = {"Add": "add", "Subtract": "subtract", "Multiply": "multiply"}


@rule(layers.Operation)
class Operation(PerStep):
    """One operation."""

    @property
    def picks(self) -> bool:
        """Whether it picks time steps of a sequence."""
        return self.timed and self.layer.operation == "GetItem"

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses what looks at other time steps."""
        if self.picks:
            if not self._takes_last():
                raise self.refuse("picks steps of a sequence; only x[:, -1] and x[:, -1, :], the last one, can stream")
            return
        if self.timed:
            if self.layer.operation not in _ELEMENTWISE:
                raise self.refuse("does not treat each time step by itself")
            constants = [np.shape(leaf) for leaf in self.args if not isinstance(leaf, Value)]
            if any(len(shape) > len(self.inputs[0].shape) for shape in constants):
                raise self.refuse("has a constant with a time axis")
        super().check(shapes)

    def outputs_for(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        """The last time step is no sequence."""
        return [Value(self.inputs[0].shape, timed=False)] if self.picks else super().outputs_for(shapes)

    def _takes_last(self) -> bool:
        key = self.args[1]
        whole = {"start": None, "stop": None, "step": None}
        if not isinstance(key, list) or len(key) < 2 or key[1] != -1:
            return False
        return all(isinstance(part, dict) and part.get("config", part) == whole for part in [key[0], *key[2:]])

    def emit(self, to: Emission) -> None:
        operation, (y,) = self.layer.operation, self.outputs
        if self.picks:
            to.put(y, to.number(self.inputs[0]))
            return
        same = len(self.inputs) == len(self.args) and len({value.shape for value in self.inputs}) == 1
        if operation not in _NATIVE or not same:
            raise NotNativeError
        to.put(y, to.program.merge(_NATIVE[operation], [to.number(value) for value in self.inputs]))

    def run(self, arrays: dict[Value, Array], held: dict[Slot, Array]) -> None:
        """The operation; the last step of one is that one."""
        if self.picks:
            arrays[self.outputs[0]] = np.asarray(arrays[self.inputs[0]])[:, -1]
        else:
            super().run(arrays, held)
