"""The equation of the LSTM with peepholes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.engine.cells.cell import ALL, Cell, Parts, State, native, split
from gatewise.engine.cells.lstm import LSTM


@native
class PeepholeLSTM(Cell):
    """F. Gers and J. Schmidhuber, Recurrent Nets that Time and Count (2000): the gates see the cell state too, through
    the diagonal weights p; the output gate sees the new one.
    """

    name, gates, states = "peephole_lstm", "ifco", ("h", "c")
    weights: ClassVar[Mapping[str, str]] = {**Cell.weights, "peephole": "(3, H)"}
    gate_names, candidate, carry = LSTM.gate_names, LSTM.candidate, LSTM.carry

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        project, _, phi, sigma = parts
        h, c = state
        p_i, p_f, p_o = parts.weights["peephole"]
        z_i, z_f, z_c, z_o = split(z + project(ALL, h), 4)
        i, f, candidate = sigma(z_i + p_i * c), sigma(z_f + p_f * c), phi(z_c)
        c = f * c + i * candidate
        o = sigma(z_o + p_o * c)
        parts.keep(i=i, f=f, c=candidate, o=o)
        return o * phi(c), c

    @classmethod
    def unit_gradients(cls, dz: Mapping[str, Array], before: State, after: State) -> dict[str, Array]:
        xp = namespace(dz["i"])
        met = {"i": before[1], "f": before[1], "o": after[1]}
        return {"peephole": xp.stack([(dz[gate] * c).sum((0, 1)) for gate, c in met.items()])}
