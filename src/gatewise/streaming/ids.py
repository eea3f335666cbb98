"""What streams of a pool are called: integers of 64 bits, str and bytes, as callers give them and as they get them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from gatewise.base.arrays import as_array
from gatewise.base.typing import Array

Id: TypeAlias = int | str | bytes
Given: TypeAlias = "Array | tuple[Id, ...]"
"""As the engine takes them: an array of int64 where all are integers, else a tuple."""

_NAMES = (str, bytes)
_PLAIN = {int, str, bytes}
_KINDS_OF_NAMES = "USO"
"""Of the dtypes of arrays that may hold names."""


def taken(ids: Any, label: str) -> tuple[Given, bool]:
    """Ids for the engine, and whether there was one, alone.

    Args:
        ids: an integer, a str, bytes, an array (n,) of them, or anything that gives them one by one. Names are kept as
            they are: 7, "7" and b"7" are three ids.
        label: names the ids in errors.

    Raises:
        TypeError: for what is no id.
        ValueError: an integer beyond 64 bits, a name that is longer than 65,535 bytes or not in Unicode.

    >>> taken([7, 8], "ids")
    (array([7, 8]), False)
    >>> taken("7", "ids"), taken([7, "7"], "ids")
    ((('7',), True), ((7, '7'), False))
    """
    if isinstance(ids, _NAMES):
        return (ids,), True
    if not isinstance(ids, np.ndarray) and isinstance(ids, Iterable) and not hasattr(ids, "__array__"):
        ids = list(ids)
        if any(issubclass(kind, _NAMES) for kind in set(map(type, ids))):  # NumPy would make 7 and "7" one.
            return _checked(ids, label), False
    elif isinstance(ids, (np.ndarray, np.generic)) and ids.dtype.kind in _KINDS_OF_NAMES:
        array = np.asarray(ids)
        if array.ndim > 1:
            raise TypeError(f"{label} must be one or an array (n,), got shape {array.shape} of {array.dtype}.")
        return _checked(array.reshape(-1).tolist(), label), array.ndim == 0
    return _integers(ids, label)


def plain(one: Any) -> Id | None:
    """An id as Python's int, str or bytes; None for what is no id.

    >>> plain(np.int8(7)), plain(np.str_("a")), plain(True), plain(2**63), plain([7])
    (7, 'a', None, None, None)
    """
    if isinstance(one, _NAMES):
        return str(one) if isinstance(one, str) else bytes(one)
    if isinstance(one, (int, np.integer)) and not isinstance(one, bool) and -(2**63) <= one < 2**63:
        return int(one)
    return None


def _checked(ids: list[Any], label: str) -> tuple[Id, ...]:
    if _PLAIN.issuperset(map(type, ids)):
        return tuple(ids)
    made = []
    for each in ids:
        if (one := plain(each)) is None:
            raise TypeError(
                f"{label} must be integers of 64 bits, str or bytes, got {each!r} of {type(each).__name__}."
            )
        made.append(one)
    return tuple(made)


def _integers(ids: Any, label: str) -> tuple[Array, bool]:
    array = np.asarray(as_array(ids, label))
    if array.size == 0:
        return np.empty(0, np.int64), False
    if array.dtype.kind not in "iu" or array.ndim > 1:
        raise TypeError(
            f"{label} must be integers, str or bytes, one or an array (n,), got shape {array.shape} of {array.dtype}."
        )
    if array.dtype == np.uint64 and int(array.max()) >= 2**63:
        raise ValueError(f"{label} must be below 2**63, got {int(array.max())}.")
    return np.asarray(array.reshape(-1), np.int64, order="C"), array.ndim == 0


def given(ids: bytes | list[Id]) -> Array | list[Id]:
    """The ids that the engine gave, as an array of int64 where all are integers, else as a list."""
    return np.frombuffer(ids, np.int64).copy() if isinstance(ids, bytes) else ids
