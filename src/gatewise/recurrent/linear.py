"""The layers whose state goes on by a linear step, with gates that see the input alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gatewise.arguments import Argument, activation
from gatewise.base.typing import Array
from gatewise.base.variable import Variable
from gatewise.engine import cells
from gatewise.initializers import RandomUniform
from gatewise.layer import registered
from gatewise.recurrent.arguments import Gated, no_recurrent_dropout
from gatewise.recurrent.base import RecurrentLayer


class LinearLayer(RecurrentLayer, Gated):
    """The base of MinGRU, MinLSTM and RGLRU. There is no recurrent kernel for the arguments of one to act on."""

    in_keras = False
    keras_module = "gatewise.layers"

    activation: Argument[Any, Callable[[Array], Array]] = activation("linear")
    recurrent_dropout: Argument[Any, float] = no_recurrent_dropout()


@registered.register("MinGRU")
class MinGRU(LinearLayer):
    r"""The minimal GRU, whose gate and candidate see the input alone.

    W = kernel (I, 2H) and b = bias (2H,), the gates in the order z, h; sigma = recurrent_activation, and
    phi = activation, by default linear:

        z = sigma(x_t W_z + b_z)
        h' = (1 - z) * h + z * phi(x_t W_h + b_h)

    Source: L. Feng et al., Were RNNs All We Needed? (2024), https://arxiv.org/abs/2410.01201, section 3.1. Under JAX
    all steps are joined by a parallel scan. Keras has no such layer.

    Args:
        units, activation, recurrent_activation, and all others but those of a recurrent kernel: as for `LSTM`.

    >>> import numpy as np
    >>> layer = MinGRU(4)
    >>> layer(np.zeros((2, 10, 8))).shape, [weight.shape for weight in layer.weights]
    ((2, 4), [(8, 8), (8,)])
    """

    cell = cells.MinGRU


@registered.register("MinLSTM")
class MinLSTM(LinearLayer):
    r"""The minimal LSTM, whose gates and candidate see the input alone.

    W = kernel (I, 3H) and b = bias (3H,), the gates in the order i, f, h; sigma = recurrent_activation, and
    phi = activation, by default linear:

        i = sigma(x_t W_i + b_i)
        f = sigma(x_t W_f + b_f)
        h' = (f * h + i * phi(x_t W_h + b_h)) / (f + i)

    Source: L. Feng et al., Were RNNs All We Needed? (2024), https://arxiv.org/abs/2410.01201, section 3.2. Under JAX
    all steps are joined by a parallel scan. Keras has no such layer.

    Args:
        units, activation, recurrent_activation, and all others but those of a recurrent kernel: as for `LSTM`.

    >>> import numpy as np
    >>> layer = MinLSTM(4)
    >>> layer(np.zeros((2, 10, 8))).shape, [weight.shape for weight in layer.weights]
    ((2, 4), [(8, 12), (12,)])
    """

    cell = cells.MinLSTM


@registered.register("RGLRU")
class RGLRU(LinearLayer):
    r"""The real-gated linear recurrent unit of Griffin.

    W = kernel (I, 3H) and b = bias (3H,), the gates in the order r, i, h; Lambda = decay (H,);
    sigma = recurrent_activation, and phi = activation, by default linear:

        r = sigma(x_t W_r + b_r)                    the recurrence gate
        i = sigma(x_t W_i + b_i)                    the input gate
        a = sigmoid(Lambda)^(8 r)
        h' = a * h + sqrt(1 - a^2) * i * phi(x_t W_h + b_h)

    Source: S. De et al., Griffin (2024), https://arxiv.org/abs/2402.19427, equations 1 to 4. There the input itself
    stands in the place of x_t W_h, which a linear layer has made: with W_h the identity it is the paper's. Under JAX
    all steps are joined by a parallel scan. Keras has no such layer.

    Args:
        units, activation, recurrent_activation, and all others but those of a recurrent kernel: as for `LSTM`. Lambda
            starts so that sigmoid(Lambda)^8 lies between 0.9 and 0.999, as in the paper.

    >>> import numpy as np
    >>> layer = RGLRU(4)
    >>> layer(np.zeros((2, 10, 8))).shape, [weight.shape for weight in layer.weights]
    ((2, 4), [(8, 12), (12,), (4,)])
    """

    cell = cells.RGLRU

    def _make_weight(self, name: str, shape: tuple[int, ...]) -> Variable:
        if name != "decay":
            return super()._make_weight(name, shape)
        return self._add_declared(name, shape, initializer=self._decay_start)

    def _decay_start(self, shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
        slowest = RandomUniform(0.9, 0.999, self.seed)(shape, "float64")
        share = slowest ** (1 / cells.RGLRU.SHARPNESS)
        return np.asarray(np.log(share / (1 - share)), dtype)
