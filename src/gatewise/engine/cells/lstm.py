"""The equation of the long short-term memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from gatewise.base.typing import Array
from gatewise.engine.cells.cell import ALL, Cell, Parts, State, native, split


@native
class LSTM(Cell):
    """S. Hochreiter and J. Schmidhuber, Long Short-Term Memory, Neural Computation 9 (1997), with the forget gate of
    F. Gers, J. Schmidhuber and F. Cummins (2000).
    """

    name, gates, states = "lstm", "ifco", ("h", "c")
    gate_names: ClassVar[Mapping[str, str]] = {
        "i": "input gate",
        "f": "forget gate",
        "c": "candidate",
        "o": "output gate",
    }
    candidate, carry = "c", "f"

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        project, _, phi, sigma = parts
        h, c = state
        z_i, z_f, z_c, z_o = split(z + project(ALL, h), 4)
        i, f, candidate, o = sigma(z_i), sigma(z_f), phi(z_c), sigma(z_o)
        parts.keep(i=i, f=f, c=candidate, o=o)
        c = f * c + i * candidate
        return o * phi(c), c
