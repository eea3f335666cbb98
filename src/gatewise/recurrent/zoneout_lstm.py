"""The LSTM layer with zoneout."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, rate
from gatewise.engine import cells
from gatewise.layer import registered
from gatewise.recurrent.lstm import LSTM


@registered.register("ZoneoutLSTM")
class ZoneoutLSTM(LSTM):
    r"""Long short-term memory in whose training numbers of the state now and then stay as they were.

    With h~ and c~ what `LSTM` makes of h and c, and masks d drawn anew for each step, sequence and unit, 1 with the
    probability z_h = zoneout_hidden or z_c = zoneout_cell; outside of training d is that probability itself:

        c' = d_c * c + (1 - d_c) * c~
        h' = d_h * h + (1 - d_h) * h~

    Source: D. Krueger et al., Zoneout: Regularizing RNNs by Randomly Preserving Hidden Activations (2016),
    https://arxiv.org/abs/1606.01305, where h~ is made of c~ too. Keras has no such layer.

    Args:
        units, activation, recurrent_activation and all others: as for `LSTM`.
        zoneout_cell, zoneout_hidden: z_c and z_h, fractions; by default those of the paper's language models.

    >>> import numpy as np
    >>> ZoneoutLSTM(4, zoneout_cell=0.3)(np.zeros((2, 10, 8)), training=True).shape
    (2, 4)
    """

    cell = cells.ZoneoutLSTM
    in_keras = False
    keras_module = "gatewise.layers"

    zoneout_cell: Argument[Any, float] = rate(0.5, kw_only=True)
    zoneout_hidden: Argument[Any, float] = rate(0.05, kw_only=True)
