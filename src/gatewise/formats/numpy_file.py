"""NumPy's archives, `.npz`: named arrays of plain numbers. Nothing in them is unpickled."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from tokenize import TokenError
from typing import Any, Final

import numpy as np

from gatewise.formats import zips
from gatewise.formats.contents import ByName, Contents, OfFile, Stored

FORMAT: Final = "NumPy"
_ENDING: Final = ".npy"
DAMAGED: Final = (
    ValueError, SyntaxError, TokenError, LookupError, TypeError, AttributeError, EOFError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What NumPy raises for files that are damaged: it reads the head of an array as Python."""


def recognises(path: Any) -> bool:
    """Whether it is a zip archive of `.npy` files alone."""
    names = zips.names(path) if os.path.isfile(path) else []
    return bool(names) and all(name.endswith(_ENDING) for name in names)


@contextmanager
def open_contents(path: Any) -> Iterator[Contents]:
    """What the file holds, for as long as the context lasts.

    Raises:
        ValueError: a file that is damaged, or holds other things than numbers.
    """
    file = _File(path)
    with file.opened():
        yield Contents(path, FORMAT, weights=ByName(tuple(file.arrays())))


class _File(OfFile):
    """An archive, in which nothing is trusted."""

    _archive: zipfile.ZipFile

    def __init__(self, path: Any) -> None:
        self.path = path

    @contextmanager
    def opened(self) -> Iterator[None]:
        with zips.opened(self) as self._archive:
            yield

    def arrays(self) -> Iterator[Stored]:
        """Each member as an array to read."""
        for entry in self._archive.infolist():
            name = entry.filename.removesuffix(_ENDING)
            shape, dtype, start = self._header(entry, name)
            count = 1
            for size in shape:
                count *= size
            if dtype.kind not in "biuf" or start + count * dtype.itemsize != entry.file_size:
                raise self.error(f"the array {name!r} of shape {shape} and dtype {dtype} is damaged, or no numbers.")
            yield Stored(name, shape, dtype.newbyteorder("=").name, partial(self._read, entry, name))

    def _header(self, entry: zipfile.ZipInfo, name: str) -> tuple[tuple[int, ...], np.dtype[Any], int]:
        try:
            with self._archive.open(entry) as member:
                version = np.lib.format.read_magic(member)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(member)
                return shape, dtype, member.tell()
        except DAMAGED as error:
            raise self.error(f"the array {name!r} cannot be read ({error}): the file is damaged.") from error

    def _read(self, entry: zipfile.ZipInfo, name: str) -> np.ndarray:
        try:
            with self._archive.open(entry) as member:
                found = np.lib.format.read_array(member, allow_pickle=False)
        except (*DAMAGED, OSError) as error:
            raise self.error(f"the array {name!r} cannot be read ({error}): the file is damaged.") from error
        return found.astype(found.dtype.newbyteorder("="))
