"""FlatBuffers, as they lie in files: tables of numbered fields that point at each other, in which no place is trusted.

Source: https://flatbuffers.dev/internals/.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

_OFFSET: Final = 4
_MOST_OFTEN: Final = 4
"""How many times the file's size may be handed out in lists: tables that share one are rare but in damaged files."""


class Table:
    """A table of a buffer, by the numbers of its fields.

    Args:
        data: the whole buffer.
        place: of the table in it.
        left: how many items of lists may yet be handed out, one number for the whole buffer.

    Raises:
        ValueError: what lies outside of the buffer, here and from every method.
    """

    def __init__(self, data: memoryview, place: int, left: list[int]) -> None:
        self._data, self._place, self._left = data, place, left
        facts = place - self._number(place, "<i")
        size = self._number(facts, "<H")
        self._fields = np.frombuffer(self._bytes(facts, size), "<u2", size // 2)

    @staticmethod
    def root(data: memoryview) -> Table:
        """The table that a buffer begins with.

        >>> Table.root(memoryview(bytes.fromhex("0c000000 0600 0800 0400 0000 08000000 07000000"))).number(0, "<i")
        7
        """
        if len(data) < _OFFSET:
            raise ValueError("it has no beginning")
        return Table(data, int.from_bytes(data[:_OFFSET], "little"), [_MOST_OFTEN * len(data)])

    def _bytes(self, place: int, size: int) -> memoryview:
        if place < 0 or size < 0 or place + size > len(self._data):
            raise ValueError("a part lies outside of the file")
        return self._data[place : place + size]

    def _number(self, place: int, kind: str) -> Any:
        return struct.unpack(kind, self._bytes(place, struct.calcsize(kind)))[0]

    def _at(self, field: int) -> int:
        """Where a field lies; 0 for one that is left out."""
        known = field + 2 < len(self._fields)
        offset = int(self._fields[field + 2]) if known else 0
        return self._place + offset if offset else 0

    def _target(self, field: int) -> int:
        """Where what a field points at lies; 0 for one that is left out."""
        at = self._at(field)
        return at + self._number(at, "<I") if at else 0

    def has(self, field: int) -> bool:
        """Whether the field is there."""
        return bool(self._at(field))

    def number(self, field: int, kind: str, default: Any = 0) -> Any:
        """A number of `struct`'s kind; the default where it is left out."""
        at = self._at(field)
        return self._number(at, kind) if at else default

    def table(self, field: int) -> Table | None:
        """A table."""
        target = self._target(field)
        return Table(self._data, target, self._left) if target else None

    def array(self, field: int, dtype: str) -> np.ndarray:
        """A list of numbers, which lie in the buffer as they are; empty where it is left out."""
        target = self._target(field)
        if not target:
            return np.zeros(0, dtype)
        count = self._number(target, "<I")
        kind = np.dtype(dtype)
        return np.frombuffer(self._bytes(target + _OFFSET, count * kind.itemsize), kind)

    def numbers(self, field: int, dtype: str = "<i4") -> list[Any]:
        """A list of numbers, each as an object."""
        found = self.array(field, dtype)
        self._take(found.size)
        return list(found.tolist())

    def tables(self, field: int) -> Iterator[Table]:
        """A list of tables."""
        target = self._target(field)
        places = self.array(field, "<u4")
        self._take(places.size)
        for number, offset in enumerate(places.tolist()):
            yield Table(self._data, target + _OFFSET * (number + 1) + offset, self._left)

    def text(self, field: int) -> str:
        """A text."""
        found = self.array(field, "u1")
        self._take(found.size)
        return found.tobytes().decode("utf-8", "replace")

    def _take(self, count: int) -> None:
        self._left[0] -= count
        if self._left[0] < 0:
            raise ValueError("its lists are longer, all together, than such a file can hold")
