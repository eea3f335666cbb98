"""The LSTM layer with peepholes."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, initializer
from gatewise.engine import cells
from gatewise.layer import registered
from gatewise.recurrent.lstm import LSTM


@registered.register("PeepholeLSTM")
class PeepholeLSTM(LSTM):
    r"""Long short-term memory whose gates look at the cell state as well.

    As `LSTM`, with the rows p_i, p_f, p_o of `peephole` (3, H):

        i = sigma(x_t W_i + h U_i + p_i * c + b_i)
        f = sigma(x_t W_f + h U_f + p_f * c + b_f)
        c' = f * c + i * phi(x_t W_c + h U_c + b_c)
        o = sigma(x_t W_o + h U_o + p_o * c' + b_o)
        h' = o * phi(c')

    Source: F. Gers and J. Schmidhuber, Recurrent Nets that Time and Count (2000); TensorFlow 1 has it as
    `LSTMCell(use_peepholes=True)`. Keras has no such layer.

    Args:
        units, activation, recurrent_activation and all others: as for `LSTM`.
        peephole_initializer: of the peepholes.

    >>> import numpy as np
    >>> layer = PeepholeLSTM(4)
    >>> layer(np.zeros((2, 10, 8))).shape, [weight.shape for weight in layer.weights]
    ((2, 4), [(8, 16), (4, 16), (16,), (3, 4)])
    """

    cell = cells.PeepholeLSTM
    in_keras = False
    keras_module = "gatewise.layers"

    peephole_initializer: Argument[Any, Any] = initializer("glorot_uniform", kw_only=True)
