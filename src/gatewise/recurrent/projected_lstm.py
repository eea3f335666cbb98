"""The LSTM layer with a projection."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, count, initializer
from gatewise.engine import cells
from gatewise.layer import registered
from gatewise.recurrent.arguments import bound
from gatewise.recurrent.lstm import LSTM


@registered.register("ProjectedLSTM")
class ProjectedLSTM(LSTM):
    r"""Long short-term memory whose output is a projection of P numbers, which the gates see in place of all H.

    As `LSTM`, with recurrent_kernel (P, 4H) and R = projection (H, P); h is (B, P), c is (B, H):

        c' = clip(f * c + i * phi(x_t W_c + h U_c + b_c))
        h' = clip((o * phi(c')) R)

    Source: H. Sak, A. Senior and F. Beaufays (2014), https://arxiv.org/abs/1402.1128. TensorFlow 1 has it as
    `LSTMCell(num_proj=P)`, PyTorch as `LSTM(proj_size=P)`. Keras has no such layer.

    Args:
        units: H, the width of the cell state.
        proj_size: P, the width of the output.
        cell_clip, proj_clip: bounds of c and of the output, positive numbers; None for none.
        projection_initializer: of R.
        activation, recurrent_activation and all others: as for `LSTM`.

    >>> import numpy as np
    >>> layer = ProjectedLSTM(8, proj_size=3, return_state=True)
    >>> [array.shape for array in layer(np.zeros((2, 10, 5)))]
    [(2, 3), (2, 3), (2, 8)]
    """

    cell = cells.ProjectedLSTM
    in_keras = False
    keras_module = "gatewise.layers"

    proj_size: Argument[int, int] = count(after="units")
    cell_clip: Argument[Any, float | None] = bound()
    proj_clip: Argument[Any, float | None] = bound()
    projection_initializer: Argument[Any, Any] = initializer("glorot_uniform", kw_only=True)
