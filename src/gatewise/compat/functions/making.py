"""Functions that make arrays, and those that say something about one."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base.arrays import namespace
from gatewise.base.dtypes import as_dtype
from gatewise.base.tensors import Tensor, Weak, matched, plain
from gatewise.base.tensors import _operand as operand
from gatewise.base.typing import Array
from gatewise.compat.functions.calling import array, offered, plainly, sizes


@offered("constant")
def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Array:
    """An array of `value`: Python's floats as float32 and its integers as int32, arrays as they are.

    Args:
        value: a number, text, nested lists or an array.
        dtype: to cast to.
        shape: to fill with one number, or to reshape to.
        name: accepted.

    Raises:
        TypeError: floats for an integer dtype, a tensor of another dtype, or another number of values than `shape` has.
        ValueError: None, or lists of unequal lengths.

    >>> constant([1.0, 2.0]).dtype.name, constant([1, 2]).dtype.name, constant(2**40).dtype.name
    ('float32', 'int32', 'int64')
    """
    found = _in(value, dtype, "tf.constant")
    if shape is None:
        return found
    wanted = sizes(shape)
    if found.size != 1 and found.size != int(np.prod(wanted)):
        raise TypeError(f"tf.constant: {found.size} values came for the shape {wanted}.")
    return np.full(wanted, found, found.dtype) if found.size == 1 else found.reshape(wanted)


@offered("convert_to_tensor")
def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None, name: str | None = None) -> Array:
    """An array of `value`; `dtype_hint` is taken where it can be.

    Raises:
        TypeError: as for `constant`.
    """
    if dtype is None and dtype_hint is not None:
        try:
            return _in(value, dtype_hint, "tf.convert_to_tensor")
        except (TypeError, ValueError):
            pass
    return _in(value, dtype, "tf.convert_to_tensor")


class MixedDtypeError(TypeError, ValueError):
    """A tensor where another dtype was wanted; TensorFlow raises one or the other."""


def _in(value: Any, dtype: Any, what: str) -> Array:
    made = operand(value)
    found = made.array if isinstance(made, Weak) else plain(made)
    if dtype is None:
        return found
    wanted = as_dtype(dtype).dtype
    if found.dtype == wanted:
        return found
    if isinstance(value, Tensor):
        raise MixedDtypeError(f"{what}: a tensor in {value.dtype.name} came, and {as_dtype(dtype).name} was wanted.")
    if "O" in (found.dtype.kind, wanted.kind) or (isinstance(made, Weak) and wanted.kind in "iu" and _broken(found)):
        raise TypeError(f"{what}: cannot make {as_dtype(dtype).name} of {value!r}: use tf.cast for that.")
    return namespace(found).astype(found, wanted)


def _broken(x: Array) -> bool:
    return x.dtype.kind in "fc"


@offered("zeros")
def zeros(shape: Any, dtype: Any = "float32", name: str | None = None) -> Array:
    """Zeros.

    >>> zeros((1, 2)).numpy().tolist()
    [[0.0, 0.0]]
    """
    if as_dtype(dtype).name == "string":
        return np.full(sizes(shape), b"", object)
    return np.zeros(sizes(shape), as_dtype(dtype).dtype)


@offered("ones")
def ones(shape: Any, dtype: Any = "float32", name: str | None = None) -> Array:
    """Ones."""
    return np.ones(sizes(shape), as_dtype(dtype).dtype)


@offered("fill")
def fill(dims: Any, value: Any) -> Array:
    """An array full of one number."""
    found = array(value)
    return namespace(found).full(sizes(dims), found, dtype=found.dtype)


@offered("zeros_like")
def zeros_like(input: Any, dtype: Any = None) -> Array:
    """Zeros in another's shape and dtype."""
    x = array(input)
    return namespace(x).zeros_like(x, dtype=None if dtype is None else as_dtype(dtype).dtype)


@offered("ones_like")
def ones_like(input: Any, dtype: Any = None) -> Array:
    """Ones in another's shape and dtype."""
    x = array(input)
    return namespace(x).ones_like(x, dtype=None if dtype is None else as_dtype(dtype).dtype)


@offered("eye", "linalg.eye")
def eye(num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = "float32") -> Array:
    """Ones on the diagonal, zeros beside it."""
    rows = int(num_rows)
    made = np.eye(rows, rows if num_columns is None else int(num_columns), dtype=as_dtype(dtype).dtype)
    return made if batch_shape is None else np.broadcast_to(made, (*sizes(batch_shape), *made.shape)).copy()


@offered("range")
def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Array:
    """Numbers from `start` up to `limit`, that one left out.

    >>> range(3).numpy().tolist()
    [0, 1, 2]
    """
    ends = [array(each) for each in ((0, start, delta) if limit is None else (start, limit, delta))]
    wanted = as_dtype(dtype).dtype if dtype is not None else _widest(ends)
    first, last, step = (each.astype(wanted).item() for each in ends)
    return np.arange(first, last, step).astype(wanted)


def _widest(numbers: list[Array]) -> Any:
    """The first of float64, float32, int64 and int32 that one of the numbers has."""
    names = {each.dtype.name for each in numbers}
    return np.dtype(next((name for name in ("float64", "float32", "int64") if name in names), "int32"))


@offered("linspace")
def linspace(start: Any, stop: Any, num: Any, axis: int = 0) -> Array:
    """`num` numbers at equal distances, both ends among them."""
    first, last = matched(start, stop, name="tf.linspace")
    dtype = np.dtype("float64") if first.dtype.kind in "iu" else first.dtype
    return np.linspace(first, last, int(num), axis=axis).astype(dtype)


@offered("one_hot")
def one_hot(
    indices: Any, depth: Any, on_value: Any = None, off_value: Any = None, axis: int = -1, dtype: Any = None
) -> Array:
    """A vector for each id: `on_value` (1) at its place and `off_value` (0) at others; ids outside have no place.

    >>> one_hot([0, 2], 3).numpy().tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    ids = array(indices)
    xp = namespace(ids)
    given = [array(each) for each in (on_value, off_value) if each is not None]
    kind = as_dtype(dtype).dtype if dtype is not None else given[0].dtype if given else np.dtype("float32")
    hit = ids[..., None] == xp.arange(int(depth), dtype=ids.dtype)
    on, off = (xp.asarray(default if v is None else v, dtype=kind) for v, default in ((on_value, 1), (off_value, 0)))
    made = xp.where(hit, on, off)
    return made if axis == -1 else xp.moveaxis(made, -1, axis)


@offered("sequence_mask")
def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = "bool") -> Array:
    """True for the first `lengths` places of each row.

    >>> sequence_mask([1, 3], 3).numpy().tolist()
    [[True, False, False], [True, True, True]]
    """
    counts = array(lengths)
    xp = namespace(counts)
    longest = int(np.max(counts, initial=0)) if maxlen is None else int(maxlen)
    made = xp.arange(longest, dtype=counts.dtype) < counts[..., None]
    return made if as_dtype(dtype).name == "bool" else xp.astype(made, as_dtype(dtype).dtype)


@offered("shape")
def shape(input: Any, out_type: Any = "int32") -> Array:
    """The shape as an array of integers.

    >>> shape([[1.0, 2.0]]).numpy().tolist()
    [1, 2]
    """
    return np.asarray(tuple(array(input).shape), as_dtype(out_type).dtype)


@offered("size")
def size(input: Any, out_type: Any = "int32") -> Array:
    """How many numbers an array has."""
    return np.asarray(array(input).size, as_dtype(out_type).dtype)


@offered("rank")
def rank(input: Any) -> Array:
    """How many axes an array has."""
    return np.asarray(array(input).ndim, "int32")


@offered("meshgrid")
def meshgrid(*args: Any, indexing: str = "xy") -> list[Array]:
    """Coordinates of a grid."""
    return [each.copy() for each in np.meshgrid(*map(array, args), indexing=plainly(indexing))]
