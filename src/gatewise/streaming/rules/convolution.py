"""Convolution over time: what stays is the past that a window reaches back to."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base.typing import Array
from gatewise.layers import Conv1D, DepthwiseConv1D, SeparableConv1D
from gatewise.streaming.emission import Emission, NotNativeError, emit_activation
from gatewise.streaming.rules.base import Rule, rule
from gatewise.streaming.values import Slot, Value


@rule(DepthwiseConv1D, SeparableConv1D)
class Convolution(Rule):
    """Causal convolutions. The past is kept with its oldest step first."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses windows that see ahead, or skip steps."""
        layer = self.layer
        if not self.timed or len(self.inputs[0].shape) != 1:
            raise self.refuse("is not given the model's own time steps")
        if layer.padding != "causal" and layer.kernel_size != (1,):
            raise self.refuse(
                f"has padding={layer.padding!r}, so that an output waits for later steps; padding='causal' can stream"
            )
        if layer.strides != (1,):
            raise self.refuse(f"has strides={layer.strides[0]}, so that it gives fewer steps than it takes")
        if layer.data_format == "channels_first":
            raise self.refuse("has data_format='channels_first'; 'channels_last' can stream")

    def slots_for(self) -> list[Slot]:
        """The steps before this one that a window sees."""
        past = (self.layer.kernel_size[0] - 1) * self.layer.dilation_rate[0]
        return [Slot(self.path, "past", (past, *self.inputs[0].shape))]

    def emit(self, to: Emission) -> None:
        """The native program has no convolution of each feature by itself."""
        raise NotNativeError

    def run(self, arrays: dict[Value, Array], held: dict[Slot, Array]) -> None:
        """One window."""
        layer, (slot,) = self.layer, self.slots
        x = layer._converted(arrays[self.inputs[0]])
        seen = np.concatenate([held[slot].astype(x.dtype), x], axis=1)
        held[slot] = seen[:, 1:]
        arrays[self.outputs[0]] = layer._finished(layer._convolved(seen, [(0, 0)]))


@rule(Conv1D)
class NativeConvolution(Convolution):
    """Causal Conv1D, which the native program has too."""

    def emit(self, to: Emission) -> None:
        """The window's products."""
        (x, y), layer = self.only(), self.layer
        number, _ = to.program.convolution(
            to.number(x), self.weight(layer.kernel), self.weight(layer.bias), layer.dilation_rate[0], layer.groups
        )
        to.put(y, emit_activation(to, number, layer.activation, layer.filters, in_place=True))
