"""The equations of the minimal LSTM and GRU, whose gates see the input alone."""

from __future__ import annotations

from typing import ClassVar

from gatewise.base.typing import Array
from gatewise.engine.cells.cell import LinearCell, Parts, native, split


@native
class MinGRU(LinearCell):
    """L. Feng et al., Were RNNs All We Needed? (2024), arXiv 2410.01201: h' = (1 - z) h + z phi(x W_h + b_h)."""

    name, gates = "min_gru", "zh"
    gate_names: ClassVar[dict[str, str]] = {"z": "update gate", "h": "candidate"}
    candidate = "h"

    @staticmethod
    def coefficients(z: Array, parts: Parts) -> tuple[Array, Array]:
        z_z, z_h = split(z, 2)
        update, candidate = parts.sigma(z_z), parts.phi(z_h)
        parts.keep(z=update, h=candidate)
        return 1 - update, update * candidate


@native
class MinLSTM(LinearCell):
    """The same paper: h' = (f h + i phi(x W_h + b_h)) / (f + i)."""

    name, gates = "min_lstm", "ifh"
    gate_names: ClassVar[dict[str, str]] = {"i": "input gate", "f": "forget gate", "h": "candidate"}
    candidate = "h"

    @staticmethod
    def coefficients(z: Array, parts: Parts) -> tuple[Array, Array]:
        z_i, z_f, z_h = split(z, 3)
        i, f, candidate = parts.sigma(z_i), parts.sigma(z_f), parts.phi(z_h)
        parts.keep(i=i, f=f, h=candidate)
        both = f + i
        return f / both, i / both * candidate
