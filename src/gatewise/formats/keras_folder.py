"""Models in folders, as Keras 3 writes them with `save(path, zipped=False)`: the entries of a `.keras` file, unpacked.

Only these three files are read, and only where each is a file itself: a link could lead out of the folder.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from gatewise.base.atomic import replacing_folder
from gatewise.base.typing import Config
from gatewise.formats.contents import Contents
from gatewise.formats.hdf5.access import opened
from gatewise.formats.hdf5.writing import write_places
from gatewise.formats.keras_archive import (
    ASSETS,
    CONFIG,
    METADATA,
    MOST_JSON,
    WEIGHTS,
    WithAssets,
    contents_of,
    json_object,
)
from gatewise.formats.places import PlaceToWrite

FORMAT: Final = "Keras folder"
_FILES: Final = (METADATA, CONFIG, WEIGHTS)


def recognises(path: Any) -> bool:
    """Whether it is a folder that has a model's config."""
    return os.path.isfile(Path(os.fsdecode(path), CONFIG))


@contextmanager
def open_contents(path: Any) -> Iterator[Contents]:
    """What the folder holds, for as long as the context lasts.

    Raises:
        ValueError: a folder in which something is missing or damaged.
    """
    folder = _Folder(path)
    metadata, config = folder.json(METADATA), folder.json(CONFIG)
    with opened(str(folder.file(WEIGHTS)), shown=path) as root:
        yield contents_of(folder, FORMAT, metadata, config, root)


class _Folder(WithAssets):
    """The files of a folder, none of them trusted."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def file(self, name: str) -> Path:
        found = Path(os.fsdecode(self.path), name)
        if not (os.path.lexists(found) and stat.S_ISREG(found.lstat().st_mode)):
            raise self.error(f"the folder has no file {name!r}, which a model saved with zipped=False has.")
        return found

    def asset(self, name: str) -> bytes | None:
        """A file among the assets, if no link leads there."""
        inside = Path(ASSETS, *name.split("/"))
        found = Path(os.fsdecode(self.path), inside)
        if not found.is_file() or found.resolve() != Path(os.fsdecode(self.path)).resolve() / inside:
            return None
        return found.read_bytes()

    def json(self, name: str) -> Config:
        with self.file(name).open("rb") as file:
            data = file.read(MOST_JSON + 1)
        if len(data) > MOST_JSON:
            raise self.error(f"{name} is larger than any model's.")
        return json_object(self, name, data)


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """Refuse a place where something lies that is no saved model.

    Raises:
        FileExistsError: a file, or a folder with something else in it, which is never deleted.
    """
    folder = Path(os.path.realpath(path))
    if not os.path.lexists(folder):
        return
    others = None if not folder.is_dir() else sorted({each.name for each in folder.iterdir()} - {*_FILES, ASSETS})
    if others is None or others or ((folder / ASSETS).exists() and any((folder / ASSETS).iterdir())):
        what = "it is no folder" if others is None else f"it holds {(others or [ASSETS])[0]!r} too"
        raise FileExistsError(f"{os.fspath(path)!r} would be replaced, but {what}: name another folder.")


def write(path: str | os.PathLike[str], metadata: str, config: str, places: Iterable[PlaceToWrite]) -> None:
    """A folder with a model, whole or not at all.

    Args:
        path: of the folder.
        metadata, config: JSON.
        places: the weights, and the optimizer's state.

    Raises:
        FileExistsError: where something else lies there.
        OSError: a disk that is full.
    """
    check_replaceable(path)
    with replacing_folder(path) as made:
        (made / METADATA).write_text(metadata)
        (made / CONFIG).write_text(config)
        (made / ASSETS).mkdir()
        write_places(made / WEIGHTS, places)
