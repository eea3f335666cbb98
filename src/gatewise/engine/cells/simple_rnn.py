"""The equation of the fully connected recurrent network."""

from __future__ import annotations

from gatewise.base.typing import Array
from gatewise.engine.cells.cell import ALL, Cell, Parts, State, native


@native
class SimpleRNN(Cell):
    """J. L. Elman, Finding Structure in Time, Cognitive Science 14 (1990): h' = phi(x W + h U + b)."""

    name, gates = "simple", "h"

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        (h,) = state
        return (parts.phi(z + parts.project(ALL, h)),)
