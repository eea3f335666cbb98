"""Layers that move numbers without changing them."""

from __future__ import annotations

from math import prod
from typing import Any

from gatewise.arguments import Argument, count, data_format, integer
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.layer import Layer, registered
from gatewise.layer.input_spec import InputSpec


@registered.register("Flatten")
class Flatten(Layer):
    """All axes but the first become one: (B, T, I) to (B, T I), and (B,) to (B, 1).

    Args:
        data_format: with "channels_first", (B, I, ...) is read as (B, ..., I).
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> Flatten()(np.zeros((2, 3, 4))).shape
    (2, 12)
    """

    plain_call = True
    why_whole_sequence = "moves numbers between time steps"

    data_format: Argument[Any, str] = data_format()

    input_spec = InputSpec(min_ndim=1)
    keeps_dtype = True

    def call(self, inputs: Array) -> Array:
        """The input with two axes."""
        xp = namespace(inputs)
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = xp.moveaxis(inputs, 1, -1)
        return xp.reshape(inputs, (inputs.shape[0], prod(inputs.shape[1:])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, T I)."""
        batch, *sizes = input_shape
        return (batch, None if None in sizes else prod(n for n in sizes if n is not None))


def _target(value: Any) -> tuple[int, ...]:
    """A shape without the batch axis, in which one size may be -1 (or None): what is left."""
    sizes = (value,) if isinstance(value, int) else tuple(value)
    sizes = tuple(-1 if size is None else integer(size) for size in sizes)
    if any(size < -1 for size in sizes) or sizes.count(-1) > 1:
        raise ValueError(f"expected sizes of at least 0, one of which may be -1, got {value!r}.")
    return sizes


@registered.register("Reshape")
class Reshape(Layer):
    """The same numbers in another shape: (B, ...) to (B, *target_shape).

    Args:
        target_shape: without the batch axis; one size may be -1, and is then what the others leave.
        **kwargs: see `Layer`.

    Raises:
        ValueError: where the sizes do not multiply to the input's.

    >>> import numpy as np
    >>> Reshape((-1, 2))(np.zeros((1, 3, 4))).shape
    (1, 6, 2)
    """

    plain_call = True
    moves_axes = True
    why_whole_sequence = "moves numbers between time steps"

    target_shape: Argument[Any, tuple[int, ...]] = Argument(parse=_target, serialize=list)

    keeps_dtype = True

    def call(self, inputs: Array) -> Array:
        """The input in the target shape."""
        shape = self.compute_output_shape(tuple(inputs.shape))
        return namespace(inputs).reshape(inputs, shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, *target_shape), with -1 filled in."""
        batch, *sizes = input_shape
        if None in sizes:
            return (batch, *(None if size == -1 else size for size in self.target_shape))
        count, known = prod(n for n in sizes if n is not None), prod(size for size in self.target_shape if size != -1)
        if -1 not in self.target_shape and known == count:
            return (batch, *self.target_shape)
        if -1 in self.target_shape and (count % known == 0 if known else count == 0):
            rest = count // known if known else 0
            return (batch, *(rest if size == -1 else size for size in self.target_shape))
        raise ValueError(
            f"{self.label}: target_shape={self.target_shape} does not fit an input of shape {input_shape}, "
            f"which has {count} numbers a sample."
        )


@registered.register("RepeatVector")
class RepeatVector(Layer):
    """Repeats a vector over time: (B, I) to (B, n, I).

    Args:
        n: how often.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> RepeatVector(3)(np.zeros((2, 4))).shape
    (2, 3, 4)
    """

    plain_call = True
    why_whole_sequence = "makes a sequence of its own out of one vector"

    n: Argument[int, int] = count()

    input_spec = InputSpec(ndim=2)
    keeps_dtype = True

    def call(self, inputs: Array) -> Array:
        """The input, n times."""
        return namespace(inputs).repeat(inputs[:, None, :], self.n, axis=1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, n, I)."""
        return (input_shape[0], self.n, input_shape[1])


def _order(value: Any) -> tuple[int, ...]:
    """An order of the axes, counted from 1."""
    order = tuple(map(integer, value)) if isinstance(value, (list, tuple)) else (integer(value),)
    if sorted(order) != list(range(1, len(order) + 1)):
        raise ValueError(f"expected each axis from 1 to {len(order)} once, got {value!r}.")
    return order


@registered.register("Permute")
class Permute(Layer):
    """Puts the axes in another order: with (2, 1), (B, T, I) becomes (B, I, T).

    Args:
        dims: the input's axes in their new order, counted from 1; the batch axis stays first.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> Permute((2, 1))(np.zeros((2, 3, 4))).shape
    (2, 4, 3)
    """

    plain_call = True
    moves_axes = True
    why_whole_sequence = "exchanges the time axis with another"

    dims: Argument[Any, tuple[int, ...]] = Argument(parse=_order, serialize=list)

    keeps_dtype = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Array) -> Array:
        """The input with its axes reordered."""
        return namespace(inputs).permute_dims(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The sizes in the new order."""
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))
