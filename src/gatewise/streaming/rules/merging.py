"""Layers that make one array of several."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any, Final

from gatewise import layers
from gatewise.layers.merging import MaskedMerge
from gatewise.streaming.emission import Emission, NotNativeError
from gatewise.streaming.rules.base import PerStep, rule

_OPERATIONS: Final[dict[type, str]] = {
    layers.Add: "add",
    layers.Subtract: "subtract",
    layers.Multiply: "multiply",
    layers.Average: "average",
    layers.Maximum: "maximum",
    layers.Minimum: "minimum",
}
"""What the native engine calls them."""


@rule(*_OPERATIONS)
class Merge(PerStep):
    """The inputs merged number by number."""

    def emit(self, to: Emission) -> None:
        (y,), layer = self.outputs, self.layer
        if any(value.shape != self.inputs[0].shape for value in self.inputs):
            raise NotNativeError
        masked = any(to.mask(value) is not None for value in self.inputs)
        if masked and layer._keras3 and isinstance(layer, MaskedMerge):
            raise NotNativeError
        operation = next(own for kind, own in _OPERATIONS.items() if isinstance(layer, kind))
        mask = self.merged_mask(to)
        to.put(y, to.program.merge(operation, [to.number(value) for value in self.inputs]), mask)

    def merged_mask(self, to: Emission) -> int | None:
        """Keras 3 lets a step count where any input counts, if all have masks; Keras 2 where all do that have one."""
        own = [to.mask(value) for value in self.inputs]
        given = [mask for mask in own if mask is not None]
        if not given or (self.layer._keras3 and len(given) < len(own)):
            return None
        return reduce(lambda a, b: int(to.program.combine_masks(a, b, self.layer._keras3)), given)


@rule(layers.Concatenate)
class Concatenate(Merge):
    """The inputs one after the other along an axis."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses to join along the time axis."""
        self.check_axes(shapes, "joins sequences along the time axis")
        super().check(shapes)

    def emit(self, to: Emission) -> None:
        first = self.inputs[0]
        axis = self.layer.axis % (len(first.shape) + (2 if first.timed else 1)) - (2 if first.timed else 1)
        if axis < 0:
            raise NotNativeError
        made = to.program.concatenate([to.number(value) for value in self.inputs], math.prod(first.shape[:axis]))
        to.put(self.outputs[0], made, self.merged_mask(to))
