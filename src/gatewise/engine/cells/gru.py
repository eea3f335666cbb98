"""The two equations of the gated recurrent unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from gatewise.base.typing import Array
from gatewise.engine.cells.cell import ALL, Cell, Parts, State, native, split


@native
class GRU(Cell):
    """K. Cho et al., Learning Phrase Representations using RNN Encoder-Decoder (2014), arXiv 1406.1078v1: the reset
    gate acts on the state before the product.
    """

    name, gates = "gru", "zrh"
    gate_names: ClassVar[Mapping[str, str]] = {"z": "update gate", "r": "reset gate", "h": "candidate"}
    candidate, carry = "h", "z"

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        project, _, phi, sigma = parts
        (h,) = state
        x_z, x_r, x_h = split(z, 3)
        h_z, h_r = split(project(slice(0, 2), h), 2)
        update, reset = sigma(x_z + h_z), sigma(x_r + h_r)
        candidate = phi(x_h + project(slice(2, 3), reset * h))
        parts.keep(z=update, r=reset, h=candidate)
        return (update * h + (1 - update) * candidate,)

    @classmethod
    def multiplied(cls, before: State, gates: Mapping[str, Array]) -> list[tuple[slice, Array]]:
        (h,) = before
        return [(slice(0, 2), h), (slice(2, 3), gates["r"] * h)]


@native
class GRUResetAfter(Cell):
    """The GRU of cuDNN, and arXiv 1406.1078v3: the reset gate acts after the product, which has a bias of its own."""

    name, gates = "gru_reset_after", "zrh"
    weights: ClassVar[Mapping[str, str]] = {**Cell.weights, "bias": "(2, gH)"}
    gate_names, candidate, carry = GRU.gate_names, GRU.candidate, GRU.carry

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        project, recurrent_bias, phi, sigma = parts
        (h,) = state
        product = project(ALL, h)
        if recurrent_bias is not None:
            product = product + recurrent_bias
        (x_z, x_r, x_h), (h_z, h_r, h_h) = split(z, 3), split(product, 3)
        update, reset = sigma(x_z + h_z), sigma(x_r + h_r)
        candidate = phi(x_h + reset * h_h)
        parts.keep(z=update, r=reset, h=candidate)
        return (update * h + (1 - update) * candidate,)
