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


@contextmanager
def opened(file: OfFile) -> Iterator[zipfile.ZipFile]:
    """A file's archive; what goes wrong inside the block is the file's own error.

    Raises:
        ValueError: an archive that is damaged.
    """
    try:
        with zipfile.ZipFile(file.path) as archive:
            yield archive
    except (*DAMAGED, ValueError) as error:
        if file.told(error):
            raise
        raise file.error(f"the zip archive is damaged or cut short ({error}). Copy or download it again.") from error
