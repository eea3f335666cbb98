"""The equation of the independently recurrent network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from gatewise.base.typing import Array
from gatewise.engine.cells.cell import Cell, Parts, State, native


@native
class IndRNN(Cell):
    """S. Li et al., Independently Recurrent Neural Network (2018), arXiv 1803.04831: h' = phi(x W + u h + b), where
    each unit sees its own state alone.
    """

    name, gates = "indrnn", "h"
    weights: ClassVar[Mapping[str, str]] = {"kernel": "(I, gH)", "bias": "(gH,)", "recurrent_weight": "(H,)"}

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        (h,) = state
        return (parts.phi(z + parts.weights["recurrent_weight"] * h),)

    @classmethod
    def multiplied(cls, before: State, gates: Mapping[str, Array]) -> list[tuple[slice, Array]]:
        return []

    @classmethod
    def unit_gradients(cls, dz: Mapping[str, Array], before: State, after: State) -> dict[str, Array]:
        return {"recurrent_weight": (dz["h"] * before[0]).sum((0, 1))}
