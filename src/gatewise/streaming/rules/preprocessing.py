"""Layers that prepare numbers: they scale them, or put them into bins."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise import layers
from gatewise.layers.category_encoding import WHY_WHOLE_SAMPLE
from gatewise.streaming.rules.base import PerStep, rule


@rule(layers.Discretization, layers.IntegerLookup)
class Numbers(PerStep):
    """Numbers of bins or of words."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses rows for a whole sample."""
        if self.timed and self.layer.output_mode != "int":
            raise self.refuse(WHY_WHOLE_SAMPLE)
        super().check(shapes)


@rule(layers.Rescaling)
class Scaled(PerStep):
    """Factors, one for all numbers or one a feature."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses factors that may differ over time."""
        axes = max(np.ndim(self.layer.scale), np.ndim(self.layer.offset))
        if self.timed and axes >= max(2, len(shapes[0]) - 1):
            raise self.refuse("has factors that may differ over time")
        super().check(shapes)


@rule(layers.Normalization)
class Normalized(PerStep):
    """A mean and a variance, the same for all time steps."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses a mean for each time step."""
        if self.timed and any(axis % len(shapes[0]) == 1 for axis in self.layer._axes):
            raise self.refuse("has a mean for each time step")
        super().check(shapes)


@rule(layers.EinsumDense)
class Multiplied(PerStep):
    """A product that leaves the time axis where it is."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses a kernel, a bias or an output that has the time axis otherwise."""
        if self.timed and not self.layer.keeps_time_apart(len(shapes[0])):
            raise self.refuse("multiplies time steps with each other, or has weights for each of them")
        super().check(shapes)
