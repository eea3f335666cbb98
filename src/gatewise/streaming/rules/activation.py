"""The activations that are layers of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise.layers import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax, ThresholdedReLU
from gatewise.streaming.emission import Emission, NotNativeError, emit_activation, emit_with_parameters
from gatewise.streaming.rules.base import PerStep, rule


@rule(Activation)
class ByName(PerStep):
    """Any activation."""

    def emit(self, to: Emission) -> None:
        x, y = self.only()
        size = x.shape[-1] if x.shape else 0
        to.put(y, emit_activation(to, to.number(x), self.layer.activation, size, in_place=False), to.mask(x))


_WITH_PARAMETERS: Final[dict[type, tuple[str, Callable[[Any], dict[str, Any]]]]] = {
    LeakyReLU: ("leaky_relu", lambda layer: {"negative_slope": layer.negative_slope}),
    ELU: ("elu", lambda layer: {"alpha": layer.alpha}),
    ThresholdedReLU: ("threshold", lambda layer: {"threshold": layer.theta, "default_value": 0.0}),
    ReLU: ("relu", lambda layer: {name: getattr(layer, name) for name in ("negative_slope", "max_value", "threshold")}),
}


@rule(*_WITH_PARAMETERS)
class WithParameters(PerStep):
    """Activations whose parameters are arguments of the layer."""

    def emit(self, to: Emission) -> None:
        x, y = self.only()
        name, parameters = next(own for kind, own in _WITH_PARAMETERS.items() if isinstance(self.layer, kind))
        made = emit_with_parameters(to, to.number(x), name, parameters(self.layer), in_place=False)
        to.put(y, made, to.mask(x))


@rule(PReLU)
class LearnedSlope(PerStep):
    """A slope for each number; alpha is (T, ...), or (1, ...) where time steps share it."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses slopes that differ over time."""
        if self.timed and self.layer.alpha.shape[0] != 1:
            raise self.refuse("has an alpha for each time step; with shared_axes=[1] it could")
        super().check(shapes)

    def emit(self, to: Emission) -> None:
        x, y = self.only()
        alpha = self.weight(self.layer.alpha)
        alpha = np.broadcast_to(alpha[0] if x.timed else alpha, x.shape)
        to.put(y, int(to.program.prelu(to.number(x), np.ascontiguousarray(alpha).reshape(-1))), to.mask(x))


@rule(Softmax)
class OverAnAxis(PerStep):
    """Softmax along the features."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses what looks along the time axis."""
        self.check_axes(shapes, "takes all time steps together")
        super().check(shapes)

    def emit(self, to: Emission) -> None:
        x, y = self.only()
        if self.layer.axis != -1 or not x.shape or to.mask(x) is not None:
            raise NotNativeError
        to.put(y, int(to.program.softmax(to.number(x), x.shape[-1], False)))
