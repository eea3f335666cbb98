"""What layers that normalise share: their axes, and weights along these."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from gatewise.arguments import integer
from gatewise.base import release
from gatewise.base.arrays import dtype_of, is_floating
from gatewise.base.typing import Array, Shape
from gatewise.layers.activation import Elementwise


def axes_of(value: Any) -> Any:
    """One axis, or a list of several; old files wrap the list in a config."""
    if isinstance(value, dict):
        value = value.get("items", value.get("config"))
    if isinstance(value, (list, tuple)):
        return integer(value[0]) if len(value) == 1 else sorted(map(integer, value))
    return integer(value)


def one_axis(value: Any) -> int:
    """One axis, alone or as a list of one."""
    axis = axes_of(value)
    if isinstance(axis, list):
        raise ValueError(f"expected one axis, got {value!r}.")
    return int(axis)


class Normalization(Elementwise):
    """What the layers share: the axes along which they normalise, and a learned scale gamma and offset beta.

    A layer follows the generation that it was made in (`gatewise.base.release`).
    """

    axis = cast("Any", None)  # Not annotated: these are no arguments here.
    center = scale = cast("Any", None)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._release = release.current()

    def _scale_and_offset(self, shape: tuple[int, ...]) -> None:
        """Make gamma and beta, where the arguments ask for them."""
        self.gamma = self._add_declared("gamma", shape) if self.scale else None
        self.beta = self._add_declared("beta", shape) if self.center else None

    def _places(self, axis: Any, shape: Shape) -> list[int]:
        """The normalised axes, counted from the front, and known in size."""
        axes = axis if isinstance(axis, list) else [axis]
        for each in axes:
            if not -len(shape) <= each < len(shape):
                raise ValueError(f"{self.label}: the input has no axis {each}: its shape is {shape}.")
            if shape[each] is None:
                raise ValueError(f"{self.label}: axis {each} must be known in size, but the input has shape {shape}.")
        return sorted(each % len(shape) for each in axes)

    def _in_own_dtype(self, xp: Any, y: Array) -> Array:
        return xp.astype(y, dtype_of(y, self.dtype))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The same."""
        for axis in self.axis if isinstance(self.axis, list) else [self.axis]:
            if not -len(input_shape) <= axis < len(input_shape):
                raise ValueError(f"{self.label}: the input has no axis {axis}: its shape is {tuple(input_shape)}.")
        return input_shape

    def _along(self, xp: Any, weight: Any, x: Array) -> Any:
        """A weight of the normalised axes in the rank of `x`, or None."""
        places = self._places(self.axis, tuple(x.shape))
        shape = [size if axis in places else 1 for axis, size in enumerate(x.shape)]
        return None if weight is None else xp.reshape(weight.value, shape)


def at_least_single(xp: Any, x: Array) -> Array:
    """`x` in float32, where its own dtype is none of floating numbers or has fewer bits."""
    return x if is_floating(x) and x.dtype.itemsize >= 4 else xp.astype(x, xp.float32)


def constant(xp: Any, x: Array) -> Array:
    """`x` without its gradient."""
    if xp is np:
        return x
    from jax.lax import stop_gradient

    return stop_gradient(x)
