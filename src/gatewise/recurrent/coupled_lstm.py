"""The LSTM layer whose input and forget gates are one."""

from __future__ import annotations

from gatewise.engine import cells
from gatewise.layer import registered
from gatewise.recurrent.lstm import LSTM


@registered.register("CoupledLSTM")
class CoupledLSTM(LSTM):
    r"""Long short-term memory with coupled input and forget gates: what is forgotten makes room for as much.

    As `LSTM`, with three gates in the order f, c, o: kernel (I, 3H), recurrent_kernel (H, 3H), bias (3H,).

        f = sigma(x_t W_f + h U_f + b_f)
        o = sigma(x_t W_o + h U_o + b_o)
        c' = f * c + (1 - f) * phi(x_t W_c + h U_c + b_c)
        h' = o * phi(c')

    Source: K. Greff et al., LSTM: A Search Space Odyssey (2015), https://arxiv.org/abs/1503.04069, variant CIFG. Keras
    has no such layer.

    Args:
        units, activation, recurrent_activation and all others: as for `LSTM`.

    >>> import numpy as np
    >>> layer = CoupledLSTM(4)
    >>> layer(np.zeros((2, 10, 8))).shape, [weight.shape for weight in layer.weights]
    ((2, 4), [(8, 12), (4, 12), (12,)])
    """

    cell = cells.CoupledLSTM
    in_keras = False
    keras_module = "gatewise.layers"
