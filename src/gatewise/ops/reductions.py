"""Operations along axes: sums, means, extremes, running sums, order, counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gatewise.base.arrays import namespace
from gatewise.ops.declared import Array, op
from gatewise.ops.dtypes import floats, in_dtype, is_floating, name_of, operand, result_type, tensor, together

_WIDER: Final = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}
"""In which dtype small integers are summed."""


def _axis(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _summable(x: Any, dtype: Any = None) -> tuple[Any, Array]:
    """An operand of a sum, and its namespace."""
    xp, x = operand(x)
    return xp, in_dtype(x, dtype or _WIDER.get(x.dtype.name, x.dtype.name))


def _whole(x: Any) -> tuple[Any, Array]:
    """Booleans as int32."""
    xp, x = operand(x)
    return xp, in_dtype(x, "int32") if x.dtype.kind == "b" else x


def _wide(x: Any) -> tuple[Any, Array, str]:
    """An operand in at least float32, and the dtype of its mean."""
    xp, x = floats(x)
    return xp, in_dtype(x, result_type(x.dtype.name, "float32")), x.dtype.name


def _reduction(name: str, ready: Callable[[Any], tuple[Any, Array]], back: bool = False) -> Callable[..., Any]:
    def function(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
        xp, x = ready(x)
        made = getattr(xp, name)(x, axis=_axis(axis), keepdims=keepdims)
        return in_dtype(made, x.dtype.name) if back else made

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`{name}` along an axis, several, or by default all."
    return function


for _name in ("sum", "nansum"):
    op("numpy")(_reduction(_name, _summable, back=True))
op("numpy")(_reduction("nanprod", _summable, back=True))
for _name in ("any", "all", "amax", "amin", "ptp", "nanmax", "nanmin"):
    op("numpy")(_reduction(_name, operand))
for _name in ("median", "nanmedian"):
    op("numpy")(_reduction(_name, floats))


@op("numpy")
def prod(x: Array, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Array:
    """The product."""
    xp, x = _summable(x, dtype)
    return in_dtype(xp.prod(x, axis=_axis(axis), keepdims=keepdims), x.dtype.name)


def _extreme(name: str) -> Callable[..., Any]:
    def function(x: Array, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Array:
        xp, x = operand(x)
        given = {} if initial is None else {"initial": initial}
        return getattr(xp, name)(x, axis=_axis(axis), keepdims=keepdims, **given)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`{name}` along an axis, several, or by default all, and of `initial`."
    return function


for _name in ("max", "min"):
    op("numpy")(_extreme(_name))


def _moment(name: str) -> Callable[..., Any]:
    def function(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
        xp, x, dtype = _wide(x)
        return in_dtype(getattr(xp, name)(x, axis=_axis(axis), keepdims=keepdims), dtype)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The {name} along an axis, several, or by default all; of integers in floats."
    return function


for _name in ("mean", "var", "std", "nanmean", "nanvar", "nanstd"):
    op("numpy")(_moment(_name))


def _place(name: str) -> Callable[..., Any]:
    def function(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        xp, x = operand(x)
        return in_dtype(getattr(xp, name)(x, axis=axis, keepdims=keepdims), "int32")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`{name}`: the first place of the extreme, int32."
    return function


for _name in ("argmax", "argmin", "nanargmax", "nanargmin"):
    op("numpy")(_place(_name))


@op("numpy")
def average(x: Array, axis: Any = None, weights: Array | None = None) -> Array:
    """The mean, weighted where weights are given."""
    if weights is None:
        xp, x = floats(x)
        return xp.mean(x, axis=_axis(axis))
    xp, (x, weights) = together(x, weights, floating=True)
    return xp.average(x, axis=_axis(axis), weights=weights)


@op("numpy")
def count_nonzero(x: Array, axis: Any = None) -> Array:
    """How many are not 0, int32."""
    xp, x = operand(x)
    return in_dtype(xp.asarray(xp.count_nonzero(x, axis=_axis(axis))), "int32")


def _running(name: str) -> Callable[..., Any]:
    def function(x: Array, axis: int | None = None, dtype: Any = None) -> Array:
        xp, x = _whole(x) if dtype is None else _summable(x, dtype)
        return in_dtype(getattr(xp, name)(x, axis=axis), x.dtype.name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`{name}`: what has come up to each place; without an axis, of the array made flat."
    return function


for _name in ("cumsum", "cumprod", "nancumsum", "nancumprod"):
    op("numpy")(_running(_name))


def _quantile(name: str) -> Callable[..., Any]:
    def function(x: Array, q: Array, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Array:
        xp, x = floats(x)
        made = getattr(xp, name)(x, tensor(q, x.dtype.name), axis=_axis(axis), method=method, keepdims=keepdims)
        return in_dtype(made, x.dtype.name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The `{name}` q along an axis, several, or by default all."
    return function


for _name in ("quantile", "nanquantile", "percentile", "nanpercentile"):
    op("numpy")(_quantile(_name))


@op("math")
def logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """`log(sum(exp(x)))`, without overflow."""
    xp, x = floats(x)
    top = xp.max(x, axis=_axis(axis), keepdims=True)
    top = xp.where(xp.isfinite(top), top, 0)
    made = xp.log(xp.sum(xp.exp(x - top), axis=_axis(axis), keepdims=True)) + top
    return made if keepdims else xp.squeeze(made, axis=_axis(axis))


# --- Order -------------------------------------------------------------------------------------------------------


@op("numpy")
def sort(x: Array, axis: int | None = -1) -> Array:
    """From the smallest to the largest."""
    xp, x = operand(x)
    return xp.sort(x, axis=axis)


@op("numpy")
def argsort(x: Array, axis: int | None = -1) -> Array:
    """The places in the order of their numbers, int32; equal ones keep their order."""
    xp, x = operand(x)
    return in_dtype(xp.argsort(x, axis=axis, stable=True), "int32")


@op("numpy")
def argpartition(x: Array, kth: int, axis: int = -1) -> Array:
    """The places, those of the smallest `kth` first."""
    xp, x = operand(x)
    return in_dtype(xp.argpartition(x, kth, axis=axis), "int32")


@op("math", "TopK")
def top_k(x: Array, k: int, sorted: bool = True) -> Any:
    """The largest `k` numbers of the last axis, and their places, int32."""
    xp, x = operand(x)
    places = xp.flip(x.shape[-1] - 1 - xp.argsort(xp.flip(x, -1), axis=-1, stable=True), -1)[..., :k]
    return xp.take_along_axis(x, places, axis=-1), in_dtype(places, "int32")


@op("math", "InTopK")
def in_top_k(targets: Array, predictions: Array, k: int) -> Array:
    """Whether fewer than `k` predictions (B, C) are above that of the target (B,)."""
    targets, predictions = tensor(targets), tensor(predictions)
    xp = namespace(targets, predictions)
    classes = predictions.shape[-1]
    inside = (targets >= 0) & (targets < classes)
    own = xp.take_along_axis(xp.asarray(predictions), xp.where(inside, targets, 0)[..., None], axis=-1)
    above = xp.sum(predictions > own, axis=-1)
    return inside & (above < k) & xp.isfinite(own[..., 0])


@op("numpy", "SearchSorted")
def searchsorted(sorted_sequence: Array, values: Array, side: str = "left") -> Array:
    """Where values would stand in the sequence, int32."""
    xp, (sequence, found) = together(sorted_sequence, values)
    return in_dtype(xp.searchsorted(sequence, found, side=side), "int32")


@op("numpy")
def digitize(x: Array, bins: Array) -> Array:
    """In which bin each number is: how many of the bins' ends are not above it, int32."""
    xp, x = operand(x)
    return in_dtype(xp.digitize(x, xp.asarray(tensor(bins))), "int32")


@op("numpy")
def bincount(x: Array, weights: Any = None, minlength: int | None = 0, sparse: bool = False) -> Array:
    """How often each whole number comes, or the sum of its weights; of each row where x has two axes."""
    xp, x = operand(x)
    dtype = "int32" if weights is None else result_type("int32", name_of(tensor(weights).dtype))
    if x.ndim == 1:
        given = None if weights is None else tensor(weights)
        return in_dtype(xp.bincount(x, weights=given, minlength=minlength or 0), dtype)
    length = max(int(xp.max(x)) + 1, minlength or 0)
    rows = [None] * len(x) if weights is None else tensor(weights)
    counted = [xp.bincount(row, weights=w, minlength=length) for row, w in zip(x, rows, strict=True)]
    return in_dtype(xp.stack(counted), dtype)


@op("numpy")
def histogram(x: Array, bins: Any = 10, range: Any = None) -> Any:
    """How many numbers are in each bin, and the bins' ends."""
    xp, x = floats(x)
    counts, ends = xp.histogram(x, bins=bins, range=range)
    return in_dtype(counts, x.dtype.name), in_dtype(ends, x.dtype.name)


@op("numpy", "IsIn")
def isin(x1: Array, x2: Array, assume_unique: bool = False, invert: bool = False) -> Array:
    """Whether each number of `x1` is in `x2`."""
    xp, (x1, x2) = together(x1, x2)
    return xp.isin(x1, x2, assume_unique=assume_unique, invert=invert)


@op("numpy", "AllClose")
def allclose(x1: Array, x2: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Array:
    """Whether all numbers are close."""
    xp, (x1, x2) = together(x1, x2)
    return xp.asarray(xp.allclose(x1, x2, rtol, atol, equal_nan))


@op("numpy")
def diff(a: Array, n: int = 1, axis: int = -1) -> Array:
    """The differences of neighbours."""
    xp, a = operand(a)
    return xp.diff(a, n=n, axis=axis)


@op("numpy")
def trapezoid(y: Array, x: Any = None, dx: float = 1.0, axis: int = -1) -> Array:
    """The area under a line through points."""
    xp, y = floats(y)
    return xp.trapezoid(y, x=None if x is None else tensor(x), dx=dx, axis=axis)


@op("numpy")
def unique(
    x: Array,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different numbers in their order, and where they are, where asked."""
    xp, x = operand(x)
    made = xp.unique(x, return_index, return_inverse, return_counts, axis=axis)
    if not isinstance(made, tuple):
        return made
    return (made[0], *(in_dtype(part, "int32") for part in made[1:]))


# --- Segments ----------------------------------------------------------------------------------------------------


def _segments(name: str, ufunc: str, start: Callable[[str], Any]) -> Callable[..., Any]:
    def function(data: Array, segment_ids: Array, num_segments: int | None = None, sorted: bool = False) -> Array:
        data, ids = tensor(data), tensor(segment_ids)
        xp = namespace(data, ids)
        count = int(ids.max()) + 1 if num_segments is None else num_segments
        made = xp.full((count, *data.shape[1:]), start(data.dtype.name), dtype=data.dtype)
        if hasattr(made, "at"):
            kind = {"add": "add", "maximum": "max", "minimum": "min", "multiply": "multiply"}[ufunc]
            return getattr(made.at[ids], kind)(data)
        getattr(xp, ufunc).at(made, ids, data)
        return made

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Of the rows that have the same id."
    return function


def _lowest(name: str) -> Any:
    import numpy as np

    return -np.inf if is_floating(name) else np.iinfo(name).min


def _highest(name: str) -> Any:
    import numpy as np

    return np.inf if is_floating(name) else np.iinfo(name).max


op("math")(_segments("segment_sum", "add", lambda name: 0))
op("math")(_segments("segment_prod", "multiply", lambda name: 1))
op("math")(_segments("segment_max", "maximum", _lowest))
op("math")(_segments("segment_min", "minimum", _highest))
