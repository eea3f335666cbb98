"""The equation of the sLSTM."""

from __future__ import annotations

from typing import ClassVar

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.engine.cells.cell import ALL, Cell, Parts, State, native, split
from gatewise.engine.cells.lstm import LSTM


@native
class SLSTM(Cell):
    """M. Beck et al., xLSTM: Extended Long Short-Term Memory (2024), arXiv 2405.04517, equations 8 to 17: the input
    gate is an exponential, n normalises what it has let in, and c and n are held as c e^-m and n e^-m, where m is so
    large that no exponential overflows.

    A sequence begins with n = 0: as nothing is held then, m is taken of the input gate alone.
    """

    name, gates, states = "slstm", "ifco", ("h", "c", "n", "m")
    gate_names: ClassVar[dict[str, str]] = LSTM.gate_names  # type: ignore[assignment]
    state_names: ClassVar[dict[str, str]] = {
        "h": "hidden state",
        "c": "cell state",
        "n": "normaliser",
        "m": "stabiliser",
    }
    candidate = "c"

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        project, _, phi, sigma = parts
        xp = namespace(z)
        h, c, n, m = state
        z_i, z_f, z_c, z_o = split(z + project(ALL, h), 4)
        log_f = -xp.logaddexp(-z_f, xp.zeros_like(z_f))  # of the sigmoid
        kept = log_f + m
        m = xp.where(n == 0, z_i, xp.maximum(kept, z_i))
        i, f = xp.exp(z_i - m), xp.exp(xp.where(n == 0, xp.zeros_like(m), kept - m))
        candidate, o = phi(z_c), sigma(z_o)
        parts.keep(i=i, f=xp.exp(log_f), c=candidate, o=o)
        c, n = f * c + i * candidate, f * n + i
        return o * c / n, c, n, m
