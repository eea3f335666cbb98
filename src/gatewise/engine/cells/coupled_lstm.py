"""The equation of the LSTM whose input and forget gates are one."""

from __future__ import annotations

from typing import ClassVar

from gatewise.base.typing import Array
from gatewise.engine.cells.cell import ALL, Cell, Parts, State, native, split


@native
class CoupledLSTM(Cell):
    """K. Greff et al., LSTM: A Search Space Odyssey (2015), arXiv 1503.04069, variant CIFG: i = 1 - f."""

    name, gates, states = "coupled_lstm", "fco", ("h", "c")
    gate_names: ClassVar[dict[str, str]] = {"f": "forget gate", "c": "candidate", "o": "output gate"}
    candidate, carry = "c", "f"

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        project, _, phi, sigma = parts
        h, c = state
        z_f, z_c, z_o = split(z + project(ALL, h), 3)
        f, candidate, o = sigma(z_f), phi(z_c), sigma(z_o)
        parts.keep(f=f, c=candidate, o=o)
        c = f * c + (1 - f) * candidate
        return o * phi(c), c
