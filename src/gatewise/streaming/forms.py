"""Records as users see them: dicts of arrays by layer name; and bytes, with a header that says what they are."""

from __future__ import annotations

import struct
from typing import Any, Final

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


def no_pickle(thing: Any, way_out: str) -> str:
    """What is said where somebody pickles a stream or a pool."""
    return (
        f"{thing!r} cannot be pickled: it keeps packed weights, which belong to this process. Pickle or save the "
        f"model, and the streams beside it: {way_out}, and restore() takes it in another process."
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

# magic, version, bytes of one record, fingerprint of the model; then follow the number of records (uint64), ids where
# there are any, the records, and the CRC-32 (as zlib's) of everything before it. All numbers are little-endian.
_HEADER: Final = struct.Struct("<8sII32s")
HEADER_SIZE: Final = _HEADER.size
STREAM: Final = b"GWSTRM\r\n"
POOL: Final = b"GWPOOL\r\n"
_VERSION: Final = 1


def header(magic: bytes, record_bytes: int, fingerprint: bytes) -> bytes:
    """The first bytes of a saved stream or pool."""
    return _HEADER.pack(magic, _VERSION, record_bytes, fingerprint)


def check_header(what: str, data: bytes, magic: bytes, record_bytes: int, fingerprint: bytes) -> None:
    """Raise ValueError where `data` does not begin as `header` would make it."""
    if len(data) < HEADER_SIZE:
        raise ValueError(f"{what} is cut short: it has {len(data)} bytes.")
    came_magic, version, came_bytes, came_fingerprint = _HEADER.unpack(data[:HEADER_SIZE])
    if came_magic != magic:
        kind = {STREAM: "a saved Stream", POOL: "the snapshot of a StreamPool"}
        raise ValueError(f"{what} is {kind.get(came_magic, 'something else')}, not {kind[magic]}.")
    if version != _VERSION:
        raise ValueError(f"{what} is of version {version}; this release reads version {_VERSION}.")
    if came_bytes != record_bytes or came_fingerprint != fingerprint:
        raise ValueError(f"{what} is of another model: the layers, their sizes or their arguments differ.")


def pack(magic: bytes, records: Array, fingerprint: bytes) -> bytes:
    """Records (n, record) as bytes that say what they are."""
    import zlib

    data = np.ascontiguousarray(records, records.dtype.newbyteorder("<"))
    start = header(magic, data.itemsize * data.shape[1], fingerprint)
    body = start + struct.pack("<Q", len(data)) + data.tobytes()
    return body + struct.pack("<I", zlib.crc32(body))


def unpack(what: str, data: Any, magic: bytes, like: Array, fingerprint: bytes) -> Array:
    """The records that `pack` wrote; as many, and of the dtype, as in `like`.

    Raises:
        ValueError: bytes that are cut short, damaged, or of something else.
        TypeError: something that is not bytes.
    """
    import zlib

    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"{what}: expected bytes, got {type(data).__name__}.")
    data = bytes(data)
    check_header(what, data, magic, like.itemsize * like.shape[1], fingerprint)
    start = HEADER_SIZE + 8
    if len(data) < start + 4:
        raise ValueError(f"{what} is cut short: it has {len(data)} bytes.")
    (count,) = struct.unpack_from("<Q", data, HEADER_SIZE)
    wanted = start + count * like.itemsize * like.shape[1] + 4
    if len(data) != wanted or struct.unpack("<I", data[-4:])[0] != zlib.crc32(data[:-4]):
        raise ValueError(f"{what} is cut short or damaged: its length or its checksum does not match.")
    if count != len(like):
        raise ValueError(f"{what} is of {count} sequences, and this stream is of {len(like)}.")
    little = like.dtype.newbyteorder("<")
    return np.frombuffer(data[start:-4], little).reshape(like.shape).astype(like.dtype)
