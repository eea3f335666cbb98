"""The fully connected recurrent layer."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, seed
from gatewise.layer import registered
from gatewise.recurrent.base import RecurrentLayer
from gatewise.recurrent.cells.simple_rnn import SimpleRNNCell, SimpleRNNWeights


@registered.register("SimpleRNN")
class SimpleRNN(RecurrentLayer, SimpleRNNWeights):
    """Elman's recurrent network: h' = phi(x_t W + h U + b), phi = activation.

    W = kernel (I, H), U = recurrent_kernel (H, H), b = bias (H,). Source: J. L. Elman (1990),
    https://doi.org/10.1207/s15516709cog1402_1.

    Args:
        units: H, a positive integer.
        activation: phi.
        use_bias and all others: as for `LSTM`.

    >>> import numpy as np
    >>> SimpleRNN(4)(np.zeros((2, 10, 8))).shape
    (2, 4)
    """

    cell_class = SimpleRNNCell

    seed: Argument[Any, int | None] = seed(places={"keras3": "unroll", "tf1": None, "tf2": None})
