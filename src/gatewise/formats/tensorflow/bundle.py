"""The arrays of a checkpoint: NAME.index says where each lies in NAME.data-00000-of-00001 and its kin.

An array that was split (a partitioned variable) is put together. Texts are read only where they say what belongs to
what. Source: TensorFlow's `tensor_bundle.proto` and `saved_tensor_slice_util`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from gatewise.formats.contents import OfFile, Stored
from gatewise.formats.tensorflow import table
from gatewise.formats.wire import Message, varint

DTYPES: Final = {
    1: "f4", 2: "f8", 3: "i4", 4: "u1", 5: "i2", 6: "i1", 9: "i8", 10: "?", 14: "u2", 17: "u2", 19: "f2", 22: "u4",
    23: "u8",
}  # fmt: skip
"""TensorFlow's numbers for dtypes that are plain numbers; 14 is bfloat16, the upper half of float32."""
_TEXT: Final = 7
_BFLOAT16: Final = 14
_MOST_INDEX: Final = 1 << 28


@dataclass(frozen=True)
class Entry:
    """Where an array lies."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    slices: tuple[tuple[tuple[int, int], ...], ...] = ()
    """Of an array in parts: where each part begins and how long it is, along each axis."""


class Bundle(OfFile):
    """A checkpoint.

    Args:
        path: as the user gave it, for errors.
        prefix: the files' names without `.index`.

    Raises:
        ValueError: an index that is damaged.
    """

    def __init__(self, path: Any, prefix: str) -> None:
        self.path = path
        self._prefix = prefix
        self._order = "<"
        self._shards = 1
        self.entries: dict[str, Entry] = {}
        self._parts: dict[str, list[Entry]] = {}
        self._read_index()

    def _read_index(self) -> None:
        index = Path(self._prefix + ".index")
        if index.stat().st_size > _MOST_INDEX:
            raise self.error("the index is larger than any model's.")
        try:
            for key, value in table.entries(index.read_bytes()):
                self._take(key, Message(value))
        except ValueError as error:
            raise self.error(f"the index {index.name!r} is damaged or cut short: {error}.") from None

    def _take(self, key: bytes, value: Message) -> None:
        if not key:
            self._order = ">" if value.number(2) else "<"
            self._shards = value.number(1)
            return
        entry = _entry(value)
        if key.startswith(b"\0"):  # A part of an array: the name in order-preserving form, and which part.
            name = key[1:].partition(b"\0\1")[0].replace(b"\0\xff", b"\0").replace(b"\xff\0", b"\xff")
            self._parts.setdefault(name.decode("utf-8", "replace"), []).append(entry)
        else:
            self.entries[key.decode("utf-8", "replace")] = entry

    def names(self) -> list[str]:
        """The arrays of numbers, in the order of names."""
        return [name for name, entry in self.entries.items() if entry.dtype in DTYPES]

    def stored(self, name: str) -> Stored:
        """An array to read.

        Raises:
            ValueError: one that does not lie within its file.
        """
        entry = self.entries[name]
        if entry.dtype not in DTYPES:
            raise self.error(f"the array {name!r} holds no plain numbers.")
        if not entry.slices:
            self._check(name, entry)
            read = partial(self._array, entry)
        else:
            parts = self._parts_of(name, entry)
            for part in parts:
                self._check(name, part)
            read = partial(self._joined, entry, parts)
        return Stored(name, entry.shape, _shown(entry.dtype), read)

    def _parts_of(self, name: str, entry: Entry) -> list[Entry]:
        """The parts in the order of where they begin, which is the order of their keys."""
        parts = self._parts.get(name, [])
        if any(len(place) != len(entry.shape) for place in entry.slices):
            raise self.error(f"the parts of {name!r} have other axes than its shape {entry.shape}: it is damaged.")
        shapes = [part.shape for part in parts]
        if shapes != [tuple(length for _, length in place) for place in _placed(entry)]:
            raise self.error(f"the parts of {name!r} are of other shapes than the index says: it is damaged.")
        if any(part.dtype != entry.dtype for part in parts):
            raise self.error(f"the parts of {name!r} are of other dtypes than the whole: the index is damaged.")
        lies_outside = any(
            start < 0 or start + length > size
            for place in _placed(entry)
            for (start, length), size in zip(place, entry.shape, strict=True)
        )
        if lies_outside or sum(map(math.prod, shapes)) != math.prod(entry.shape):
            raise self.error(f"the parts of {name!r} do not make up its shape {entry.shape}: the index is damaged.")
        return parts

    def _check(self, name: str, entry: Entry) -> None:
        count = 1
        for size in entry.shape:
            count *= size
        if count * np.dtype(DTYPES[entry.dtype]).itemsize != entry.size:
            raise self.error(f"the array {name!r} of shape {entry.shape} has {entry.size} bytes: it is damaged.")
        self._check_place(name, entry)

    def _check_place(self, name: str, entry: Entry) -> None:
        shard = self._shard(entry)
        if not shard.is_file():
            raise self.error(f"there is no file {shard.name!r}, which holds {name!r}: copy it beside the index.")
        if entry.offset + entry.size > shard.stat().st_size:
            raise self.error(f"{name!r} lies beyond the end of {shard.name!r}: the file is cut short.")

    def _shard(self, entry: Entry) -> Path:
        return Path(f"{self._prefix}.data-{entry.shard:05}-of-{self._shards:05}")

    def _bytes(self, entry: Entry) -> bytes:
        with self._shard(entry).open("rb") as file:
            file.seek(entry.offset)
            return file.read(entry.size)

    def _array(self, entry: Entry) -> np.ndarray:
        dtype = np.dtype(DTYPES[entry.dtype]).newbyteorder(self._order)  # type: ignore[arg-type]
        found = np.frombuffer(self._bytes(entry), dtype).reshape(entry.shape)
        if entry.dtype == _BFLOAT16:
            return (found.astype("uint32") << 16).view("float32")
        return found.astype(dtype.newbyteorder("="))

    def _joined(self, entry: Entry, parts: list[Entry]) -> np.ndarray:
        whole = np.zeros(entry.shape, _shown(entry.dtype))
        for place, part in zip(_placed(entry), parts, strict=True):
            whole[tuple(slice(start, start + length) for start, length in place)] = self._array(part)
        return whole

    def text(self, name: str) -> bytes | None:
        """A text alone; None where there is none of this name.

        Raises:
            ValueError: one that is damaged.
        """
        entry = self.entries.get(name)
        if entry is None or entry.dtype != _TEXT or entry.shape:
            return None
        self._check_place(name, entry)
        data = self._bytes(entry)
        try:
            length, place = varint(data, 0)
        except ValueError:
            length, place = -1, 0
        place += 4  # A checksum of the lengths.
        if place + length != len(data):
            raise self.error(f"the text {name!r} is damaged.")
        return data[place:]


def _placed(entry: Entry) -> list[tuple[tuple[int, int], ...]]:
    """Where the parts of an array lie, the first first; along an axis without a length it is the whole axis."""
    return sorted(
        tuple((start, length or size) for (start, length), size in zip(place, entry.shape, strict=True))
        for place in entry.slices
    )


def _shown(dtype: int) -> str:
    return "float32" if dtype == _BFLOAT16 else np.dtype(DTYPES[dtype]).name


def _entry(value: Message) -> Entry:
    (shape,) = [*value.messages(2)] or [Message(b"")]
    sizes = tuple(each.signed(1) for each in shape.messages(2))
    if any(size < 0 for size in sizes):
        raise ValueError(f"an array has the shape {sizes}")
    slices = tuple(tuple((axis.signed(1), axis.signed(2)) for axis in each.messages(1)) for each in value.messages(7))
    if any(len(each) != len(sizes) for each in slices):
        raise ValueError(f"an array of shape {sizes} has parts of another rank")
    return Entry(value.number(1), sizes, value.number(3), value.number(4), value.number(5), slices)
