"""Layers that give their input on: those that act in training alone, and Identity."""

from __future__ import annotations

from gatewise.layers import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Identity,
    SpatialDropout1D,
)
from gatewise.streaming.emission import Emission
from gatewise.streaming.rules.base import PerStep, rule


@rule(Dropout, SpatialDropout1D, GaussianNoise, GaussianDropout, AlphaDropout, ActivityRegularization, Identity)
class Passing(PerStep):
    """The input itself."""

    def emit(self, to: Emission) -> None:
        x, y = self.only()
        to.put(y, to.number(x), to.mask(x) if self.layer.supports_masking else None)
