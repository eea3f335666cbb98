"""Functions of arrays under Keras 2's names: those of `gatewise.ops` in other words, and what only Keras 2 has."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gatewise import ops
from gatewise.base.arrays import Tensor
from gatewise.base.typing import Array
from gatewise.base.variable import Variable
from gatewise.config import config
from gatewise.ops.dtypes import name_of, tensor

K: Any = ops  # Its functions come from a table, which type checkers do not see.

SAME: Final = (
    "abs exp log sin cos tanh sigmoid softplus softsign square sqrt sign equal not_equal greater greater_equal less "
    "less_equal maximum minimum var std prod max min stop_gradient stack"
)
"""Those that `ops` has with the same name, arguments and meaning."""


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """Whether any is not 0."""
    return K.any(K.cast(x, "bool"), axis, keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """Whether none is 0."""
    return K.all(K.cast(x, "bool"), axis, keepdims)


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """The sum along axes, in the dtype of x."""
    return K.sum(x, axis, keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """The mean along axes; of booleans in floats."""
    return K.mean(x, axis, keepdims)


def argmax(x: Any, axis: int = -1) -> Array:
    """The place of the largest, int64."""
    return K.cast(K.argmax(x, axis), "int64")


def argmin(x: Any, axis: int = -1) -> Array:
    """The place of the smallest, int64."""
    return K.cast(K.argmin(x, axis), "int64")


def round(x: Any) -> Array:
    """To the nearest whole number, halves to the even one."""
    return K.round(x)


def pow(x: Any, a: Any) -> Array:
    """`x ** a`."""
    return K.power(x, a)


def clip(x: Any, min_value: Any, max_value: Any) -> Array:
    """`x` cut to between two numbers."""
    low = -np.inf if min_value is None else min_value
    high = np.inf if max_value is None else max_value
    return K.clip(x, low, K.maximum(low, high))


def cumsum(x: Any, axis: int = 0) -> Array:
    """The sums of what has come up to each place."""
    return K.cumsum(x, axis)


def cumprod(x: Any, axis: int = 0) -> Array:
    """The products of what has come up to each place."""
    return K.cumprod(x, axis)


# --- Making ------------------------------------------------------------------------------------------------------


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """A variable with that first value."""
    return Variable(np.asarray(tensor(value, dtype or config.floatx)), name=name or "variable", constraint=constraint)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Array:
    """An array of a value, by default in floatx."""
    array = np.asarray(tensor(value, dtype or config.floatx))
    return (array if shape is None else np.broadcast_to(array.reshape(shape) if array.size > 1 else array, shape)).view(
        Tensor
    )


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Array:
    """Zeros."""
    return K.zeros(tuple(shape), dtype)


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Array:
    """Ones."""
    return K.ones(tuple(shape), dtype)


def eye(size: Any, dtype: Any = None, name: str | None = None) -> Array:
    """Ones on the diagonal."""
    return K.eye(*((size,) if isinstance(size, int) else size), dtype=dtype)


def zeros_like(x: Any, dtype: Any = None, name: str | None = None) -> Array:
    """Zeros of the shape of x."""
    return K.zeros_like(x, dtype)


def ones_like(x: Any, dtype: Any = None, name: str | None = None) -> Array:
    """Ones of the shape of x."""
    return K.ones_like(x, dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = "int32") -> Array:
    """Whole numbers from `start` up to `stop`, that one left out."""
    return K.arange(0 if stop is None else start, start if stop is None else stop, step, dtype)


def cast(x: Any, dtype: Any) -> Array:
    """X in another dtype."""
    return K.cast(x, dtype)


def dtype(x: Any) -> str:
    """The dtype's name."""
    return name_of(x.dtype)


def shape(x: Any) -> tuple[int | None, ...]:
    """The shape, None where a size is not known before there is data."""
    return tuple(x.shape)


# --- Products ----------------------------------------------------------------------------------------------------


def dot(x: Any, y: Any) -> Array:
    """Sums of products over the last axis of x and the last but one of y.

    x (..., I) and y (..., I, J) give (axes of x but the last, axes of y but the last two, J).

    >>> dot(np.ones((2, 3, 4)), np.ones((4, 5))).shape
    (2, 3, 5)
    """
    rank = len(y.shape)
    return K.tensordot(x, y, [[len(x.shape) - 1], [max(rank - 2, 0)]])


def batch_dot(x: Any, y: Any, axes: Any = None) -> Array:
    """For each sample, sums of products over one axis of each; what is left of x comes before what is left of y.

    Args:
        x, y: at least (B, I) both.
        axes: the axis of both, or one for each, counted with the batch axis; by default the last of x and the last but
            one of y (the last where y is (B, I)).

    Raises:
        ValueError: where an operand has no axis beside the batch's, or the sizes differ.

    >>> batch_dot(np.ones((2, 3, 4)), np.ones((2, 4, 5))).shape, batch_dot(np.ones((2, 4)), np.ones((2, 4))).shape
    ((2, 3, 5), (2, 1))
    """
    ranks = len(x.shape), len(y.shape)
    if min(ranks) < 2:
        raise ValueError(f"K.batch_dot: expected operands (B, ...), got the shapes {shape(x)} and {shape(y)}.")
    if axes is None:
        axes = (ranks[0] - 1, max(ranks[1] - 2, 1))
    one, other = (axes, axes) if isinstance(axes, int) else axes
    one, other = one % ranks[0], other % ranks[1]
    sizes = x.shape[one], y.shape[other]
    if 0 in (one, other) or (None not in sizes and sizes[0] != sizes[1]):
        raise ValueError(
            f"K.batch_dot: cannot sum over the axes {axes} of the shapes {shape(x)} and {shape(y)}: they must have "
            "one size, and not the batch's."
        )
    letters = iter("cdefghijklmnopqrstuvwxyz")
    left, right = (
        ["a", *("b" if axis == summed else next(letters) for axis in range(1, rank))]
        for rank, summed in ((ranks[0], one), (ranks[1], other))
    )
    kept = [letter for letter in left if letter != "b"] + [letter for letter in right if letter not in "ab"]
    y = K.einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", x, y)
    return K.expand_dims(y, 1) if len(kept) == 1 else y


# --- Shapes ------------------------------------------------------------------------------------------------------


def expand_dims(x: Any, axis: int = -1) -> Array:
    """With one more axis of size 1."""
    return K.expand_dims(x, axis)


def squeeze(x: Any, axis: int) -> Array:
    """Without an axis of size 1."""
    return K.squeeze(x, axis)


def permute_dimensions(x: Any, pattern: Any) -> Array:
    """The axes in another order."""
    return K.transpose(x, list(pattern))


def transpose(x: Any) -> Array:
    """The axes reversed."""
    return K.transpose(x)


def reshape(x: Any, shape: Any) -> Array:
    """The numbers in another shape; one size may be -1 or unknown."""
    return K.reshape(x, tuple(shape))


def flatten(x: Any) -> Array:
    """The numbers in one axis."""
    return K.reshape(x, (-1,))


def batch_flatten(x: Any) -> Array:
    """Each sample's numbers in one axis."""
    sizes = shape(x)[1:]
    return K.reshape(x, (-1, -1 if None in sizes else int(np.prod(sizes))))  # type: ignore[arg-type]


def repeat(x: Any, n: int) -> Array:
    """(B, I) as (B, n, I)."""
    return K.repeat(K.expand_dims(x, 1), n, 1)


def repeat_elements(x: Any, rep: int, axis: int) -> Array:
    """Each part along an axis so many times."""
    return K.repeat(x, rep, axis)


def tile(x: Any, n: Any) -> Array:
    """The whole so many times along each axis."""
    return K.tile(x, [n] if isinstance(n, int) else list(n))


def concatenate(tensors: Any, axis: int = -1) -> Array:
    """Arrays joined along an axis."""
    return K.concatenate(list(tensors), axis)


def reverse(x: Any, axes: Any) -> Array:
    """In the reversed order along axes."""
    return K.flip(x, axes)


def gather(reference: Any, indices: Any) -> Array:
    """The parts of the first axis at places."""
    return K.take(reference, indices, 0)


def temporal_padding(x: Any, padding: Any = (1, 1)) -> Array:
    """(B, T, I) with steps of zeros before and behind."""
    return K.pad(x, [[0, 0], list(padding), [0, 0]])


def _around(x: Any, padding: Any, data_format: str | None) -> Array:
    sides = [list(each) for each in padding]
    first = data_format == "channels_first"
    return K.pad(x, [[0, 0], [0, 0], *sides] if first else [[0, 0], *sides, [0, 0]])


def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None) -> Array:
    """Zeros around two spatial axes."""
    return _around(x, padding, data_format)


def spatial_3d_padding(x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None) -> Array:
    """Zeros around three spatial axes."""
    return _around(x, padding, data_format)


def resize_images(
    x: Any, height_factor: int, width_factor: int, data_format: str, interpolation: str = "nearest"
) -> Array:
    """Two spatial axes stretched by whole factors.

    Raises:
        ValueError: for an interpolation other than "nearest".
    """
    if interpolation != "nearest":
        raise ValueError(f"K.resize_images: only interpolation='nearest' is here, not {interpolation!r}.")
    return _stretched(x, (height_factor, width_factor), data_format)


def resize_volumes(x: Any, depth_factor: int, height_factor: int, width_factor: int, data_format: str) -> Array:
    """Three spatial axes stretched by whole factors."""
    return _stretched(x, (depth_factor, height_factor, width_factor), data_format)


def _stretched(x: Any, factors: tuple[int, ...], data_format: str) -> Array:
    for axis, factor in enumerate(factors, 2 if data_format == "channels_first" else 1):
        x = K.repeat(x, factor, axis)
    return x


def count_params(x: Any) -> int:
    """How many numbers there are."""
    return int(np.prod(x.shape))


def is_sparse(tensor: Any) -> bool:
    """False: there are no sparse tensors here."""
    return False


def to_dense(tensor: Any) -> Any:
    """The tensor itself."""
    return tensor
