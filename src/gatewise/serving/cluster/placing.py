"""Which shard a stream lives on: a pure function of its id and of the shards' names.

An id is hashed to one of 65,536 slots, and a slot belongs to the shard that scores highest for it (rendezvous hashing,
Thaler and Ravishankar 1998). So a shard that comes takes its 1/n of the streams from all others, one that goes leaves
its own to all others, and no stream moves between two that stay. The hashes are of our own making and tied to no
process, machine or release: `tests/unit/serving/test_placing.py` holds some of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from gatewise.base.typing import Array

SLOTS: Final = 2**16
"""Parts that the ids are cut into; with a hundred shards each has about 655, give or take 4 %."""


@dataclass(frozen=True)
class Placing:
    """The shards that there are, and with them the place of every stream.

    Args:
        shards: their names, each once.
        version: a number that grows with every change.

    >>> placing = Placing(("0", "1", "2"))
    >>> placing.of(["pump 7", 42, b"key"]).tolist()
    [1, 1, 0]
    >>> {shard: rows.tolist() for shard, rows in placing.rows([1, 2, 3, 4]).items()}
    {'0': [3], '1': [0, 2], '2': [1]}
    """

    shards: tuple[str, ...]
    version: int = 0

    def __post_init__(self) -> None:
        shards = tuple(self.shards)
        if not shards or len(set(shards)) != len(shards) or not all(isinstance(s, str) and s for s in shards):
            raise ValueError(f"shards must be names, at least one and each once, got {self.shards!r}.")
        object.__setattr__(self, "shards", shards)

    @cached_property
    def _table(self) -> Array:
        """For each slot, the place among `shards` of the one it belongs to."""
        mixed = _mixed(np.arange(SLOTS, dtype=np.uint64))
        best, owner = np.zeros(SLOTS, np.uint64), np.zeros(SLOTS, np.intp)
        for place, name in sorted(enumerate(self.shards), key=lambda pair: pair[1]):
            score = _mixed(mixed ^ np.uint64(_of_bytes(name.encode())))
            higher = score > best
            best[higher], owner[higher] = score[higher], place
        return owner

    def of(self, ids: Any) -> Array:
        """The places (n,) among `shards` of the shards that `ids` live on."""
        places: Array = self._table[slots(ids)]
        return places

    def rows(self, ids: Any) -> dict[str, Array]:
        """For each shard that some of `ids` live on, which they are, in their order."""
        places = self.of(ids)
        order = np.argsort(places, kind="stable")
        found, starts = np.unique(places[order], return_index=True)
        parts = np.split(order, starts[1:])
        return {self.shards[place]: part for place, part in zip(found, parts, strict=True)} if len(found) else {}

    def with_shard(self, name: str) -> Placing:
        """The same with one shard more."""
        if name in self.shards:
            raise ValueError(f"There is a shard {name!r} already, among {list(self.shards)}.")
        return Placing((*self.shards, name), self.version + 1)

    def without_shard(self, name: str) -> Placing:
        """The same with one shard less."""
        if name not in self.shards:
            raise ValueError(f"There is no shard {name!r}; there are {list(self.shards)}.")
        if len(self.shards) == 1:
            raise ValueError(f"{name!r} is the last shard: somebody must keep the streams.")
        return Placing(tuple(shard for shard in self.shards if shard != name), self.version + 1)

    def to_bytes(self) -> bytes:
        """As JSON, for a storage."""
        return json.dumps({"shards": self.shards, "version": self.version}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Placing:
        """What `to_bytes` wrote."""
        said = json.loads(data)
        return cls(tuple(said["shards"]), int(said["version"]))


def slots(ids: Any) -> Array:
    """The slots (n,) of ids: integers of 64 bits, strings and bytes, mixed as one likes.

    The integer 7, the string "7" and the bytes b"7" are three ids.

    Raises:
        TypeError: an id that is none of the three.

    >>> slots([7, "7", b"7"]).tolist()
    [4782, 12705, 62205]
    >>> slots(np.arange(3)).tolist()
    [0, 22162, 56274]
    """
    if isinstance(ids, np.ndarray):
        ids = ids.reshape(-1)
        whole = ids.dtype.kind in "iu"
    else:
        ids = [ids] if isinstance(ids, (str, bytes)) or not isinstance(ids, Iterable) else list(ids)
        whole = bool(ids) and all(type(id_) is int for id_ in ids)
    if whole:  # The usual case, and quick.
        hashed = _mixed(np.asarray(ids).astype(np.int64).view(np.uint64))
    else:
        hashed = np.fromiter((_of_id(id_) for id_ in ids), np.uint64, len(ids))
    return (hashed >> np.uint64(48)).astype(np.intp)


def _of_id(id_: Any) -> int:
    if isinstance(id_, str):
        return _of_bytes(b"s" + id_.encode("utf-8", "surrogatepass"))
    if isinstance(id_, bytes):
        return _of_bytes(b"b" + id_)
    if isinstance(id_, (int, np.integer)) and not isinstance(id_, bool):
        return int(_mixed(np.array([int(id_)], np.int64).view(np.uint64))[0])
    raise TypeError(f"A stream's id is an integer, a string or bytes, got {id_!r} ({type(id_).__name__}).")


def _of_bytes(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def _mixed(x: Array) -> Array:
    """SplitMix64's last step (Steele, Lea and Flood 2014): bits that look drawn by lot, one to one."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
