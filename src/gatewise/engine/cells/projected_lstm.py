"""The equation of the LSTM with a projection."""

from __future__ import annotations

from typing import ClassVar

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.engine.cells.cell import ALL, Cell, Parts, State, split
from gatewise.engine.cells.clipped_lstm import held
from gatewise.engine.cells.lstm import LSTM


class ProjectedLSTM(Cell):
    """H. Sak, A. Senior and F. Beaufays, Long Short-Term Memory Based Recurrent Neural Network Architectures (2014),
    arXiv 1402.1128: the output is a projection of P numbers, which the gates then see.
    """

    name, gates, states = "projected_lstm", "ifco", ("h", "c")
    widths: ClassVar[dict[str, str]] = {"h": "P"}
    weights: ClassVar[dict[str, str]] = {
        "kernel": "(I, gH)",
        "recurrent_kernel": "(P, gH)",
        "bias": "(gH,)",
        "projection": "(H, P)",
    }
    sizes: ClassVar[dict[str, str]] = {"P": "proj_size"}
    settings = ("cell_clip", "proj_clip")
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
        projected = namespace(c).matmul(o * phi(c), parts.weights["projection"])
        return held(projected, parts.settings["proj_clip"]), c
