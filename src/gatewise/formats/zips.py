"""Zip archives of which nothing is trusted."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from gatewise.formats.contents import OfFile

DAMAGED: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError, KeyError, OSError,
)  # fmt: skip
"""What `zipfile` raises for archives that are damaged; RuntimeError is for those with a password."""


def names(path: Any) -> list[str]:
    """The names in an archive; none where it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (*DAMAGED, ValueError):
        return []


_PACKED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How writers of models pack. Of the other ways `zipfile` unpacks whole, however large, what it was asked a part of."""


def check(archive: zipfile.ZipFile) -> None:
    """Raise BadZipFile for entries that are packed in a way of which a few bytes can take all memory."""
    for entry in archive.infolist():
        if entry.compress_type not in _PACKED:
            raise zipfile.BadZipFile(f"{entry.filename!r} is packed by method {entry.compress_type}, not 0 or 8")


def read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """An entry of an archive that was checked, in no more memory than it says; `ZipFile.read` unpacks all there is."""
    with archive.open(entry) as file:
        return file.read(entry.file_size)


@contextmanager
def opened(file: OfFile) -> Iterator[zipfile.ZipFile]:
    """A file's archive; what goes wrong inside the block is the file's own error.

    Raises:
        ValueError: an archive that is damaged.
    """
    try:
        with zipfile.ZipFile(file.path) as archive:
            check(archive)
            yield archive
    except (*DAMAGED, ValueError) as error:
        if file.told(error):
            raise
        raise file.error(f"the zip archive is damaged or cut short ({error}). Copy or download it again.") from error
