"""Shapes in TensorFlow's words: `x.shape.as_list()`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, SupportsIndex, cast, overload

from gatewise.base.typing import Shape


class TensorShape(tuple[Any, ...]):
    """A shape: a tuple of sizes, with the methods of `tf.TensorShape`; None is a size that is not known.

    >>> shape = TensorShape([2, None])
    >>> shape.as_list(), shape.rank, shape == [2, None], shape[:1]
    ([2, None], 2, True, (2,))
    """

    __slots__ = ()

    def __new__(cls, dims: Iterable[Any] | int) -> TensorShape:
        sizes = (dims,) if isinstance(dims, int) else dims
        return tuple.__new__(cls, (None if size is None or size == -1 else int(size) for size in sizes))

    @property
    def rank(self) -> int:
        """How many axes."""
        return len(self)

    ndims = rank

    @property
    def dims(self) -> list[int | None]:
        """The sizes."""
        return list(self)

    def as_list(self) -> list[int | None]:
        """The sizes as a list."""
        return list(self)

    def num_elements(self) -> int | None:
        """The product of the sizes; None where one is not known."""
        count = 1
        for size in self:
            if size is None:
                return None
            count *= size
        return count

    def is_fully_defined(self) -> bool:
        """Whether all sizes are known."""
        return None not in self

    def is_compatible_with(self, other: Any) -> bool:
        """Whether both may be the shape of one array."""
        return len(self) == len(other) and all(
            a is None or b is None or a == b for a, b in zip(self, other, strict=True)
        )

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raise ValueError where they cannot be the shape of one array."""
        if not self.is_compatible_with(other):
            raise ValueError(f"The shapes {tuple(self)} and {tuple(other)} are incompatible.")

    def with_rank(self, rank: int) -> TensorShape:
        """Itself, where it has so many axes; else ValueError."""
        if len(self) != rank:
            raise ValueError(f"The shape {tuple(self)} must have {rank} axes.")
        return self

    def concatenate(self, other: Iterable[Any]) -> TensorShape:
        """This shape, and the other's sizes behind it."""
        return TensorShape((*self, *other))

    @overload
    def __getitem__(self, key: SupportsIndex) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> TensorShape: ...
    def __getitem__(self, key: Any) -> Any:
        found = tuple.__getitem__(self, key)
        return TensorShape(found) if isinstance(key, slice) else found

    def __add__(self, other: Any) -> TensorShape:
        return TensorShape((*self, *other))

    def __radd__(self, other: Any) -> Any:
        # A list stays one: `sizes += x.shape` in other libraries comes here before it reaches the list.
        return [*other, *self] if isinstance(other, list) else TensorShape((*other, *self))

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, tuple(cast("Shape", other)) if isinstance(other, list) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return tuple.__hash__(self)

    def __str__(self) -> str:
        return tuple.__repr__(self)

    def __repr__(self) -> str:
        return tuple.__repr__(self)  # Shorter than TensorFlow's, and what it was for NumPy's arrays.
