"""Normalisation to a length of 1."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.layer import registered
from gatewise.layers.normalization.base import Normalization, at_least_single, axes_of


@registered.register("UnitNormalization")
class UnitNormalization(Normalization):
    """Divides by the length along some axes, so that it becomes 1: y = x / sqrt(sum x^2).

    Args:
        axis: one axis or a list of axes.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> UnitNormalization(dtype="float64")(np.array([[3.0, 4.0]])).round(2).tolist()
    [[0.6, 0.8]]
    """

    axis: Argument[Any, Any] = Argument(default=-1, parse=axes_of)

    def call(self, inputs: Array) -> Array:
        """The input, divided; a vector of zeros stays. A length below the least that the generation divides by is taken
        as that: 1e-12 in Keras 3, 1e-6 in Keras 2.
        """
        xp = namespace(inputs)
        x = at_least_single(xp, inputs)
        places = tuple(self._places(self.axis, tuple(x.shape)))
        least = 1e-24 if self._release == "keras3" else 1e-12
        squares = xp.sum(x * x, axis=places, keepdims=True)
        return xp.astype(x / xp.sqrt(xp.maximum(squares, xp.asarray(least, dtype=x.dtype))), inputs.dtype)
