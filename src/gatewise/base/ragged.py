"""`tf.ragged`: rows of unequal lengths, as one tensor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gatewise.base.dtypes import DType, as_dtype
from gatewise.base.tensor_shape import TensorShape
from gatewise.base.tensors import as_tensor, from_python, plain
from gatewise.base.typing import Array


class RaggedTensor:
    """Rows of unequal lengths: all their values one after another, and how many each row has.

    Args:
        values: of all rows, (sum of lengths, ...); a ragged tensor where the rows' parts are unequal, too.
        row_lengths: how many values each row has.

    >>> rows = RaggedTensor.from_row_lengths([1, 2, 3], [2, 0, 1])
    >>> rows.to_list(), rows.shape, rows.to_tensor().numpy().tolist()
    ([[1, 2], [], [3]], (3, None), [[1, 2], [0, 0], [3, 0]])
    """

    def __init__(self, values: Any, row_lengths: Any) -> None:
        self._values = values if isinstance(values, RaggedTensor) else plain(_as_array(values))
        self._lengths = np.asarray(row_lengths, "int64")
        if int(self._lengths.sum()) != len(self._values) or (self._lengths < 0).any():
            raise ValueError(
                f"A RaggedTensor's row lengths must make up its values: {len(self._values)} values came, and lengths "
                f"that make {int(self._lengths.sum())}."
            )

    @classmethod
    def from_row_lengths(cls, values: Any, row_lengths: Any, name: Any = None, validate: bool = True) -> RaggedTensor:
        """From the values and each row's length."""
        return cls(values, row_lengths)

    @classmethod
    def from_row_splits(cls, values: Any, row_splits: Any, name: Any = None, validate: bool = True) -> RaggedTensor:
        """From the values and where each row begins, with where the last one ends."""
        return cls(values, np.diff(np.asarray(row_splits)))

    @classmethod
    def from_value_rowids(
        cls, values: Any, value_rowids: Any, nrows: Any = None, name: Any = None, validate: bool = True
    ) -> RaggedTensor:
        """From the values and the row of each."""
        ids = np.asarray(value_rowids)
        return cls(values, np.bincount(ids, minlength=0 if nrows is None else int(nrows)))

    @classmethod
    def from_tensor(cls, tensor: Any, lengths: Any = None, padding: Any = None, ragged_rank: int = 1) -> RaggedTensor:
        """From an array (B, T, ...): of each row so many as `lengths` say, or all but the `padding` at its end."""
        x = plain(_as_array(tensor))
        if lengths is None:
            lengths = [x.shape[1]] * len(x)
            if padding is not None:
                real = x != padding
                real = real.reshape(*real.shape[:2], -1).any(-1)
                lengths = [int(np.flatnonzero(row)[-1]) + 1 if row.any() else 0 for row in real]
        rows = [row[:length] for row, length in zip(x, np.asarray(lengths), strict=True)]
        return cls(np.concatenate(rows) if rows else x.reshape(0, *x.shape[2:]), lengths)

    @property
    def values(self) -> Any:
        """The values of all rows."""
        return as_tensor(self._values)

    @property
    def flat_values(self) -> Any:
        """The values of the innermost rows."""
        return self._values.flat_values if isinstance(self._values, RaggedTensor) else as_tensor(self._values)

    def with_flat_values(self, new: Any) -> RaggedTensor:
        """Rows of the same lengths with other values."""
        inner = self._values.with_flat_values(new) if isinstance(self._values, RaggedTensor) else new
        return RaggedTensor(inner, self._lengths)

    @property
    def dtype(self) -> DType:
        """The values' dtype."""
        return as_dtype(self._values.dtype)

    @property
    def shape(self) -> TensorShape:
        """The sizes, None where they are unequal."""
        return TensorShape((len(self._lengths), None, *self._values.shape[1:]))

    @property
    def ragged_rank(self) -> int:
        """How many axes have unequal sizes."""
        return 1 + (self._values.ragged_rank if isinstance(self._values, RaggedTensor) else 0)

    @property
    def row_splits(self) -> Any:
        """Where each row begins, and where the last one ends."""
        return as_tensor(np.concatenate([[0], np.cumsum(self._lengths)]).astype("int64"))

    def row_lengths(self, axis: int = 1, name: Any = None) -> Any:
        """How many values each row has."""
        return as_tensor(self._lengths)

    def nrows(self) -> Any:
        """How many rows."""
        return as_tensor(np.asarray(len(self._lengths), "int64"))

    def bounding_shape(self) -> Any:
        """The shape of `to_tensor`."""
        return as_tensor(np.asarray(self.to_tensor().shape, "int64"))

    def rows(self) -> Iterator[Any]:
        """The rows as plain arrays, or as ragged tensors."""
        ends = np.concatenate([[0], np.cumsum(self._lengths)])
        for first, last in pairwise(ends):
            if isinstance(self._values, RaggedTensor):
                yield self._values[int(first) : int(last)]
            else:
                yield self._values[first:last]

    def __iter__(self) -> Iterator[Any]:
        return (as_tensor(row) for row in self.rows())

    def __len__(self) -> int:
        return len(self._lengths)

    def __getitem__(self, key: Any) -> Any:
        rows = list(self.rows())
        if isinstance(key, (int, np.integer)):
            return as_tensor(rows[int(key)])
        if isinstance(key, slice):
            return _of_rows(rows[key], self)
        if isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], slice):
            chosen = rows[key[0]]
            if isinstance(key[1], slice):
                return _of_rows([row[key[1]] for row in chosen], self)
            raise ValueError("A RaggedTensor's rows are unequal: rows[:, a:b] is there, and row[n] of each row.")
        if isinstance(key, tuple):
            return as_tensor(rows[int(key[0])])[key[1:] if len(key) > 2 else key[1]]
        raise TypeError(f"A RaggedTensor is indexed with integers and slices, got {key!r}.")

    def to_list(self) -> list[Any]:
        """The rows as nested lists."""
        return [row.to_list() if isinstance(row, RaggedTensor) else row.tolist() for row in self.rows()]

    def numpy(self) -> np.ndarray:
        """The rows as an array of arrays; as one array where they are equal."""
        rows = [row.numpy() if isinstance(row, RaggedTensor) else row for row in self.rows()]
        if len({len(row) for row in rows}) == 1:
            return np.asarray(rows)
        made = np.empty(len(rows), object)
        made[:] = rows
        return made

    def to_tensor(self, default_value: Any = None, name: Any = None, shape: Any = None) -> Any:
        """An array (B, longest, ...), filled up at the rows' ends with 0, or `default_value`."""
        rows = [plain(row.to_tensor()) if isinstance(row, RaggedTensor) else row for row in self.rows()]
        inner = np.max([row.shape[1:] for row in rows], axis=0).astype(int) if rows else self._values.shape[1:]
        longest = int(self._lengths.max(initial=0)) if shape is None or shape[1] is None else int(shape[1])
        dtype = self.dtype.dtype
        made = np.empty((len(rows), longest, *inner), dtype)
        made[...] = (b"" if dtype.kind == "O" else 0) if default_value is None else plain(_as_array(default_value))
        for into, row in zip(made, rows, strict=True):
            cut = row[:longest]
            into[tuple(slice(size) for size in cut.shape)] = cut
        return as_tensor(made)

    def mask(self) -> np.ndarray:
        """(B, longest): where `to_tensor` holds the rows' own values."""
        return np.arange(int(self._lengths.max(initial=0))) < self._lengths[:, None]

    def __repr__(self) -> str:
        return f"<tf.RaggedTensor {self.to_list()}>"


def _as_array(values: Any) -> Array:
    return values if isinstance(values, np.ndarray) else from_python(values)


def _of_rows(rows: Sequence[Any], like: RaggedTensor) -> RaggedTensor:
    lengths = [len(row) for row in rows]
    if any(isinstance(row, RaggedTensor) for row in rows):
        inner = [part for row in rows for part in row.rows()]
        return RaggedTensor(_of_rows(inner, like), lengths)
    empty = np.zeros((0, *like._values.shape[1:]), like.dtype.dtype)
    return RaggedTensor(np.concatenate([empty, *rows]), lengths)


def constant(
    pylist: Any, dtype: Any = None, ragged_rank: int | None = None, inner_shape: Any = None, name: Any = None, **_: Any
) -> Any:
    """Nested lists of unequal lengths as a ragged tensor.

    Args:
        pylist: the lists.
        dtype: of the values.
        ragged_rank: how many axes may have unequal sizes; by default all but the first.
        inner_shape: of the values within rows.
        name: accepted.

    >>> constant([[1, 2], [3]]).shape
    (2, None)
    """
    depth = _depth(pylist)
    if inner_shape is not None:
        ragged_rank = depth - 1 - len(tuple(inner_shape))
    rank = depth - 1 if ragged_rank is None else ragged_rank
    return _made(pylist, rank, dtype)


def _depth(tree: Any) -> int:
    if isinstance(tree, np.ndarray):
        return tree.ndim
    if not isinstance(tree, (list, tuple)):
        return 0
    return 1 + max((_depth(part) for part in tree), default=0)


def _made(tree: Any, rank: int, dtype: Any) -> Any:
    if rank <= 0:
        array = from_python(tree) if len(tree) else np.zeros(0, "float32" if dtype is None else as_dtype(dtype).dtype)
        return as_tensor(array if dtype is None else array.astype(as_dtype(dtype).dtype))
    return RaggedTensor(_made([part for row in tree for part in row], rank - 1, dtype), [len(row) for row in tree])


def stack(values: Any, axis: int = 0, name: Any = None) -> RaggedTensor:
    """Rows, one beside another."""
    if axis:
        raise ValueError("tf.ragged.stack stacks along the first axis here: axis=0.")
    rows = [_as_array(each) for each in values]
    return RaggedTensor(np.concatenate([plain(row) for row in rows]), [len(row) for row in rows])


def ragged_range(starts: Any, limits: Any = None, deltas: Any = 1, dtype: Any = None, **_: Any) -> RaggedTensor:
    """A row of numbers from each start up to its limit."""
    first, last = (0, starts) if limits is None else (starts, limits)
    ends = np.broadcast_arrays(np.atleast_1d(first), np.atleast_1d(last), np.atleast_1d(deltas))
    rows = [np.arange(*each) for each in zip(*ends, strict=True)]
    kind = as_dtype(dtype).dtype if dtype is not None else np.dtype("int32")
    return RaggedTensor(np.concatenate(rows).astype(kind), [len(row) for row in rows])


def sequences(x: Any) -> Any:
    """A ragged tensor as models take it, a list of its rows, or one array where they are equal; else what came.

    >>> [row.tolist() for row in sequences(constant([[1, 2], [3]]))]
    [[1, 2], [3]]
    """
    if not isinstance(x, RaggedTensor):
        return x
    if len(set(x.row_lengths().tolist())) < 2:
        return plain(x.to_tensor())
    return [plain(row.to_tensor()) if isinstance(row, RaggedTensor) else row for row in x.rows()]
