"""The equation of the independently recurrent network."""

from __future__ import annotations

from typing import ClassVar

from gatewise.engine.cells.cell import Cell
from gatewise.engine.cells.simple_rnn import SimpleRNN


class IndRNN(Cell):
    """S. Li et al., Independently Recurrent Neural Network (2018), arXiv 1803.04831: h' = phi(x W + u h + b), where
    each unit sees its own state alone.
    """

    name, gates = "indrnn", "h"
    weights: ClassVar[dict[str, str]] = {"kernel": "(I, gH)", "recurrent_kernel": "(H,)", "bias": "(gH,)"}
    step = SimpleRNN.step
