"""The LSTM and GRU layers with layer normalisation."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, initializer, real
from gatewise.engine import cells
from gatewise.layer import registered
from gatewise.recurrent.gru import GRU
from gatewise.recurrent.lstm import LSTM


@registered.register("LayerNormLSTM")
class LayerNormLSTM(LSTM):
    r"""Long short-term memory with layer normalisation: of both products, and of the cell state on its way out.

    With N(v) = (v - mean(v)) / sqrt(variance(v) + epsilon) over the last axis, the gates i, f, c, o side by side, and
    all else as for `LSTM`:

        (i, f, g, o) = N(x_t W) * kernel_gain + N(h U) * recurrent_gain + b
        c' = sigma(f) * c + sigma(i) * phi(g)
        h' = sigma(o) * phi(N(c') * state_gain + state_bias)

    Both gains of products are (4H,), those of the state (H,). Source: J. L. Ba, J. R. Kiros and G. E. Hinton (2016),
    https://arxiv.org/abs/1607.06450, equations 20 to 22; their biases of the products are part of b. Keras has no such
    layer.

    Args:
        units, activation, recurrent_activation and all others: as for `LSTM`.
        epsilon: what is added to variances.
        kernel_gain_initializer, recurrent_gain_initializer, state_gain_initializer, state_bias_initializer: of the
            weights that `LSTM` has not.

    >>> import numpy as np
    >>> layer = LayerNormLSTM(4)
    >>> layer(np.zeros((2, 10, 8))).shape, [weight.shape for weight in layer.weights[3:]]
    ((2, 4), [(16,), (16,), (4,), (4,)])
    """

    cell = cells.LayerNormLSTM
    in_keras = False
    keras_module = "gatewise.layers"

    epsilon: Argument[Any, float] = real(1e-3, kw_only=True)
    kernel_gain_initializer: Argument[Any, Any] = initializer("ones", kw_only=True)
    recurrent_gain_initializer: Argument[Any, Any] = initializer("ones", kw_only=True)
    state_gain_initializer: Argument[Any, Any] = initializer("ones", kw_only=True)
    state_bias_initializer: Argument[Any, Any] = initializer("zeros", kw_only=True)


@registered.register("LayerNormGRU")
class LayerNormGRU(GRU):
    r"""The gated recurrent unit with layer normalisation of its products: the gates' together, the candidate's alone.

    With N as for `LayerNormLSTM`, both gains (3H,), the rows b and d of bias (2, 3H), and all else as for `GRU`:

        (z, r) = sigma(N(x_t W_zr) * kernel_gain_zr + b_zr + N(h U_zr) * recurrent_gain_zr + d_zr)
        g = phi(N(x_t W_h) * kernel_gain_h + b_h + r * (N(h U_h) * recurrent_gain_h + d_h))
        h' = z * h + (1 - z) * g

    Source: J. L. Ba, J. R. Kiros and G. E. Hinton (2016), https://arxiv.org/abs/1607.06450, equations 25 to 28, whose
    z is 1 - z here, as in `GRU`. Keras has no such layer.

    Args:
        units, activation, recurrent_activation and all others: as for `GRU`.
        reset_after: True; the paper has no other.
        epsilon: what is added to variances.
        kernel_gain_initializer, recurrent_gain_initializer: of the gains.

    >>> import numpy as np
    >>> layer = LayerNormGRU(4)
    >>> layer(np.zeros((2, 10, 8))).shape, [weight.shape for weight in layer.weights]
    ((2, 4), [(8, 12), (4, 12), (2, 12), (12,), (12,)])
    """

    cell = cells.LayerNormGRU
    in_keras = False
    keras_module = "gatewise.layers"

    epsilon: Argument[Any, float] = real(1e-3, kw_only=True)
    kernel_gain_initializer: Argument[Any, Any] = initializer("ones", kw_only=True)
    recurrent_gain_initializer: Argument[Any, Any] = initializer("ones", kw_only=True)
