"""The mask that travels with an array: which of its time steps are real.

Neither NumPy's nor JAX's arrays take attributes, so the link is kept here, by identity, for as long as the array lives.
A mask is a boolean array `(B, T)`: True where a step counts.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from gatewise.base.typing import Array

_masks: dict[int, tuple[weakref.ref[Any], Array]] = {}


def attach(array: Array, mask: Array | None) -> None:
    """Let `mask` travel with `array`; None takes a mask away."""
    if mask is None:
        if _masks:
            _masks.pop(id(array), None)
        return
    place = id(array)
    _masks[place] = (weakref.ref(array, lambda _: _masks.pop(place, None)), mask)


def carrying(array: Array, mask: Array | None) -> Array:
    """`array` with `mask` and no other: itself, or a view where it has another, as the array may be somebody else's."""
    if of(array) is mask:
        return array
    if isinstance(array, np.ndarray):
        other = array.view()
    elif hasattr(array, "__array_namespace__"):
        other = array.__array_namespace__().asarray(array, copy=True)
    else:
        return array
    attach(other, mask)
    return other


def carried_over(array: Array, same: Array) -> Array:
    """`same`, with the mask of `array`: the same numbers as another object."""
    if _masks:
        attach(same, of(array))
    return same


def of(array: Any) -> Array | None:
    """The mask that travels with `array`, or None."""
    if not _masks:
        return None
    entry = _masks.get(id(array))
    return entry[1] if entry is not None and entry[0]() is array else None
