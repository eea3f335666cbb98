"""Sparse tensors as programs make them: places, values and a shape, to be made dense before a layer sees them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base.tensors import InvalidArgumentError, Tensor, as_tensor, from_python
from gatewise.base.typing import Array


class SparseTensor:
    """The numbers of a tensor that are not 0, and where they are.

    Attributes:
        indices: (N, rank), int64.
        values: (N,).
        dense_shape: (rank,), int64.

    Source: `tf.SparseTensor`.

    >>> to_dense(SparseTensor([[0, 1], [1, 0]], [5.0, 6.0], [2, 2])).numpy().tolist()
    [[0.0, 5.0], [6.0, 0.0]]
    """

    def __init__(self, indices: Any, values: Any, dense_shape: Any) -> None:
        self.indices = as_tensor(np.asarray(indices, "int64"))
        self.values = as_tensor(values if isinstance(values, np.ndarray) else from_python(values))
        self.dense_shape = as_tensor(np.asarray(dense_shape, "int64"))
        count, rank = len(self.values), len(self.dense_shape)
        if self.indices.shape != (count, rank):
            raise InvalidArgumentError(
                f"tf.SparseTensor: {count} values in {rank} axes need indices of shape ({count}, {rank}), but "
                f"{tuple(self.indices.shape)} came."
            )

    @property
    def shape(self) -> Any:
        """The dense tensor's."""
        return to_dense(self).shape

    @property
    def dtype(self) -> Any:
        """That of the values."""
        return self.values.dtype

    def get_shape(self) -> Any:
        """The dense tensor's shape."""
        return self.shape

    def __repr__(self) -> str:
        return f"SparseTensor(indices={self.indices!r}, values={self.values!r}, dense_shape={self.dense_shape!r})"


def to_dense(sp_input: Any, default_value: Any = None, validate_indices: bool = True, name: Any = None) -> Array:
    """All numbers, those that are not given 0 or `default_value`.

    Raises:
        InvalidArgumentError: a place outside the shape, or twice.
    """
    places, shape = np.asarray(sp_input.indices), tuple(np.asarray(sp_input.dense_shape).tolist())
    if len(places) and ((places < 0) | (places >= np.array(shape))).any():
        raise InvalidArgumentError(f"tf.sparse.to_dense: a place lies outside the shape {shape}: {places.tolist()}.")
    if validate_indices and len(np.unique(places, axis=0)) != len(places):
        raise InvalidArgumentError(f"tf.sparse.to_dense: a place is there twice: {places.tolist()}.")
    values = np.asarray(sp_input.values)
    made = np.full(shape, 0 if default_value is None else np.asarray(default_value), values.dtype)
    made[tuple(places.T)] = values
    return made.view(Tensor)


def from_dense(tensor: Any, name: Any = None) -> SparseTensor:
    """The numbers that are not 0.

    >>> from_dense([[0, 3], [0, 0]]).indices.numpy().tolist()
    [[0, 1]]
    """
    x = np.asarray(tensor if isinstance(tensor, np.ndarray) else from_python(tensor))
    places = np.argwhere(x != 0)
    return SparseTensor(places, x[tuple(places.T)], x.shape)


def reorder(sp_input: Any, name: Any = None) -> SparseTensor:
    """The same in the order of rows."""
    places = np.asarray(sp_input.indices)
    order = np.lexsort(places.T[::-1])
    return SparseTensor(places[order], np.asarray(sp_input.values)[order], sp_input.dense_shape)
