"""What is known of the leaves of an element: shape and dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gatewise.base.arrays import TEXT


def dtype_of(dtype: Any) -> np.dtype[Any]:
    """A dtype in NumPy's words; "string" and all dtypes of text are that of `bytes`.

    >>> dtype_of("float32").name, dtype_of("string").name
    ('float32', 'object')
    """
    if isinstance(dtype, str) and dtype == "string":
        return TEXT
    found = np.dtype(dtype)
    return TEXT if found.kind in "OSU" else found


def shape_of(shape: Any) -> tuple[int | None, ...] | None:
    """A shape as a tuple; None where even the number of axes is not known."""
    if shape is None:
        return None
    sizes: Sequence[Any] = shape if isinstance(shape, (tuple, list)) else tuple(shape)
    return tuple(None if size is None or size == -1 else int(size) for size in sizes)


class TensorSpec:
    """The shape and the dtype of a leaf.

    Args:
        shape: None for an axis of any length; None in its place for any number of axes.
        dtype: of NumPy's; "string" for text.
        name: kept.

    >>> TensorSpec((None, 3), "float32")
    TensorSpec(shape=(None, 3), dtype=float32)
    >>> TensorSpec((None, 3)).is_compatible_with(np.zeros((5, 3), "float32"))
    True
    """

    __slots__ = ("dtype", "name", "shape")

    def __init__(self, shape: Any, dtype: Any = "float32", name: str | None = None) -> None:
        self.shape = shape_of(shape)
        self.dtype = dtype_of(dtype)
        self.name = name

    @classmethod
    def from_tensor(cls, tensor: Any, name: str | None = None) -> TensorSpec:
        """The spec of an array."""
        return cls(np.shape(tensor), np.asarray(tensor).dtype, name)

    @classmethod
    def from_spec(cls, spec: TensorSpec, name: str | None = None) -> TensorSpec:
        """The same under another name."""
        return cls(spec.shape, spec.dtype, name or spec.name)

    def is_compatible_with(self, other: Any) -> bool:
        """Whether an array, or what another spec says, may be what this one says."""
        dtype = dtype_of(other.dtype)
        return dtype == self.dtype and fits(self.shape, shape_of(other.shape))

    def batched(self, size: int | None) -> TensorSpec:
        """The spec with a first axis."""
        return TensorSpec(None if self.shape is None else (size, *self.shape), self.dtype)

    def __repr__(self) -> str:
        shape = "<unknown>" if self.shape is None else self.shape
        dtype = "string" if self.dtype == TEXT else self.dtype.name
        named = "" if self.name is None else f", name={self.name!r}"
        return f"TensorSpec(shape={shape}, dtype={dtype}{named})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TensorSpec):
            return NotImplemented
        return (self.shape, self.dtype, self.name) == (other.shape, other.dtype, other.name)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype, self.name))


def fits(wanted: tuple[int | None, ...] | None, shape: tuple[int | None, ...] | None) -> bool:
    """Whether a shape may be one like that wanted.

    >>> fits((None, 3), (5, 3)), fits((None, 3), (5, 4)), fits(None, (5,))
    (True, False, True)
    """
    if wanted is None or shape is None:
        return True
    return len(wanted) == len(shape) and all(
        a is None or b is None or a == b for a, b in zip(wanted, shape, strict=True)
    )


def common(a: TensorSpec, b: TensorSpec) -> TensorSpec:
    """What is true of both."""
    if a.shape is None or b.shape is None or len(a.shape) != len(b.shape):
        return TensorSpec(None, a.dtype)
    return TensorSpec([m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)], a.dtype)
