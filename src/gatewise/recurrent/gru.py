"""The GRU layer."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, flag
from gatewise.layer import registered
from gatewise.recurrent.arguments import use_cudnn
from gatewise.recurrent.base import RecurrentLayer
from gatewise.recurrent.cells.gru import GRUCell, GRUWeights, reset_after


@registered.register("GRU")
class GRU(RecurrentLayer, GRUWeights):
    r"""The gated recurrent unit.

    With x_t (B, I), the state h (B, H), W = kernel (I, 3H), U = recurrent_kernel (H, 3H), the gates in the order z,
    r, h, sigma = recurrent_activation and phi = activation:

        z = sigma(x_t W_z + h U_z + b_z)        the update gate
        r = sigma(x_t W_r + h U_r + b_r)        the reset gate
        g = phi(x_t W_h + b_h + r * (h U_h + d_h))      with reset_after: b and d are the rows of bias (2, 3H)
        g = phi(x_t W_h + (r * h) U_h + b_h)            without: bias is (3H,)
        h' = z * h + (1 - z) * g

    With `reset_after` d_z and d_r join b_z and b_r. Sources: Cho et al. (2014), https://arxiv.org/abs/1406.1078,
    version 3 (reset_after) and version 1; arguments and order of weights as Keras has them.

    Args:
        units: H, a positive integer.
        activation, recurrent_activation: phi and sigma; names, callables or None for linear.
        reset_after: where the reset gate acts, see above. True in TF 2 and Keras 3, False in TF 1.
        use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
        recurrent_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint,
        bias_constraint, dropout, recurrent_dropout, seed, return_sequences, return_state, go_backwards, stateful,
        unroll, use_cudnn, implementation, time_major, zero_output_for_mask, precision, **kwargs: as for `LSTM`.

    >>> import numpy as np
    >>> sequence, h = GRU(4, return_sequences=True, return_state=True)(np.zeros((2, 10, 8)))
    >>> sequence.shape, h.shape
    ((2, 10, 4), (2, 4))
    """

    cell_class = GRUCell

    use_cudnn: Argument[Any, Any] = use_cudnn()
    time_major: Argument[bool, bool] = flag(False, kw_only=True, in_config=None, places={"tf2": "unroll"})
    reset_after: Argument[bool, bool] = reset_after(after="unroll")
