"""The equation of the LSTM with a projection."""

from __future__ import annotations

from typing import ClassVar

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.engine.cells.cell import Cell, Parts, State
from gatewise.engine.cells.clipped_lstm import ClippedLSTM, held
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
        output, c = ClippedLSTM.step(z, state, parts)
        projected = namespace(c).matmul(output, parts.weights["projection"])
        return held(projected, parts.settings["proj_clip"]), c
