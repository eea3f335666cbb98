"""A look at the bytes of texts in an HDF5 file before the HDF5 library reads them.

Texts of any length lie in global heaps, and attributes refer to them. The library is robust, with two exceptions that
this module covers: over some damaged heaps it never ends, and for a damaged length it first takes as much memory as
that length says, up to 4 GiB. Layouts are those of the HDF5 File Format Specification, version 3.0, with addresses and
lengths of 8 bytes: III.E (global heaps), IV.A.2.b (dataspaces), IV.A.2.m (attributes).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

_PART = 1 << 20
_HEAP = b"GCOL\x01"
_SMALLEST_HEAP = 4096
_VARIABLE_LENGTH = 9


def heaps_are_whole(path: str, size: int) -> bool:
    """Whether every global heap is a chain of objects that ends where the heap does."""
    with open(path, "rb") as file:
        return all(_heap_is_whole(file, place, size) for place in _places_of(file, _HEAP))


def lengths_are_possible(path: str, size: int, attribute: str) -> bool:
    """Whether each attribute of this name has texts that, together, are no longer than the file."""
    name = attribute.encode() + b"\0"
    with open(path, "rb") as file:
        return all(_lengths_are_possible(file, place, name, size) for place in _places_of(file, name))


def _places_of(file: Any, pattern: bytes) -> Iterator[int]:
    """Where the bytes stand in a file, which is read in parts."""
    part = b""
    while fresh := file.read(_PART):
        part = part[-len(pattern) + 1 :] + fresh
        end = file.tell()
        place = part.find(pattern)
        while place >= 0:
            yield end - len(part) + place
            place = part.find(pattern, place + 1)
        file.seek(end)


def _heap_is_whole(file: Any, place: int, file_size: int) -> bool:
    """Follow the objects of one heap.

    A heap: "GCOL", version, 3 bytes, its size (8 bytes), then objects: index (2), references (2), 4 bytes, size (8),
    and that many bytes rounded up to 8. Index 0 is the free space at the end, whose size counts its own 16 bytes.
    """
    file.seek(place + 8)
    (size,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
    if not _SMALLEST_HEAP <= size <= file_size - place:
        return True  # Chance bytes among the numbers, or a heap that the library refuses itself.
    here, end = place + 16, place + size
    while end - here >= 16:
        file.seek(here)
        index, held = struct.unpack("<H6xQ", file.read(16))
        step = held if index == 0 else 16 + _rounded(held)
        if step < 16 or step > end - here:
            return False
        here += step
    return True


def _lengths_are_possible(file: Any, place: int, name: bytes, file_size: int) -> bool:
    """Look at one attribute, whose name stands at `place`.

    An attribute: version, flags, sizes of name, datatype and dataspace (2 bytes each), in version 3 the character set,
    then these three (in version 1 rounded up to 8 bytes) and the data. A text: its length (4), heap (8) and index (4).
    """
    start = max(place - 9, 0)
    file.seek(start)
    before = file.read(place - start)
    for version, head in ((1, before[-8:]), (2, before[-8:]), (3, before[-9:-1])):
        if len(head) < 8 or head[0] != version:
            continue
        _, flags, name_size, type_size, space_size = struct.unpack("<BBHHH", head)
        if name_size != len(name):
            continue
        if flags and version > 1:
            return False  # Its type or shape stands elsewhere: Keras and h5py never write that.
        pad = _rounded if version == 1 else int
        body = file.read(pad(name_size) + pad(type_size) + pad(space_size))
        kind, space = body[pad(name_size) :][:1], body[pad(name_size) + pad(type_size) :]
        if not kind or kind[0] & 15 != _VARIABLE_LENGTH or not space:
            continue
        texts = file.read(16 * min(_count(space), file_size // 16))
        if sum(struct.unpack_from("<I", texts, k)[0] for k in range(0, len(texts) - 3, 16)) > file_size:
            return False
    return True


def _count(space: bytes) -> int:
    """How many elements a dataspace has: version, rank, flags, then 5 bytes in version 1 and 1 in version 2, sizes."""
    rank, first = space[1] if len(space) > 1 else 0, 8 if space[0] == 1 else 4
    if len(space) < first + 8 * rank:
        return 0
    return math.prod(struct.unpack_from(f"<{rank}Q", space, first))


def _rounded(size: int) -> int:
    return (size + 7) // 8 * 8
