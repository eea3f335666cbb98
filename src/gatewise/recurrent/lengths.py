"""Sequences of unlike lengths, and the mask (B, T) that says the same: the engine leaves out what it takes out."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base.arrays import as_array, namespace
from gatewise.base.typing import Array


def mask_of(lengths: Any, batch: int, steps: int, label: str) -> Array:
    """The mask (B, T) of sequences whose first steps are real, so many of each, and the others padding.

    Args:
        lengths: (B,) integers, from 0 to T.
        batch, steps: B and T.
        label: the layer that they are for, as errors name it.

    Raises:
        TypeError: where they are not integers.
        ValueError: where they are not one for each sequence, negative, or beyond T. (Under a trace of JAX's nobody
            knows their values: a negative one then counts as 0, and one beyond T as T.)

    >>> mask_of([2, 0], 2, 3, "LSTM").tolist()
    [[True, True, False], [False, False, False]]
    """
    given = as_array(lengths, f"{label}: lengths")
    if given.dtype.kind not in "iu":
        raise TypeError(f"{label}: lengths must be integers, the real steps of each sequence, got {given.dtype}.")
    if tuple(given.shape) != (batch,):
        raise ValueError(
            f"{label}: lengths must have the shape ({batch},), one for each sequence, got {tuple(given.shape)}."
        )
    xp = namespace(given)
    if xp is np:
        beyond = np.flatnonzero((given < 0) | (given > steps))
        if len(beyond):
            place = int(beyond[0])
            raise ValueError(
                f"{label}: lengths must be from 0 to {steps}, the steps that the sequences have, got {given[place]} at "
                f"place {place}."
            )
    return xp.arange(steps) < given[:, None]
