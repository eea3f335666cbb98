"""Normalisation of each sample by itself."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, constraint, flag, initializer, optional, real, regularizer, text
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.layer import registered
from gatewise.layer.input_spec import InputSpec
from gatewise.layers.normalization.base import Normalization, at_least_single, axes_of


@registered.register("LayerNormalization")
class LayerNormalization(Normalization):
    """Normalises each sample by itself: y = gamma (x - mean) / sqrt(variance + epsilon) + beta.

    Args:
        axis: one axis or a list of axes to average over; gamma and beta have their sizes.
        epsilon: keeps the division finite.
        center, scale: whether there are a beta and a gamma.
        rms_scaling: divide only, and have a gamma alone: y = gamma x / sqrt(variance + epsilon). Keras 3 has it so, and
            calls it deprecated: `RMSNormalization` divides by the root of the mean square.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint:
            of the weights, as in `Dense`.
        **kwargs: see `Layer`.

    Source: Ba, Kiros and Hinton (2016), https://arxiv.org/abs/1607.06450.

    >>> import numpy as np
    >>> LayerNormalization(epsilon=0.0)(np.array([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """

    axis: Argument[Any, Any] = Argument(default=-1, parse=axes_of)
    epsilon: Argument[Any, float] = real(1e-3)
    center: Argument[bool, bool] = flag(True)
    scale: Argument[bool, bool] = flag(True)
    beta_initializer: Argument[Any, Any] = initializer("zeros")
    gamma_initializer: Argument[Any, Any] = initializer("ones")
    beta_regularizer: Argument[Any, Any] = regularizer()
    gamma_regularizer: Argument[Any, Any] = regularizer()
    beta_constraint: Argument[Any, Any] = constraint()
    gamma_constraint: Argument[Any, Any] = constraint()
    rms_scaling: Argument[bool, bool] = flag(False, kw_only=True)
    trainable = flag(True, kw_only=True, places={"tf1": "gamma_constraint"})
    name: Argument[str | None, str] = Argument(
        default=None, parse=optional(text), kw_only=True, places={"tf1": "trainable"}
    )

    autocast = False  # A mixed layer does not round what it normalises.

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta, of the sizes of the normalised axes."""
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        places = self._places(self.axis, input_shape)
        shape = tuple(input_shape[place] for place in places)
        self.gamma = self._add_declared("gamma", shape) if self.scale or self.rms_scaling else None
        self.beta = self._add_declared("beta", shape) if self.center and not self.rms_scaling else None
        # Of any rank: an axis counted from the end is the same axis there.
        self.input_spec = InputSpec(axes={axis: input_shape[axis] for axis in axes})

    def call(self, inputs: Array) -> Array:
        """The normalised input."""
        xp = namespace(inputs, *(None if weight is None else weight.value for weight in (self.gamma, self.beta)))
        x = at_least_single(xp, inputs)
        gamma, beta = (self._along(xp, weight, x) for weight in (self.gamma, self.beta))
        places = tuple(self._places(self.axis, tuple(x.shape)))
        y = x if self.rms_scaling else x - xp.mean(x, axis=places, keepdims=True)
        y = y / xp.sqrt(xp.var(x, axis=places, keepdims=True) + self.epsilon)
        y = y if gamma is None else y * gamma
        return self._in_own_dtype(xp, y if beta is None else y + beta)
