"""Functions over axes: sums, means, places of the largest, sorting, cumulative sums, parts of segments."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gatewise.base.arrays import namespace
from gatewise.base.dtypes import as_dtype
from gatewise.base.tensors import InvalidArgumentError
from gatewise.base.typing import Array
from gatewise.compat.functions.calling import array, axes, floating, offered


def _over(name: str) -> None:
    """A reduction in TensorFlow's words: `tf.reduce_sum(x, axis=1, keepdims=True)`; the dtype stays."""

    def reduce(input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Array:
        x = array(input_tensor)
        if (x.dtype.kind == "b") != (name in ("any", "all")):
            wanted = "booleans" if name in ("any", "all") else "numbers"
            raise InvalidArgumentError(f"tf.reduce_{name} is for {wanted}, but {x.dtype.name} came.")
        xp, over = namespace(x), axes(axis)
        if name == "mean" and x.dtype.kind in "iu":
            return _whole(xp, x, over, keepdims)
        options = {"dtype": x.dtype} if name in ("sum", "prod") else {}
        return getattr(xp, name)(x, axis=over, keepdims=keepdims, **options)

    reduce.__name__ = f"reduce_{name}"
    offered(f"reduce_{name}", f"math.reduce_{name}")(reduce)


def _whole(xp: Any, x: Array, axis: Any, keepdims: bool) -> Array:
    """The mean of whole numbers, without its fraction."""
    total = xp.sum(x, axis=axis, keepdims=keepdims, dtype=x.dtype)
    count = x.size // max(total.size, 1)
    return xp.astype(xp.trunc(total / count), x.dtype)


for _name in ("sum", "mean", "max", "min", "prod", "any", "all"):
    _over(_name)


@offered("math.reduce_variance")
def reduce_variance(input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """The mean squared distance from the mean."""
    x = floating(input_tensor, "math.reduce_variance")
    return namespace(x).var(x, axis=axes(axis), keepdims=keepdims)


@offered("math.reduce_std")
def reduce_std(input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """The square root of the variance."""
    x = floating(input_tensor, "math.reduce_std")
    return namespace(x).std(x, axis=axes(axis), keepdims=keepdims)


@offered("reduce_logsumexp", "math.reduce_logsumexp")
def reduce_logsumexp(input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Array:
    """The logarithm of the sum of exponentials."""
    x = floating(input_tensor, "reduce_logsumexp")
    xp, over = namespace(x), axes(axis)
    largest = xp.max(x, axis=over, keepdims=True)
    largest = xp.where(xp.isfinite(largest), largest, 0)
    with np.errstate(divide="ignore"):
        total = xp.log(xp.sum(xp.exp(x - largest), axis=over, keepdims=True)) + largest
    return total if keepdims else xp.squeeze(total, axis=tuple(range(x.ndim)) if over is None else over)


@offered("argmax", "math.argmax")
def argmax(input: Any, axis: Any = 0, output_type: Any = "int64") -> Array:
    """The place of the largest number along an axis, by default the first; the first of equal ones."""
    x = array(input)
    xp = namespace(x)
    return xp.astype(xp.argmax(x, axis=0 if axis is None else axes(axis)), as_dtype(output_type).dtype)


@offered("argmin", "math.argmin")
def argmin(input: Any, axis: Any = 0, output_type: Any = "int64") -> Array:
    """The place of the smallest number along an axis, by default the first."""
    x = array(input)
    xp = namespace(x)
    return xp.astype(xp.argmin(x, axis=0 if axis is None else axes(axis)), as_dtype(output_type).dtype)


@offered("cumsum", "math.cumsum")
def cumsum(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False) -> Array:
    """Sums from the beginning of an axis up to each place; without the place itself where `exclusive`."""
    return _cumulative("cumsum", array(x), axes(axis), exclusive, reverse)


@offered("math.cumprod")
def cumprod(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False) -> Array:
    """Products from the beginning of an axis up to each place."""
    return _cumulative("cumprod", array(x), axes(axis), exclusive, reverse)


def _cumulative(name: str, x: Array, axis: int, exclusive: bool, reverse: bool) -> Array:
    xp = namespace(x)
    if reverse:
        x = xp.flip(x, axis=axis)
    made = getattr(xp, name)(x, axis=axis, dtype=x.dtype)
    if exclusive:
        first = xp.take(made, np.array([0]), axis=axis)
        start = xp.zeros_like(first) if name == "cumsum" else xp.ones_like(first)
        made = xp.concat([start, xp.take(made, np.arange(x.shape[axis] - 1), axis=axis)], axis=axis)
    return xp.flip(made, axis=axis) if reverse else made


@offered("sort")
def sort(values: Any, axis: Any = -1, direction: str = "ASCENDING") -> Array:
    """The numbers along an axis in order."""
    x = array(values)
    made = namespace(x).sort(x, axis=axes(axis))
    return namespace(x).flip(made, axis=axes(axis)) if direction == "DESCENDING" else made


@offered("argsort")
def argsort(values: Any, axis: Any = -1, direction: str = "ASCENDING", stable: bool = False) -> Array:
    """The places of the numbers along an axis in order; equal ones in theirs."""
    x = array(values)
    xp = namespace(x)
    turned = -x if direction == "DESCENDING" else x
    order = np.argsort(turned, axis=axes(axis), kind="stable") if xp is np else xp.argsort(turned, axis=axes(axis))
    return xp.astype(order, np.dtype("int32"))


class Top(NamedTuple):
    """The largest numbers and where they stand."""

    values: Array
    indices: Array


@offered("math.top_k", "nn.top_k")
def top_k(input: Any, k: int = 1, sorted: bool = True) -> Top:
    """The `k` largest numbers along the last axis, and their places in int32."""
    x = array(input)
    xp = namespace(x)
    turned = -x
    order = np.argsort(turned, axis=-1, kind="stable") if xp is np else xp.argsort(turned, axis=-1)
    places = xp.astype(order[..., :k], np.dtype("int32"))
    return Top(xp.take_along_axis(x, places, axis=-1), places)


@offered("math.in_top_k", "nn.in_top_k")
def in_top_k(targets: Any, predictions: Any, k: int) -> Array:
    """Whether each target's prediction is among the `k` largest of its row."""
    ids, x = array(targets), array(predictions)
    xp = namespace(x, ids)
    own = xp.take_along_axis(x, ids[:, None], axis=1)
    return xp.sum(x > own, axis=1) < k


@offered("math.count_nonzero")
def count_nonzero(input: Any, axis: Any = None, keepdims: bool = False, dtype: Any = "int64") -> Array:
    """How many numbers are not 0."""
    x = array(input)
    return namespace(x).sum(x != 0, axis=axes(axis), keepdims=keepdims, dtype=as_dtype(dtype).dtype)


@offered("unique")
def unique(x: Any, out_idx: Any = "int32") -> tuple[Array, Array]:
    """The different numbers in the order in which they come, and for each number the place of its own among them."""
    found = np.asarray(array(x))
    _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return found[np.sort(first)], rank[inverse].astype(as_dtype(out_idx).dtype)


@offered("math.segment_sum")
def segment_sum(data: Any, segment_ids: Any) -> Array:
    """The sums of rows with the same number in `segment_ids`, which are in order."""
    ids = array(segment_ids)
    return _segments(array(data), ids, int(np.max(ids, initial=-1)) + 1)


@offered("math.unsorted_segment_sum")
def unsorted_segment_sum(data: Any, segment_ids: Any, num_segments: Any) -> Array:
    """The sums of rows with the same number in `segment_ids`, for the numbers below `num_segments`."""
    return _segments(array(data), array(segment_ids), int(num_segments))


def _segments(x: Array, ids: Array, count: int) -> Array:
    if isinstance(x, np.ndarray):
        made = np.zeros((count, *x.shape[1:]), x.dtype)
        np.add.at(made, np.asarray(ids), x)
        return made
    import jax

    return jax.ops.segment_sum(x, ids, count)
