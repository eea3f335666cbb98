"""Protocol Buffers, as they lie in files: numbered fields, of which each is a number or bytes.

Source: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

Data: TypeAlias = "bytes | memoryview"


def varint(data: Data, place: int) -> tuple[int, int]:
    r"""A number of seven bits a byte, and where it ends.

    Raises:
        ValueError: where it does not end.

    >>> varint(b"\x96\x01", 0)
    (150, 2)
    """
    number = shift = 0
    while place < len(data) and shift < 70:
        byte = data[place]
        place += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, place
    raise ValueError("a number has no end")


def fields(data: Data) -> Iterator[tuple[int, Any]]:
    r"""The fields of a message: their numbers, and an int or bytes each; of a view they are views, which copy nothing.

    Raises:
        ValueError: for bytes that are no message.

    >>> list(fields(b"\x08\x96\x01\x12\x02hi"))
    [(1, 150), (2, b'hi')]
    """
    place = 0
    while place < len(data):
        key, place = varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value: Any
            value, place = varint(data, place)
        elif kind in _SIZES:
            value, place = int.from_bytes(data[place : place + _SIZES[kind]], "little"), place + _SIZES[kind]
        elif kind == 2:
            length, place = varint(data, place)
            value, place = data[place : place + length], place + length
        else:
            raise ValueError(f"a field has the kind {kind}")
        if place > len(data):
            raise ValueError("a field goes beyond the end")
        yield number, value


_SIZES: Final = {1: 8, 5: 4}


class Message:
    r"""A message, by the numbers of its fields.

    >>> Message(b"\x08\x96\x01\x12\x02hi").text(2)
    'hi'
    """

    def __init__(self, data: Data) -> None:
        self._fields: dict[int, list[Any]] = {}
        for number, value in fields(data):
            self._fields.setdefault(number, []).append(value)

    def number(self, field: int) -> int:
        """A number; 0 where there is none. The last one counts, as everywhere in this format."""
        value = self._fields.get(field, [0])[-1]
        return value if isinstance(value, int) else 0

    def signed(self, field: int) -> int:
        """A number of 64 bits that may be negative."""
        value = self.number(field)
        return value - (1 << 64) if value >> 63 else value

    def view(self, field: int) -> Data:
        """Bytes as they lie there; none where there are none."""
        value = self._fields.get(field, [b""])[-1]
        return b"" if isinstance(value, int) else value

    def data(self, field: int) -> bytes:
        """Bytes; none where there are none."""
        return bytes(self.view(field))

    def text(self, field: int) -> str:
        """Text."""
        return self.data(field).decode("utf-8", "replace")

    def has(self, field: int) -> bool:
        """Whether there is such a field."""
        return field in self._fields

    def all(self, field: int) -> list[Any]:
        """All values of a repeated field."""
        return self._fields.get(field, [])

    def messages(self, field: int) -> Iterator[Message]:
        """All messages of a repeated field."""
        return (Message(value) for value in self.all(field) if not isinstance(value, int))

    def texts(self, field: int) -> list[str]:
        """All texts of a repeated field."""
        return [bytes(value).decode("utf-8", "replace") for value in self.all(field) if not isinstance(value, int)]

    def numbers(self, field: int) -> list[int]:
        r"""All numbers of a repeated field, each by itself or many packed in bytes; they may be negative.

        >>> Message(b"\x08\x01\x0a\x02\x02\x03").numbers(1)
        [1, 2, 3]
        """
        found: list[int] = []
        for value in self.all(field):
            if isinstance(value, int):
                found.append(value)
                continue
            place = 0
            while place < len(value):
                number, place = varint(value, place)
                found.append(number)
        return [number - (1 << 64) if number >> 63 else number for number in found]
