"""Models inside an archive: a zip file with one model among its files, or a tar file with a SavedModel.

People publish models so, with notes beside them. The model is unpacked to a temporary folder that is gone when the
reading ends; nothing else in the archive is touched, and names in it say where nothing goes.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from gatewise.formats import hdf5, keras_archive, zips
from gatewise.formats.contents import Contents, OfFile, Reader
from gatewise.formats.onnx import reading as onnx
from gatewise.formats.tensorflow import saved_model
from gatewise.formats.tflite import reading as tflite

_READERS: Final[dict[str, Any]] = {
    ".keras": keras_archive,
    ".h5": hdf5,
    ".hdf5": hdf5,
    ".onnx": onnx,
    ".tflite": tflite,
}
"""The models that a zip file may hold, by the endings of their names."""
_GZIP, _TAR, _TAR_AT = b"\x1f\x8b", b"ustar", 257
_PART: Final = 1 << 20
_MOST_PACKING: Final = 100
_MOST_MEMBERS: Final = 10_000
_DAMAGED: Final = (*zips.DAMAGED, tarfile.TarError)


def recognises(path: Any) -> bool:
    """Whether it is a zip file with models in it, or a tar file with one SavedModel."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        start = file.read(512)
    if start.startswith(keras_archive.SIGNATURE):
        return bool(_models(zips.names(path)))
    if start.startswith(_GZIP) or start[_TAR_AT : _TAR_AT + 5] == _TAR:
        try:
            with tarfile.open(os.fsdecode(path)) as archive:
                return _home(archive) is not None
        except (*_DAMAGED, ValueError):
            return False
    return False


@contextmanager
def open_contents(path: Any) -> Iterator[Contents]:
    """What the model inside holds, for as long as the context lasts.

    Raises:
        ValueError: an archive, or a model in it, that is damaged.
    """
    file = _File(path)
    with tempfile.TemporaryDirectory(prefix="gatewise-") as folder:
        try:
            unpack = file.from_zip if zipfile.is_zipfile(path) else file.from_tar
            place, reader = unpack(Path(folder))
        except _DAMAGED as error:
            raise file.error(f"the archive is damaged or cut short ({error}). Copy or download it again.") from error
        try:
            with reader.open_contents(place) as contents:
                yield replace(contents, path=path)
        except ValueError as error:
            if repr(place) not in str(error):
                raise
            raise ValueError(str(error).replace(repr(place), repr(path))) from error


class _File(OfFile):
    """An archive, in which nothing is trusted."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def from_zip(self, folder: Path) -> tuple[str, Reader]:
        """The one model of a zip file, as a file in `folder`, and what reads it."""
        with zipfile.ZipFile(self.path) as archive:
            zips.check(archive)
            name, *others = _models(archive.namelist())
            if others:
                names = ", ".join([name, *others][:5])
                raise self.error(f"the archive holds {1 + len(others)} models: {names}. Unpack it, and load one.")
            entry = archive.getinfo(name)
            ending = PurePosixPath(name).suffix
            place = folder / f"model{ending}"
            self._copy(name, entry.file_size, lambda: archive.open(entry), place)
        return str(place), _READERS[ending]

    def from_tar(self, folder: Path) -> tuple[str, Reader]:
        """The SavedModel of a tar file, as a folder, and what reads it."""
        with tarfile.open(os.fsdecode(self.path)) as archive:
            home = _home(archive)
            for wanted in (saved_model.PROGRAM, saved_model.METADATA):
                self._member(archive, f"{home}{wanted}", folder / wanted)
            (folder / "variables").mkdir()
            for member in _members(archive):
                end = PurePosixPath(member.name)
                if str(end.parent) == str(PurePosixPath(f"{home}variables")) and end.name.startswith("variables."):
                    self._member(archive, member.name, folder / "variables" / end.name)
        if not saved_model.recognises(str(folder)):
            raise self.error("the archive holds a SavedModel without its variables: pack its folder 'variables' too.")
        return str(folder), saved_model

    def _member(self, archive: tarfile.TarFile, name: str, place: Path) -> None:
        found = [member for member in _members(archive) if member.name == name]
        if found and (opened := archive.extractfile(found[-1])) is not None:
            self._copy(name, found[-1].size, lambda: opened, place)

    def _copy(self, name: str, size: int, opened: Callable[[], IO[bytes]], place: Path) -> None:
        """A member's bytes, no more of them than it says, and than are possible."""
        if size > _PART + _MOST_PACKING * os.path.getsize(self.path):
            raise self.error(f"{name} claims {size} bytes, more than can be in this archive.")
        with opened() as source, place.open("wb") as file:
            left = size
            while part := source.read(_PART):
                left -= len(part)
                if left < 0:
                    raise self.error(f"{name} holds more bytes than it says: the file is damaged.")
                file.write(part)


def _models(names: list[str]) -> list[str]:
    return [name for name in names if PurePosixPath(name).suffix in _READERS]


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The plain files of a tar file: links and devices are passed over."""
    for count, member in enumerate(archive):
        if count > _MOST_MEMBERS:
            return
        if member.isreg():
            yield member


def _home(archive: tarfile.TarFile) -> str | None:
    """The folder of the one SavedModel, as the beginning of names; None where there is none, or several."""
    found = {
        member.name.removesuffix(saved_model.PROGRAM)
        for member in _members(archive)
        if PurePosixPath(member.name).name == saved_model.PROGRAM
    }
    return found.pop() if len(found) == 1 else None
