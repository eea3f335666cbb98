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
        if _has_names(ids):
            return _checked(ids, label), False
    elif isinstance(ids, (np.ndarray, np.generic)) and ids.dtype.kind in _KINDS_OF_NAMES:
        array = np.asarray(ids)
        if array.ndim > 1:
            raise TypeError(f"{label} must be one or an array (n,), got shape {array.shape} of {array.dtype}.")
        return _checked(array.reshape(-1).tolist(), label), array.ndim == 0
    return _integers(ids, label)


_KINDS_OF_NAMES = "USO"


def _has_names(ids: list[Any]) -> bool:
    """Whether a list holds anything but integers that NumPy would know as such."""
    return any(isinstance(each, _NAMES) for each in ids)


def _checked(ids: list[Any], label: str) -> tuple[Id, ...]:
    made = []
    for each in ids:
        one = each.item() if isinstance(each, np.generic) else each
        if isinstance(one, bool) or not isinstance(one, (int, str, bytes)):
            raise TypeError(f"{label} must be integers, str or bytes, got {each!r} of {type(each).__name__}.")
        if isinstance(one, int) and not -(2**63) <= one < 2**63:
            raise ValueError(f"{label} must be from -2**63 to 2**63 - 1, got {one}.")
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
