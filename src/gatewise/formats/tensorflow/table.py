"""The index of a checkpoint: a table of keys and values in the form of LevelDB's, blocks of which none is packed.

    blocks      entries, each a key that shares its beginning with the one before, and a value; then the places where a
                key stands in full; then a byte that says how the block is packed, and a checksum
    footer      where two blocks are: that of the metadata, and the index of all others; a magic number

Source: https://github.com/google/leveldb, doc/table_format.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gatewise.formats.wire import varint

_FOOTER: Final = 48
_MAGIC: Final = (0xDB4775248B80FB57).to_bytes(8, "little")
_MOST_ENTRIES: Final = 1_000_000


def is_table(data: bytes) -> bool:
    """Whether these are the last bytes of a table."""
    return data.endswith(_MAGIC)


def entries(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values, in the order of keys.

    Raises:
        ValueError: a table that is damaged.
    """
    if len(data) < _FOOTER or not is_table(data):
        raise ValueError("it has no footer of a table")
    place = len(data) - _FOOTER
    for _ in range(2):
        _, place = varint(data, place)
    start, place = varint(data, place)
    size, _ = varint(data, place)
    count = 0
    for _, handle in _block(data, start, size):
        start, place = varint(handle, 0)
        size, _ = varint(handle, place)
        for key, value in _block(data, start, size):
            count += 1
            if count > _MOST_ENTRIES:
                raise ValueError(f"it has more than {_MOST_ENTRIES} entries")
            yield key, value


def _block(data: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    end = start + size
    if end + 5 > len(data) or size < 4:
        raise ValueError("a block goes beyond the end")
    if data[end] != 0:
        raise ValueError("a block is packed, which TensorFlow's are not")
    restarts = int.from_bytes(data[end - 4 : end], "little")
    end -= 4 * (restarts + 1)
    key, place = b"", start
    while place < end:
        shared, place = varint(data, place)
        more, place = varint(data, place)
        length, place = varint(data, place)
        if shared > len(key) or place + more + length > end:
            raise ValueError("an entry goes beyond its block")
        key = key[:shared] + data[place : place + more]
        place += more
        yield key, data[place : place + length]
        place += length
