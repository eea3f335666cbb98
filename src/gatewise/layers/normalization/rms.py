"""Division by the root of the mean square."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, real
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.layer import registered
from gatewise.layer.input_spec import InputSpec
from gatewise.layers.normalization.base import Normalization, at_least_single, axes_of


@registered.register("RMSNormalization")
class RMSNormalization(Normalization):
    """Divides each sample by the root of its mean square: y = s x / sqrt(mean(x^2) + epsilon), s = `scale` a weight.

    Args:
        axis: one axis or a list of axes to average over; the scale has their sizes.
        epsilon: keeps the division finite.
        **kwargs: see `Layer`.

    Source: Zhang and Sennrich (2019), https://arxiv.org/abs/1910.07467.

    >>> import numpy as np
    >>> RMSNormalization(epsilon=0.0)(np.array([[1.0, 7.0]])).tolist()
    [[0.20000000298023224, 1.399999976158142]]
    """

    axis: Argument[Any, Any] = Argument(default=-1, parse=axes_of)
    epsilon: Argument[Any, float] = real(1e-6)

    def build(self, input_shape: Shape) -> None:
        """Make the scale, of the sizes of the normalised axes."""
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        places = self._places(self.axis, input_shape)
        self.scale = self.add_weight(
            name="scale", shape=tuple(input_shape[place] for place in places), initializer="ones"
        )
        self.input_spec = InputSpec(axes={axis: input_shape[axis] for axis in axes})

    def call(self, inputs: Array) -> Array:
        """The divided input."""
        xp = namespace(inputs, self.scale.value)
        x = at_least_single(xp, inputs)
        places = tuple(self._places(self.axis, tuple(x.shape)))
        y = x / xp.sqrt(xp.mean(x * x, axis=places, keepdims=True) + self.epsilon)
        return xp.astype(y * self._along(xp, self.scale, x), inputs.dtype)
