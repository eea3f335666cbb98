"""The sLSTM layer."""

from __future__ import annotations

from gatewise.engine import cells
from gatewise.layer import registered
from gatewise.recurrent.lstm import LSTM


@registered.register("SLSTM")
class SLSTM(LSTM):
    r"""Long short-term memory with an exponential input gate, and a normaliser of what it has let in.

    With the sums s = x_t W + h U + b of the gates i, f, c, o, the states h, c, n and m (B, H), and all else as for
    `LSTM`:

        m' = max(log sigmoid(s_f) + m, s_i)         the stabiliser; s_i where n is 0, as it is at first
        i = exp(s_i - m')
        f = exp(log sigmoid(s_f) + m - m')
        c' = f * c + i * phi(s_c)
        n' = f * n + i
        h' = sigma(s_o) * c' / n'

    Source: M. Beck et al., xLSTM: Extended Long Short-Term Memory (2024), https://arxiv.org/abs/2405.04517, equations 8
    to 17, with one head and a sigmoid as forget gate. m changes no result, it keeps the exponentials in range. Keras
    has no such layer.

    Args:
        units, activation, recurrent_activation and all others: as for `LSTM`; recurrent_activation is the output
            gate's.

    >>> import numpy as np
    >>> layer = SLSTM(4, return_state=True)
    >>> [array.shape for array in layer(np.zeros((2, 10, 8)))]
    [(2, 4), (2, 4), (2, 4), (2, 4), (2, 4)]
    """

    cell = cells.SLSTM
    in_keras = False
    keras_module = "gatewise.layers"
