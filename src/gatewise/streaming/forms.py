"""Records as users see them: dicts of arrays by layer name; and bytes, with a header that says what they are."""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

import numpy as np

from gatewise.base.arrays import as_array
from gatewise.base.typing import Array
from gatewise.streaming.values import Slot, unpacked

MOST_STREAMS: Final = 2**30
"""As many streams as may advance together: what the engine counts them with."""


def checked_count(label: str, name: str, value: Any) -> int:
    """How many streams a caller wants, as an integer from 1 to `MOST_STREAMS`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 1 <= value <= MOST_STREAMS:
        raise ValueError(f"{label}: {name} must be a positive integer, at most {MOST_STREAMS} (2**30), got {value!r}.")
    return int(value)


def old_weights(thing: Any) -> str:
    """What is said where somebody pickles a stream or a pool whose model has other weights by now."""
    return (
        f"{thing!r} cannot be pickled: its model has other weights by now, and the ones that it keeps would be lost. "
        "update() takes the model's; or pickle the model of these weights, and what save() gives beside it."
    )


def to_dict(slots: list[Slot], records: Array) -> dict[str, Any]:
    """The records (n, record) as {layer: {part: (n, ...)}}; the layers of a nested model are one level down."""
    state: dict[str, Any] = {}
    for slot, array in unpacked(slots, records).items():
        place = state
        for name in slot.path:
            place = place.setdefault(name, {})
        place[slot.part] = np.array(array)
    return state


def from_dict(label: str, slots: list[Slot], state: Any, count: int, dtype: Any) -> Array:
    """The records (count, record) of what `to_dict` gave.

    Raises:
        ValueError: where a part is missing, unknown, or of another shape.
        TypeError: where a part holds anything but numbers.
    """
    records = np.zeros((count, sum(slot.width for slot in slots)), dtype)
    known = {(*slot.path, slot.part): (slot, array) for slot, array in unpacked(slots, records).items()}
    given = dict(_leaves(state, ()))
    if set(given) != set(known):
        missing, extra = sorted(set(known) - set(given)), sorted(set(given) - set(known), key=str)
        raise ValueError(
            f"{label}: a state has {['/'.join(key) for key in known]}; "
            f"missing: {['/'.join(key) for key in missing]}, unknown: {['/'.join(map(str, key)) for key in extra]}."
        )
    for key, (slot, target) in known.items():
        value = np.asarray(as_array(given[key], f"{label}: the state {'/'.join(key)}"))
        if value.shape != (count, *slot.shape):
            raise ValueError(
                f"{label}: the state {'/'.join(key)} must have the shape {(count, *slot.shape)}, "
                f"got {value.shape} of {value.dtype}."
            )
        target[...] = value
    return records


def _leaves(state: Any, path: tuple[Any, ...]) -> list[tuple[tuple[Any, ...], Any]]:
    if not isinstance(state, dict):
        return [(path, state)]
    return [leaf for key, value in state.items() for leaf in _leaves(value, (*path, key))]


# -- bytes ----------------------------------------------------------------------------------------------------------

# magic, version, bytes of one record, fingerprint of the model's layers, and, from version 2 on, of its weights. All
# numbers are little-endian. docs/streams.md says what follows.
_HEADER: Final = struct.Struct("<8sII32s32s")
_HEADER_1: Final = struct.Struct("<8sII32s")
HEADER_SIZE: Final = _HEADER.size
STREAM: Final = b"GWSTRM\r\n"
POOL: Final = b"GWPOOL\r\n"
CHANGES: Final = b"GWPINC\r\n"
_KINDS: Final = {
    STREAM: "a saved Stream",
    POOL: "a saved StreamPool",
    CHANGES: "the changes of a StreamPool (changed_since)",
}
_VERSION: Final = 2


class Header(NamedTuple):
    """How the bytes of a saved stream or pool begin: see `Prepared.header`."""

    record_bytes: int
    layers: bytes
    weights: bytes

    def pack(self, magic: bytes) -> bytes:
        """The first bytes of what is saved now."""
        return _HEADER.pack(magic, _VERSION, self.record_bytes, self.layers, self.weights)

    def check(self, what: str, data: bytes, magics: tuple[bytes, ...], *, other_weights: bool) -> tuple[int, int]:
        """The version of saved bytes, and how many of them are the header.

        Args:
            what: names the bytes in errors.
            data: the bytes, or the first `HEADER_SIZE` of them.
            magics: what they may be.
            other_weights: whether they may be of other weights than these.

        Raises:
            ValueError: where they are something else, of other layers, or of other weights.
        """
        if len(data) < _HEADER_1.size:
            raise ValueError(f"{what} is cut short: it has {len(data)} bytes.")
        magic, version, record_bytes, layers = _HEADER_1.unpack_from(data)
        if magic not in magics:
            raise ValueError(f"{what} is {_KINDS.get(magic, 'something else')}, not {_KINDS[magics[0]]}.")
        if not 1 <= version <= _VERSION:
            raise ValueError(f"{what} is of version {version}; this release reads versions 1 to {_VERSION}.")
        if record_bytes != self.record_bytes or layers != self.layers:
            raise ValueError(f"{what} is of another model: the layers, their sizes or their arguments differ.")
        if version == 1:
            return 1, _HEADER_1.size
        if len(data) < _HEADER.size:
            raise ValueError(f"{what} is cut short: it has {len(data)} bytes.")
        if data[_HEADER_1.size : _HEADER.size] != self.weights and not other_weights:
            raise ValueError(
                f"{what} is of a model with other weights, in which its states would mean something else. Load the "
                "weights with which it was saved (and update()), or pass other_weights=True to go on with these."
            )
        return version, _HEADER.size


def as_bytes(what: str, data: Any) -> bytes:
    """`data` as bytes; TypeError where it is something else."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"{what}: expected bytes, got {type(data).__name__}.")
    return bytes(data)


def pack(records: Array, header: Header) -> bytes:
    """The records (n, record) of a stream as bytes that say what they are."""
    import zlib

    data = np.ascontiguousarray(records, records.dtype.newbyteorder("<"))
    body = header.pack(STREAM) + struct.pack("<Q", len(data)) + data.tobytes()
    return body + struct.pack("<I", zlib.crc32(body))


def unpack(what: str, data: Any, like: Array, header: Header, *, other_weights: bool) -> Array:
    """The records that `pack` wrote; as many, and of the dtype, as in `like`.

    Raises:
        ValueError: bytes that are cut short, damaged, or of something else.
        TypeError: something that is not bytes.
    """
    import zlib

    data = as_bytes(what, data)
    _, begin = header.check(what, data, (STREAM,), other_weights=other_weights)
    start = begin + 8
    if len(data) < start + 4:
        raise ValueError(f"{what} is cut short: it has {len(data)} bytes.")
    (count,) = struct.unpack_from("<Q", data, begin)
    wanted = start + count * like.itemsize * like.shape[1] + 4
    if len(data) != wanted or struct.unpack("<I", data[-4:])[0] != zlib.crc32(data[:-4]):
        raise ValueError(f"{what} is cut short or damaged: its length or its checksum does not match.")
    if count != len(like):
        raise ValueError(f"{what} is of {count} sequences, and this stream is of {len(like)}.")
    little = like.dtype.newbyteorder("<")
    return np.frombuffer(data[start:-4], little).reshape(like.shape).astype(like.dtype)
