"""The equation of the long short-term memory."""

from __future__ import annotations

from gatewise.base.typing import Array
from gatewise.engine.cells.cell import ALL, Cell, Parts, State, native, split


@native
class LSTM(Cell):
    """S. Hochreiter and J. Schmidhuber, Long Short-Term Memory, Neural Computation 9 (1997), with the forget gate of
    F. Gers, J. Schmidhuber and F. Cummins (2000).
    """

    name, gates, states = "lstm", "ifco", ("h", "c")

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        project, _, phi, sigma = parts
        h, c = state
        z_i, z_f, z_c, z_o = split(z + project(ALL, h), 4)
        c = sigma(z_f) * c + sigma(z_i) * phi(z_c)
        h = sigma(z_o) * phi(c)
        return h, c
