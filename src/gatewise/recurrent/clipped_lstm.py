"""The LSTM layer whose cell state is held between bounds."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument
from gatewise.engine import cells
from gatewise.layer import registered
from gatewise.recurrent.arguments import bound
from gatewise.recurrent.lstm import LSTM


@registered.register("ClippedLSTM")
class ClippedLSTM(LSTM):
    r"""Long short-term memory whose cell state never leaves [-cell_clip, cell_clip].

    As `LSTM`, but with

        c' = clip(f * c + i * phi(x_t W_c + h U_c + b_c))

    Source: TensorFlow 1 has it as `LSTMCell(cell_clip=...)`; H. Sak, A. Senior and F. Beaufays (2014),
    https://arxiv.org/abs/1402.1128, train with it. Keras has no such layer.

    Args:
        units, activation, recurrent_activation and all others: as for `LSTM`.
        cell_clip: the bound, a positive number; None for none.

    >>> import numpy as np
    >>> layer = ClippedLSTM(4, cell_clip=0.1, return_state=True)
    >>> y, h, c = layer(np.ones((2, 50, 8)))
    >>> bool(abs(c).max() <= np.float32(0.1))
    True
    """

    cell = cells.ClippedLSTM
    in_keras = False
    keras_module = "gatewise.layers"

    cell_clip: Argument[Any, float | None] = bound()
