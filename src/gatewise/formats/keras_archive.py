"""Models in `.keras` files, as Keras 3 and tf_keras 2.12 and later write them.

A zip archive with three entries, of which the third is an HDF5 file in the layout `hdf5/by_place.py`:

    metadata.json       keras_version, date_saved
    config.json         the model's config, with its compile_config
    model.weights.h5    the weights, and the optimizer's state

Keras may add files for layers, such as the vocabulary that one learned (`assets/layers/string_lookup/vocabulary.txt`).
They are read; here a vocabulary is written into the config, where Keras looks first.

Nothing is unpacked but these, whatever names an archive has, and none of them to more bytes than it could honestly
hold. The weights are unpacked to a temporary file, which is gone when the reading ends.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from gatewise.base.typing import Config
from gatewise.formats import zips
from gatewise.formats.contents import ByPlace, Contents, OfFile
from gatewise.formats.hdf5 import by_place
from gatewise.formats.hdf5.access import Group, opened
from gatewise.formats.hdf5.writing import write_places
from gatewise.formats.places import OPTIMIZER, PlaceToWrite

FORMAT = "Keras archive"
SIGNATURE = b"PK\x03\x04"
METADATA, CONFIG, WEIGHTS, ASSETS = "metadata.json", "config.json", "model.weights.h5", "assets"
_PART: Final = 1 << 20
_MOST_PACKING: Final = 100
"""Keras packs nothing. Numbers that someone packed become a few times smaller; a trap, a thousand times."""
MOST_JSON: Final = 1 << 28


def recognises(path: Any) -> bool:
    """Whether it is a zip archive that has a model's config."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            return False
    names = zips.names(path)
    return CONFIG in names if names else str(os.fsdecode(path)).endswith(".keras")  # `open_contents` says what it is.


@contextmanager
def open_contents(path: Any) -> Iterator[Contents]:
    """What the file holds, for as long as the context lasts.

    Raises:
        ValueError: a file that is damaged.
    """
    entries = _Entries(path)
    with entries.opened():
        metadata, config = entries.json(METADATA), entries.json(CONFIG)
        with entries.unpacked(WEIGHTS) as unpacked, opened(unpacked, shown=path) as root:
            yield contents_of(entries, FORMAT, metadata, config, root)


def contents_of(file: WithAssets, form: str, metadata: Config, config: Config, root: Group) -> Contents:
    """The contents of a model's three files, packed or not."""
    if not isinstance(config.get("class_name"), str):
        raise file.error(f"the model's config must be a dict with a class_name, got {str(config)[:60]!r}.")
    version = metadata.get("keras_version")
    if not isinstance(version, str):
        raise file.error(f"{METADATA} must name the keras_version as text, got {version!r}.")
    compiled = config.get("compile_config")
    optimizer = tuple(by_place.arrays(root, OPTIMIZER))
    return Contents(
        file.path,
        form,
        config=config,
        weights=ByPlace(lambda place: by_place.arrays(root, place), lambda: by_place.layers(root)),
        keras_version=version,
        compile_config=compiled if isinstance(compiled, dict) and compiled else None,
        optimizer=optimizer,
        training_config=bool(compiled),
        optimizer_weights=bool(optimizer),
        asset=file.asset,
    )


class WithAssets(OfFile):
    """A saved model that may keep more for a layer than weights."""

    def asset(self, name: str) -> bytes | None:
        """What is kept under a name, or None."""
        raise TypeError(f"{type(self).__name__} must define `asset(self, name)`.")


class _Entries(WithAssets):
    """The entries of an archive, none of them trusted."""

    def __init__(self, path: Any) -> None:
        self.path = path
        self._archive: zipfile.ZipFile

    @contextmanager
    def opened(self) -> Iterator[None]:
        with zips.opened(self) as self._archive:
            yield

    def json(self, name: str) -> Config:
        """An entry that is a JSON object."""
        return json_object(self, name, b"".join(self._parts(name, MOST_JSON)))

    def asset(self, name: str) -> bytes | None:
        """An entry among the assets."""
        entry = f"{ASSETS}/{name}"
        return b"".join(self._parts(entry, MOST_JSON)) if entry in self._archive.namelist() else None

    @contextmanager
    def unpacked(self, name: str) -> Iterator[str]:
        """An entry as a file of its own."""
        with tempfile.TemporaryDirectory(prefix="gatewise-") as folder:
            place = Path(folder, "weights.h5")
            with place.open("wb") as file:
                for part in self._parts(name, None):
                    file.write(part)
            yield str(place)

    def _parts(self, name: str, most: int | None) -> Iterator[bytes]:
        """The bytes of an entry, no more of them than it says, and than are possible."""
        found = [entry for entry in self._archive.infolist() if entry.filename == name]
        if len(found) != 1:
            raise self.error(f"the archive has {len(found)} entries {name!r}; a model has one. Is it a Keras model?")
        entry = found[0]
        limit = _PART + _MOST_PACKING * min(entry.compress_size, os.path.getsize(self.path))
        limit = limit if most is None else min(limit, most)
        if entry.file_size > limit:
            raise self.error(f"{name} claims {entry.file_size} bytes, more than can be in {entry.compress_size}.")
        try:
            with self._archive.open(entry) as file:
                left = entry.file_size
                while part := file.read(_PART):
                    left -= len(part)
                    if left < 0:
                        raise self.error(f"{name} holds more bytes than it says: the file is damaged.")
                    yield part
                if left:
                    raise self.error(f"{name} is cut short. Copy or download it again.")
        except zips.DAMAGED as error:
            raise self.error(f"{name} cannot be read ({error}): the file is damaged.") from error


def json_object(file: OfFile, name: str, data: bytes) -> Config:
    """An object of JSON.

    Raises:
        ValueError: for anything else.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise file.error(f"{name} is not JSON ({error}): the file is damaged.") from error
    if not isinstance(found, dict):
        raise file.error(f"{name} must hold a JSON object, got {str(found)[:60]!r}.")
    return found


def write(path: Any, metadata: str, config: str, places: Iterable[PlaceToWrite]) -> None:
    """A `.keras` file; its entries are not packed, as Keras's are not.

    Args:
        path: of a file to make anew.
        metadata, config: JSON.
        places: the weights, and the optimizer's state.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(METADATA, metadata)
        archive.writestr(CONFIG, config)
        with archive.open(WEIGHTS, "w", force_zip64=True) as entry:
            write_places(entry, places)
