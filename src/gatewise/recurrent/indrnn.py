"""The independently recurrent layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewise.arguments import Argument, activation, initializer
from gatewise.base.typing import Array
from gatewise.engine import cells
from gatewise.layer import registered
from gatewise.recurrent.arguments import no_recurrent_dropout
from gatewise.recurrent.simple_rnn import SimpleRNN


@registered.register("IndRNN")
class IndRNN(SimpleRNN):
    """A recurrent network whose units each see their own state alone: h' = phi(x_t W + u * h + b).

    W = kernel (I, H), b = bias (H,), u = recurrent_weight (H,). Source: S. Li et al., Independently Recurrent Neural
    Network (2018), https://arxiv.org/abs/1803.04831. Keras has no such layer.

    Args:
        units: H, a positive integer.
        activation: phi.
        recurrent_initializer, recurrent_regularizer, recurrent_constraint: of u. With relu, a u beyond 1 makes a state
            grow from step to step; the paper holds |u| below 2^(1/T) by a constraint.
        use_bias and all others but `recurrent_dropout`: as for `LSTM`.

    >>> import numpy as np
    >>> layer = IndRNN(4)
    >>> layer(np.zeros((2, 10, 8))).shape, [weight.shape for weight in layer.weights]
    ((2, 4), [(8, 4), (4,), (4,)])
    """

    cell = cells.IndRNN
    in_keras = False
    keras_module = "gatewise.layers"

    activation: Argument[Any, Callable[[Array], Array]] = activation("relu")
    recurrent_initializer: Argument[Any, Any] = initializer("random_uniform")
    recurrent_dropout: Argument[Any, float] = no_recurrent_dropout()
