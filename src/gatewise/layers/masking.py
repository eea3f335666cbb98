"""The layer that marks steps to be passed over."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, real
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.layer import Layer, registered
from gatewise.layer.input_spec import InputSpec


@registered.register("Masking")
class Masking(Layer):
    """Makes a mask: a step of (B, T, I) all of whose features equal `mask_value` does not count, and becomes zero.

    Args:
        mask_value: what marks a step, 0 by default.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> layer = Masking(mask_value=-1.0)
    >>> layer.compute_mask(np.array([[[1.0, 2.0], [-1.0, -1.0]]])).tolist()
    [[True, False]]
    """

    mask_value: Argument[Any, float] = real(0.0)

    supports_masking = True
    makes_mask = True
    keeps_shape = True
    input_spec = InputSpec(min_ndim=2)

    def call(self, inputs: Array) -> Array:
        """The input, with masked steps set to zero."""
        xp = namespace(inputs)
        return xp.where(self.compute_mask(inputs)[..., None], inputs, xp.zeros_like(inputs))

    def compute_mask(self, inputs: Array, mask: Any = None) -> Array:
        """(B, T): True where any feature differs from `mask_value`."""
        return namespace(inputs).any(inputs != self.mask_value, axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The same."""
        return input_shape
