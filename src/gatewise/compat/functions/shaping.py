"""Functions that move numbers and leave them as they are: `tf.reshape`, `tf.concat`, `tf.gather`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from gatewise.base.arrays import namespace
from gatewise.base.tensors import InvalidArgumentError, from_python, matched
from gatewise.base.typing import Array
from gatewise.compat.functions.calling import FUNCTIONS, array, axes, offered, plainly, sizes


@offered("reshape")
def reshape(tensor: Any, shape: Any) -> Array:
    """The numbers in another shape; one size may be -1.

    Raises:
        InvalidArgumentError: another number of values.
    """
    x = array(tensor)
    try:
        return namespace(x).reshape(x, sizes(shape))
    except (ValueError, TypeError) as error:
        raise InvalidArgumentError(f"tf.reshape: {x.size} values do not fit the shape {sizes(shape)}.") from error


@offered("transpose")
def transpose(a: Any, perm: Any = None) -> Array:
    """The axes of `a` in the order `perm`, by default reversed."""
    x = array(a)
    return namespace(x).transpose(x, None if perm is None else sizes(perm))


@offered("expand_dims")
def expand_dims(input: Any, axis: Any) -> Array:
    """A new axis of size 1."""
    x = array(input)
    place = axes(axis)
    return namespace(x).expand_dims(x, axis=place[0] if isinstance(place, tuple) else place)


@offered("squeeze")
def squeeze(input: Any, axis: Any = None) -> Array:
    """Without axes of size 1: all of them, or those named."""
    x = array(input)
    over = axes(axis)
    if over is None or over == ():
        over = tuple(place for place, size in enumerate(x.shape) if size == 1)
    return namespace(x).squeeze(x, axis=over)


@offered("concat")
def concat(values: Any, axis: Any) -> Array:
    """Arrays one after another along an axis."""
    parts = matched(*(values if isinstance(values, (list, tuple)) else [values]), name="tf.concat")
    return namespace(*parts).concat(parts, axis=axes(axis))


@offered("stack")
def stack(values: Any, axis: Any = 0) -> Array:
    """Arrays of one shape along a new axis."""
    values = list(values)
    if all(isinstance(each, (int, float, bool)) for each in values):
        return from_python(values)
    parts = matched(*values, name="tf.stack")
    return namespace(*parts).stack(parts, axis=axes(axis))


@offered("unstack")
def unstack(value: Any, num: int | None = None, axis: Any = 0) -> list[Array]:
    """The parts along an axis, without it."""
    x = array(value)
    place = axes(axis) % x.ndim
    return [x[(slice(None),) * place + (at,)] for at in range(x.shape[place])]


@offered("split")
def split(value: Any, num_or_size_splits: Any, axis: Any = 0, num: Any = None) -> list[Array]:
    """Equal parts along an axis, or parts of the sizes given, of which one may be -1.

    Raises:
        ValueError: sizes that do not make up the axis.
    """
    x, parts = array(value), plainly(num_or_size_splits)
    place = axes(axis) % x.ndim
    whole = x.shape[place]
    if isinstance(parts, int):
        if whole % parts:
            raise InvalidArgumentError(f"tf.split: an axis of {whole} cannot be cut into {parts} equal parts.")
        parts = [whole // parts] * parts
    parts = [whole - sum(p for p in parts if p >= 0) if part == -1 else part for part in parts]
    if sum(parts) != whole or min(parts, default=0) < 0:
        raise InvalidArgumentError(f"tf.split: parts of {parts} do not make up an axis of {whole}.")
    ends = np.cumsum([0, *parts])
    return [x[(slice(None),) * place + (slice(int(a), int(b)),)] for a, b in pairwise(ends)]


@offered("tile")
def tile(input: Any, multiples: Any) -> Array:
    """The array repeated along each axis."""
    x = array(input)
    return namespace(x).tile(x, sizes(multiples))


@offered("repeat")
def repeat(input: Any, repeats: Any, axis: Any = None) -> Array:
    """Each number, or each part along an axis, several times."""
    x, counts = array(input), plainly(repeats)
    return namespace(x).repeat(x, counts if isinstance(counts, int) else np.asarray(counts), axis=axes(axis))


@offered("broadcast_to")
def broadcast_to(input: Any, shape: Any) -> Array:
    """The array stretched to a shape."""
    x = array(input)
    made = namespace(x).broadcast_to(x, sizes(shape))
    return made.copy() if isinstance(made, np.ndarray) else made


@offered("pad")
def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0) -> Array:
    """More places before and behind on each axis: numbers, or with mode "REFLECT" and "SYMMETRIC" the mirrored ones."""
    x = array(tensor)
    xp = namespace(x)
    around = [tuple(each) for each in plainly(paddings)]
    if mode.upper() == "CONSTANT":
        return xp.pad(x, around, mode="constant", constant_values=constant_values)
    return xp.pad(x, around, mode=mode.lower())


@offered("reverse")
def reverse(tensor: Any, axis: Any) -> Array:
    """The parts along some axes in the other order."""
    x = array(tensor)
    return namespace(x).flip(x, axis=axes(axis))


@offered("reverse_sequence")
def reverse_sequence(input: Any, seq_lengths: Any, seq_axis: int = 1, batch_axis: int = 0) -> Array:
    """The first `seq_lengths` places of each sequence in the other order."""
    x, lengths = array(input), array(seq_lengths)
    xp = namespace(x, lengths)
    turned = xp.moveaxis(x, (batch_axis, seq_axis), (0, 1))
    steps = np.arange(turned.shape[1])
    order = xp.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    made = xp.take_along_axis(turned, order.reshape(*order.shape, *[1] * (turned.ndim - 2)), axis=1)
    return xp.moveaxis(made, (0, 1), (batch_axis, seq_axis))


@offered("roll")
def roll(input: Any, shift: Any, axis: Any) -> Array:
    """The numbers moved along an axis, those at the end to the beginning."""
    x = array(input)
    return namespace(x).roll(x, axes(shift), axis=axes(axis))


@offered("slice")
def slice_(input_: Any, begin: Any, size: Any) -> Array:
    """A block: where it begins, and its sizes, -1 for all that is left."""
    x = array(input_)
    ends = zip(sizes(begin), sizes(size), strict=True)
    return x[tuple(slice(start, None if count == -1 else start + count) for start, count in ends)]


@offered("strided_slice")
def strided_slice(input_: Any, begin: Any, end: Any, strides: Any = None) -> Array:
    """`x[begin:end:strides]` on the first axes."""
    x, first, last = array(input_), sizes(begin), sizes(end)
    steps = (1,) * len(first) if strides is None else sizes(strides)
    return x[tuple(slice(*each) for each in zip(first, last, steps, strict=True))]


# --- Numbers by their places ------------------------------------------------------------------------------------


@offered("gather")
def gather(params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: Any = 0) -> Array:
    """The parts at some places of an axis, by default the first after `batch_dims`.

    Raises:
        InvalidArgumentError: a place outside.
    """
    x, places = array(params), array(indices)
    batch = int(batch_dims) % max(places.ndim, 1) if places.ndim else 0
    at = batch if axis is None else axes(axis) % x.ndim
    _check_places(places, x.shape[at], "tf.gather")
    xp = namespace(x, places)
    if not batch:
        return xp.take(x, places, axis=at)
    grid = [
        xp.reshape(xp.arange(size), (1,) * n + (size,) + (1,) * (places.ndim - n - 1))
        for n, size in enumerate(x.shape[:batch])
    ]
    if at == batch:
        return x[(*grid, places)]
    moved = xp.moveaxis(x, at, batch)[(*grid, places)]
    return xp.moveaxis(moved, tuple(range(batch, places.ndim)), tuple(range(at, at + places.ndim - batch)))


def _check_places(places: Array, count: int, what: str) -> None:
    if isinstance(places, np.ndarray) and places.size and (places.min() < 0 or places.max() >= count):
        raise InvalidArgumentError(f"{what}: a place outside [0, {count}) came.")


@offered("_batch_gather")
def batch_gather(params: Any, indices: Any) -> Array:
    """`gather`, where all axes of the places but the last are those of the batch."""
    return gather.__wrapped__(params, indices, batch_dims=array(indices).ndim - 1)  # type: ignore[attr-defined]


@offered("gather_nd")
def gather_nd(params: Any, indices: Any, batch_dims: Any = 0) -> Array:
    """The parts at places, each of which is a row of several numbers.

    Raises:
        InvalidArgumentError: a place outside.
    """
    x, places = array(params), array(indices)
    xp, batch = namespace(x, places), int(batch_dims)
    for at in range(places.shape[-1]):
        _check_places(places[..., at], x.shape[batch + at], "tf.gather_nd")
    rows = places.ndim - 1
    grid = [
        xp.reshape(xp.arange(size), (1,) * n + (size,) + (1,) * (rows - n - 1))
        for n, size in enumerate(x.shape[:batch])
    ]
    key = (*grid, *(places[..., at] for at in range(places.shape[-1])))
    return x[key] if key else xp.broadcast_to(x, (*places.shape[:-1], *x.shape))


def boolean_mask(tensor: Any, mask: Any, name: Any = None, axis: Any = None) -> Any:
    """The parts where a mask holds, one after another.

    >>> boolean_mask([1.0, 2.0, 3.0], [True, False, True]).numpy().tolist()
    [1.0, 3.0]
    """
    # How many there are is known now, and not when a tape runs the call anew: so it gets their places.
    places = np.nonzero(np.asarray(array(mask)))
    return FUNCTIONS["_at_places"](tensor, list(places), axis=0 if axis is None else axes(axis))


@offered("_at_places")
def _at_places(tensor: Any, places: Any, axis: int) -> Array:
    return array(tensor)[(slice(None),) * axis + tuple(places)]


@offered("scatter_nd")
def scatter_nd(indices: Any, updates: Any, shape: Any) -> Array:
    """Zeros with numbers added at places."""
    places, values = array(indices), array(updates)
    xp = namespace(values, places)
    return _added(xp, xp.zeros(sizes(shape), dtype=values.dtype), places, values, "add")


@offered("tensor_scatter_nd_update")
def tensor_scatter_nd_update(tensor: Any, indices: Any, updates: Any) -> Array:
    """The array with other numbers at places."""
    x, values = matched(tensor, updates, name="tf.tensor_scatter_nd_update")
    places = array(indices)
    return _added(namespace(x, values), x, places, values, "set")


@offered("tensor_scatter_nd_add")
def tensor_scatter_nd_add(tensor: Any, indices: Any, updates: Any) -> Array:
    """The array with numbers added at places."""
    x, values = matched(tensor, updates, name="tf.tensor_scatter_nd_add")
    return _added(namespace(x, values), x, array(indices), values, "add")


def _added(xp: Any, x: Array, places: Array, values: Array, how: str) -> Array:
    key = tuple(xp.moveaxis(places, -1, 0))
    if xp is not np:
        return getattr(xp.asarray(x).at[key], how)(values)
    made = np.array(x)
    if how == "add":
        np.add.at(made, key, values)
    else:
        made[key] = values
    return made
