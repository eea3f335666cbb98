"""Layers that act in training alone."""

from __future__ import annotations

from gatewise.layers import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
)
from gatewise.streaming.emission import Emission
from gatewise.streaming.rules.base import PerStep, rule


@rule(Dropout, SpatialDropout1D, GaussianNoise, GaussianDropout, AlphaDropout, ActivityRegularization)
class Passing(PerStep):
    """The input itself."""

    def emit(self, to: Emission) -> None:
        (x,), (y,) = self.inputs, self.outputs
        to.put(y, to.number(x), to.mask(x))
