"""The equation of the LSTM whose cell state is held between bounds."""

from __future__ import annotations

from math import inf

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.engine.cells.cell import ALL, Cell, Parts, State, native, split
from gatewise.engine.cells.lstm import LSTM


def held(x: Array, bound: float) -> Array:
    """What x is where it lies between -bound and bound, and beyond them the bound."""
    return x if bound == inf else namespace(x).clip(x, -bound, bound)


@native
class ClippedLSTM(Cell):
    """H. Sak, A. Senior and F. Beaufays (2014), arXiv 1402.1128, clip the cell state; so does TensorFlow 1's LSTMCell,
    by its `cell_clip`.
    """

    name, gates, states = "clipped_lstm", "ifco", ("h", "c")
    settings = ("cell_clip",)
    gate_names, candidate = LSTM.gate_names, LSTM.candidate
    carry = "f"

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        project, _, phi, sigma = parts
        h, c = state
        z_i, z_f, z_c, z_o = split(z + project(ALL, h), 4)
        i, f, candidate, o = sigma(z_i), sigma(z_f), phi(z_c), sigma(z_o)
        parts.keep(i=i, f=f, c=candidate, o=o)
        c = held(f * c + i * candidate, parts.settings["cell_clip"])
        return o * phi(c), c
