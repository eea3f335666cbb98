"""The equation of the LSTM with zoneout."""

from __future__ import annotations

from typing import ClassVar

from gatewise.base.typing import Array
from gatewise.engine.cells.cell import Cell, Parts, State, native, split
from gatewise.engine.cells.lstm import LSTM


@native
class ZoneoutLSTM(Cell):
    """D. Krueger et al., Zoneout (2016), arXiv 1606.01305: in training each number of the state stays as it was with
    some probability, and else it takes by that share of the old one.
    """

    name, gates, states = "zoneout_lstm", "ifco", ("h", "c")
    settings = ("zoneout_hidden", "zoneout_cell")
    zoneout: ClassVar[dict[str, str]] = {"h": "zoneout_hidden", "c": "zoneout_cell"}
    gate_names, candidate = LSTM.gate_names, LSTM.candidate

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        h, c = state
        sums = len(ZoneoutLSTM.gates) * c.shape[-1]
        stays = z[..., sums:]
        drawn = stays.shape[-1] != 0
        of_h, of_c = split(stays, 2) if drawn else [parts.settings[name] for name in ZoneoutLSTM.settings]
        new_h, new_c = LSTM.step(z[..., :sums], state, parts)
        return of_h * h + (1 - of_h) * new_h, of_c * c + (1 - of_c) * new_c
