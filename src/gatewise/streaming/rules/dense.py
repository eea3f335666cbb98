"""Layers that multiply by a table of weights, or look up in one."""

from __future__ import annotations

from typing import Any

from gatewise import layers
from gatewise.streaming.emission import Emission, NotNativeError, emit_activation
from gatewise.streaming.rules.base import PerStep, rule


@rule(layers.Dense)
class Dense(PerStep):
    """y = phi(x W + b)."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses a Dense on the time axis."""
        if self.timed and not self.inputs[0].shape:
            raise self.refuse("multiplies all time steps together: its input has no axis of features")
        super().check(shapes)

    def emit(self, to: Emission) -> None:
        (x, y), layer = self.only(), self.layer
        number = to.program.dense(to.number(x), self.weight(layer.kernel), self.weight(layer.bias))
        to.put(y, emit_activation(to, number, layer.activation, layer.units, in_place=True), to.mask(x))


@rule(layers.Embedding)
class Embedding(PerStep):
    """Rows of a table at the ids."""

    def emit(self, to: Emission) -> None:
        (ids, y), layer = self.only(), self.layer
        number, mask = to.number(ids), None
        made = to.program.embedding(number, self.weight(layer.embeddings), layer.label)
        if layer.mask_zero and ids.timed:
            if ids.width != 1:
                raise NotNativeError
            mask = to.program.mask_zero(number)
        to.put(y, made, mask)
