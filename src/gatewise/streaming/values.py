"""What passes between the calls of a stream's model, and what stays from one time step to the next.

A value is "timed" when it has the model's time axis; one that is not (the last output of an LSTM, and what follows from
it) is what `predict` would give if the sequence ended at this step.
"""

from __future__ import annotations

import math

from gatewise.base.typing import Array


class Value:
    """What one call passes to the next, for one stream and one time step.

    Attributes:
        shape: without the axes of batch and time.
        timed: whether there is a time axis.
    """

    __slots__ = ("shape", "timed")

    def __init__(self, shape: tuple[int, ...], timed: bool) -> None:
        self.shape = shape
        self.timed = timed

    @property
    def width(self) -> int:
        """How many numbers a time step has."""
        return math.prod(self.shape)


class Slot:
    """One array of a stream's record: `part` ("h") of the layer at `path` (names, from the outermost model in)."""

    __slots__ = ("part", "path", "shape")

    def __init__(self, path: tuple[str, ...], part: str, shape: tuple[int, ...]) -> None:
        self.path = path
        self.part = part
        self.shape = shape

    @property
    def width(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


def unpacked(slots: list[Slot], records: Array) -> dict[Slot, Array]:
    """Views of the records (n, record), one (n, ...) for each slot."""
    found, start = {}, 0
    for slot in slots:
        found[slot] = records[:, start : start + slot.width].reshape(len(records), *slot.shape)
        start += slot.width
    return found
