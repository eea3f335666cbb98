"""A layer applied to each time step."""

from __future__ import annotations

from typing import Any

from gatewise import layers
from gatewise.layer import Layer
from gatewise.streaming.emission import Emission, NotNativeError
from gatewise.streaming.rules.base import PerStep, Rule, rule, rule_of
from gatewise.streaming.values import Value


@rule(layers.TimeDistributed)
class TimeDistributed(PerStep):
    """What the layer inside sees is one time step, which has a batch axis and no time axis."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses a stateful layer inside."""
        if not self.timed:
            raise self.refuse("is not given the model's own time steps")
        if getattr(self.layer.layer, "stateful", False):
            raise self.refuse(f"holds {self.layer.layer.label}, which is stateful")
        super().check(shapes)

    def emit(self, to: Emission) -> None:
        (x, y), inner = self.only(), self.layer.layer
        mask = to.mask(x)
        if mask is not None and not _leaves_masks_alone(inner):
            raise NotNativeError
        seen = Value(x.shape, timed=False)
        call = self._inner_call(seen, y)
        # One mask a time step is what the layer inside is given where it takes vectors; see `TimeDistributed`.
        to.put(seen, to.number(x), mask if len(x.shape) == 1 else None)
        call.emit(to)
        to.put(y, to.number(call.outputs[0]), mask)

    def _inner_call(self, seen: Value, given: Value) -> Rule:
        kind = rule_of(type(self.layer.layer))
        if kind is None:
            raise NotNativeError
        try:
            return kind(self.model, self.layer.layer, self.path, (seen,), {}, [(None, *given.shape)])
        except ValueError:  # It needs time steps of its own.
            raise NotNativeError from None


def _leaves_masks_alone(layer: Layer) -> bool:
    return layer.supports_masking and type(layer).compute_mask is Layer.compute_mask
