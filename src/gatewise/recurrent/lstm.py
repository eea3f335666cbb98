"""The LSTM layer."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, flag
from gatewise.layer import registered
from gatewise.recurrent.arguments import use_cudnn
from gatewise.recurrent.base import RecurrentLayer
from gatewise.recurrent.cells.lstm import LSTMCell, LSTMWeights


@registered.register("LSTM")
class LSTM(RecurrentLayer, LSTMWeights):
    r"""Long short-term memory.

    With x_t (B, I), the state h, c (B, H), W = kernel (I, 4H), U = recurrent_kernel (H, 4H), b = bias (4H,), the
    gates in the order i, f, c, o, sigma = recurrent_activation and phi = activation:

        i = sigma(x_t W_i + h U_i + b_i)        the input gate
        f = sigma(x_t W_f + h U_f + b_f)        the forget gate
        o = sigma(x_t W_o + h U_o + b_o)        the output gate
        c' = f * c + i * phi(x_t W_c + h U_c + b_c)
        h' = o * phi(c')

    Sources: Hochreiter and Schmidhuber (1997), https://doi.org/10.1162/neco.1997.9.8.1735; arguments and order of
    weights as Keras has them.

    Args:
        units: H, a positive integer.
        activation, recurrent_activation: phi and sigma; names, callables or None for linear.
        use_bias: whether there is a b.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        unit_forget_bias: start with 1 in the forget gate's bias.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: add to the loss in training.
        kernel_constraint, recurrent_constraint, bias_constraint: applied by training after each step.
        dropout, recurrent_dropout: the fractions of the input and the state dropped in training, one mask a sequence.
        seed: of the dropout masks.
        return_sequences: give all outputs (B, T, H) rather than the last.
        return_state: give the state h, c too.
        go_backwards: read the sequence in reverse; its outputs stay in reversed order.
        stateful: keep the state from call to call, until `reset_states`.
        unroll: under JAX, trace each step instead of a loop.
        use_cudnn: accepted for Keras's sake; no executor here asks cuDNN, and the result is the same.
        implementation: 1 draws a dropout mask for each gate, 2 one for all (1 where there is recurrent_dropout, as in
            Keras); otherwise they compute the same.
        time_major: inputs and outputs are (T, B, ...).
        zero_output_for_mask: masked steps give zeros instead of the output before them.
        precision: "bfloat16" for faster and less exact inference: products of numbers rounded to bfloat16, sums and all
            else in float32; None for the layer's dtype. By keyword only, and may be set later. See docs/precision.md.
        **kwargs: see `Layer`.

    Raises:
        ValueError, TypeError: for arguments that do not fit, naming the layer and the argument.

    >>> import numpy as np
    >>> layer = LSTM(4, return_sequences=True, return_state=True)
    >>> outputs, h, c = layer(np.zeros((2, 10, 8)))
    >>> outputs.shape, h.shape, c.shape
    ((2, 10, 4), (2, 4), (2, 4))
    """

    cell_class = LSTMCell

    use_cudnn: Argument[Any, Any] = use_cudnn()
    time_major: Argument[bool, bool] = flag(False, kw_only=True, in_config=None, places={"tf2": "stateful"})
