"""What a shard saves: everything from time to time, and in between what has changed since the save before."""

from __future__ import annotations

import json
import math
import secrets
import struct
import zlib
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple

import numpy as np

from gatewise.base.structure import map_structure
from gatewise.serving.cluster.storage import Storage
from gatewise.streaming import StreamPool


class Save(NamedTuple):
    """One save, as bytes, and whether it is whole by itself; else it follows the saves since the last whole one."""

    whole: bool
    data: bytes


class Saver:
    """Saves of one pool, each either whole or what has changed since the last.

    Whole saves come when the changes since the last one have grown as large as it is: so what is kept is at most about
    twice the states, and what is written at most about twice what has changed.

    With every save goes a note: plain values that JSON can hold, and arrays.
    """

    def __init__(self, pool: StreamPool) -> None:
        self._pool = pool
        self._mark: int | None = None
        self._whole_bytes = self._part_bytes = 0

    def whole_next(self) -> None:
        """Let the next save be whole, as after one that has not come where it should."""
        self._mark = None

    def save(self, note: dict[str, Any], arrays: dict[str, Any] | None = None) -> Save:
        """A save of the pool as it is now. Nothing may move the pool meanwhile."""
        mark, states = self._pool.mark(), None
        if self._mark is not None and self._part_bytes < self._whole_bytes:
            with suppress(ValueError):  # The pool has forgotten the mark: so much has happened since.
                states = self._pool.save(changed_since=self._mark)
        whole = states is None
        data = _frame(whole, note, arrays or {}, self._pool.save() if states is None else states)
        self._mark = mark
        if whole:
            self._whole_bytes, self._part_bytes = len(data), 0
        else:
            self._part_bytes += len(data)
        return Save(whole, data)

    def load(self, saves: Iterable[bytes]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Bring an empty pool to where the saves leave it: a whole one and those after it, in their order.

        Returns:
            The note and the arrays of the last.

        Raises:
            ValueError: bytes that are damaged, cut short or no shard's.
        """
        note: dict[str, Any] = {}
        arrays: dict[str, Any] = {}
        for place, data in enumerate(saves):
            whole, note, arrays, states = _unframed(data)
            if whole != (place == 0):
                raise ValueError("The saves of a shard are out of order: the first must be whole, and no other.")
            self._pool.load(states)
        self._mark = None
        return note, arrays


class Chain:
    """A `Saver`'s saves in a storage: the whole one under `name`, what follows under `name`-1, -2 and so on.

    Every save names its chain, so that what an earlier chain has left is not taken for a part of this one.
    """

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage, self._name = storage, name
        self._generation = self._parts = self._stale = 0

    def read(self) -> list[bytes]:
        """The saves that are there, in their order; none where there is no whole one."""
        first = self._storage.get(self._name)
        if first is None:
            return []
        (self._generation,) = _GENERATION.unpack_from(first)
        found = [first[_GENERATION.size :]]
        while (part := self._storage.get(f"{self._name}-{len(found)}")) is not None:
            if _GENERATION.unpack_from(part) != (self._generation,):
                break
            found.append(part[_GENERATION.size :])
        self._parts = self._stale = len(found) - 1
        return found

    def write(self, save: Save) -> None:
        """Put a save where `read` finds it."""
        if not save.whole:
            self._parts += 1
            self._storage.put(f"{self._name}-{self._parts}", _GENERATION.pack(self._generation) + save.data)
            return
        self._generation = secrets.randbits(64)  # No count: one that began anew could meet parts left by an old chain.
        self._storage.put(self._name, _GENERATION.pack(self._generation) + save.data)
        for part in range(1, max(self._parts, self._stale) + 1):
            self._storage.delete(f"{self._name}-{part}")
        self._parts = self._stale = 0

    def clear(self) -> None:
        """Take away what is there."""
        self.read()
        for part in range(1, self._parts + 1):
            self._storage.delete(f"{self._name}-{part}")
        self._storage.delete(self._name)


_LENGTH: Final = struct.Struct("<I")
_GENERATION: Final = struct.Struct("<Q")
_START: Final = struct.Struct("<8s?3xIII")  # magic, whole, lengths of the JSON and of the arrays, CRC-32 of both.
_MAGIC: Final = b"GWSHRD\r\n"


def _frame(whole: bool, note: dict[str, Any], arrays: dict[str, Any], states: bytes) -> bytes:
    text = json.dumps(note).encode()
    kept = packed(arrays)
    return _START.pack(_MAGIC, whole, len(text), len(kept), zlib.crc32(text + kept)) + text + kept + states


def _unframed(data: bytes) -> tuple[bool, dict[str, Any], dict[str, Any], bytes]:
    if len(data) < _START.size or data[:8] != _MAGIC:
        raise ValueError("These bytes are not what a shard saved.")
    _, whole, text_bytes, kept_bytes, checksum = _START.unpack_from(data)
    middle = _START.size + text_bytes
    end = middle + kept_bytes
    if zlib.crc32(data[_START.size : end]) != checksum:
        raise ValueError("What a shard saved is damaged or cut short: its checksum does not match.")
    return whole, json.loads(data[_START.size : middle]), unpacked(data[middle:end]), data[end:]


def packed(trees: dict[str, Any]) -> bytes:
    """Structures of arrays, by name, as bytes; tuples come back as lists.

    >>> unpacked(packed({"x": [np.arange(3), np.float32(1)]}))
    {'x': [array([0, 1, 2]), array(1., dtype=float32)]}
    """
    if not trees:
        return b""
    leaves: list[Any] = []

    def placed(leaf: Any) -> int:
        array = np.asarray(leaf)
        leaves.append(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape))
        return len(leaves) - 1

    shape = {name: map_structure(placed, tree) for name, tree in trees.items()}
    said = json.dumps([shape, [[leaf.dtype.str, leaf.shape] for leaf in leaves]]).encode()
    return b"".join([_LENGTH.pack(len(said)), said, *(leaf.tobytes() for leaf in leaves)])


def unpacked(data: bytes) -> dict[str, Any]:
    """What `packed` made bytes of."""
    if not data:
        return {}
    start = _LENGTH.size + _LENGTH.unpack_from(data)[0]
    shape, kinds = json.loads(data[_LENGTH.size : start])
    leaves = []
    for kind, size in kinds:
        dtype = np.dtype(kind)
        if dtype.hasobject:
            raise ValueError("Bytes that are to hold arrays of numbers hold objects.")
        count = math.prod(size)
        leaves.append(np.frombuffer(data, dtype, count, start).reshape(size).copy())
        start += count * dtype.itemsize
    return {name: map_structure(lambda place: leaves[place], tree) for name, tree in shape.items()}


def said_ids(ids: Iterable[Any]) -> list[Any]:
    """Ids as JSON has them; bytes as a list of their hexadecimal digits.

    >>> said_ids([7, "7", b"7"])
    [7, '7', ['37']]
    """
    return [[id_.hex()] if isinstance(id_, bytes) else id_ for id_ in ids]


def meant_ids(said: Iterable[Any]) -> list[Any]:
    """The ids that `said_ids` wrote."""
    return [bytes.fromhex(id_[0]) if isinstance(id_, list) else id_ for id_ in said]
