"""Weights in several files, as `save_weights("name.weights.json", max_shard_size=5)` of Keras 3 writes them.

    name.weights.json        {"metadata": {"total_size": BYTES}, "weight_map": {PLACE: FILE or [FILE, ...], ...}}
    name_00000.weights.h5    some of the weights, by place: `hdf5/by_place.py`
    name_00001.weights.h5    the next ones, and so on; the arrays of one place may be spread over several

A file of weights is opened when it is needed. The index names it, and that is not trusted: it must be a file itself,
beside the index.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from gatewise.base.atomic import replacing
from gatewise.base.typing import Config
from gatewise.formats.contents import ByPlace, Contents, OfFile, Stored, StoredLayer
from gatewise.formats.hdf5.access import Group, opened
from gatewise.formats.hdf5.by_place import joined
from gatewise.formats.hdf5.writing import write_places
from gatewise.formats.keras_archive import MOST_JSON, json_object
from gatewise.formats.places import OPTIMIZER, PlaceToWrite, first_parts

FORMAT: Final = "Keras shards"
ENDING: Final = ".weights.json"
_SHARD: Final = ".weights.h5"
_MAP, _METADATA, _SIZE = "weight_map", "metadata", "total_size"
_MOST_SHARDS: Final = 500
"""Files that are open at once; Keras's have five gigabytes each."""


def recognises(path: Any) -> bool:
    """Whether it is JSON with a map of weights to files of Keras's."""
    if not os.path.isfile(path) or os.path.getsize(path) > MOST_JSON:
        return False
    with open(path, "rb") as file:
        if file.read(1) != b"{":
            return False
        file.seek(0)
        try:
            found = json.load(file)
        except (ValueError, RecursionError):
            return os.fsdecode(path).endswith(ENDING)  # `open_contents` says what is wrong.
    return isinstance(found, dict) and _MAP in found


@contextmanager
def open_contents(path: Any) -> Iterator[Contents]:
    """What the files hold, for as long as the context lasts.

    Raises:
        ValueError: an index, or a file of weights, that is damaged or missing.
    """
    with ExitStack() as files:
        shards = _Shards(path, files)
        optimizer = tuple(shards.at(OPTIMIZER))
        weights = ByPlace(shards.at, shards.layers)
        yield Contents(path, FORMAT, weights=weights, optimizer=optimizer, optimizer_weights=bool(optimizer))


class _Shards(OfFile):
    """An index and the files beside it, none of them trusted."""

    def __init__(self, path: Any, files: ExitStack) -> None:
        self.path = path
        self._files = files
        self._folder = Path(os.path.realpath(os.fsdecode(path))).parent
        self._roots: dict[str, Group] = {}
        self._map = self._read_map()

    def _read_map(self) -> dict[str, list[str]]:
        """The names of the files for each place."""
        with open(self.path, "rb") as file:
            found = json_object(self, "the index of the weights", file.read(MOST_JSON)).get(_MAP)
        if not isinstance(found, dict):
            raise self.error(f"{_MAP} must say in which file each weight is, got {str(found)[:60]!r}.")
        named = {place.strip("/"): self._names(place, names) for place, names in found.items()}
        if len({name for names in named.values() for name in names}) > _MOST_SHARDS:
            raise self.error(f"the index names more than {_MOST_SHARDS} files.")
        return named

    def _names(self, place: str, names: Any) -> list[str]:
        listed = names if isinstance(names, list) else [names]
        for name in listed:
            if not isinstance(name, str) or os.path.basename(name) != name or not name.endswith(_SHARD):
                raise self.error(
                    f"the weights {place!r} are in {name!r}; expected the name of a file {'*' + _SHARD!r}."
                )
        return list(dict.fromkeys(listed))

    def at(self, place: str) -> list[Stored]:
        """The arrays at a place, over all files that have some."""
        return joined([self._root(name) for name in self._map.get(place, ())], place)

    def layers(self) -> Iterator[StoredLayer]:
        """The layers directly in the model, with all arrays below each."""
        below: dict[str, list[Stored]] = {}
        for place in self._map:
            if place.partition("/")[0] not in ("optimizer", "metrics"):
                first, rest = first_parts(place)
                below.setdefault(first, []).extend(replace(each, name=f"{rest}{each.name}") for each in self.at(place))
        return (StoredLayer(name, tuple(arrays)) for name, arrays in below.items())

    def _root(self, name: str) -> Group:
        """A file of weights, opened at the first time."""
        if name not in self._roots:
            place = self._folder / name
            if not (os.path.lexists(place) and stat.S_ISREG(place.lstat().st_mode)):
                raise self.error(
                    f"there is no file {name!r} beside it: all files of the weights must stand in one folder."
                )
            self._roots[name] = self._opened(name, place)
        return self._roots[name]

    def _opened(self, name: str, place: Path) -> Group:
        try:
            return self._files.enter_context(opened(str(place), shown=self.path))
        except ValueError as error:
            raise self.error(f"{name}: {str(error).removeprefix(f'{self.path!r}: ')}") from error


# -- writing ----------------------------------------------------------------------------------------------------------


def write(path: Any, places: Iterable[PlaceToWrite], most: float) -> None:
    """An index of weights, and beside it the files that it names.

    The files of an index that is replaced stay until the new one is there, so that one or the other is always whole:
    the new files take numbers that are free.

    Args:
        path: of the index, which ends in `.weights.json`.
        places: the weights, and the optimizer's state.
        most: the bytes of arrays in one file.

    Raises:
        ValueError: an array that is larger than that.
        OSError: a disk that is full. The weights that were there are whole then.
    """
    target = Path(os.path.realpath(os.fsdecode(path)))
    shards = list(_divided(places, most))
    names = _free_names(target, len(shards))
    old = _shards_of(target)
    try:
        for name, shard in zip(names, shards, strict=True):
            with replacing(target.with_name(name)) as temporary:
                write_places(temporary, shard)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(_index(names, shards), indent=4))
    except BaseException:
        _remove(target, names)
        raise
    _remove(target, old)


def _divided(places: Iterable[PlaceToWrite], most: float) -> Iterator[list[PlaceToWrite]]:
    """The places of each file: a place goes on in the next one where this one is full."""
    shard: list[PlaceToWrite] = []
    size = 0
    for place in places:
        part = replace(place, arrays=[])
        shard.append(part)
        for number, array in enumerate(place.arrays):
            if array.nbytes > most:
                raise ValueError(
                    f"The array {place.path}/{number} has {array.nbytes} bytes, more than max_shard_size allows, "
                    f"{most:.0f}: give a larger one (it is in GB)."
                )
            if size + array.nbytes > most:
                yield shard
                part, size = replace(place, arrays=[], first=number), 0
                shard = [part]
            part.arrays.append(array)
            size += array.nbytes
    yield shard


def _index(names: list[str], shards: list[list[PlaceToWrite]]) -> Config:
    named: dict[str, list[str]] = {}
    for name, shard in zip(names, shards, strict=True):
        for place in shard:
            if place.arrays:
                named.setdefault(f"/{place.path}", []).append(name)
    size = sum(array.nbytes for shard in shards for place in shard for array in place.arrays)
    return {_METADATA: {_SIZE: size}, _MAP: {place: of if len(of) > 1 else of[0] for place, of in named.items()}}


def _free_names(target: Path, count: int) -> list[str]:
    """Names for so many files, numbered from 0 as Keras does, or behind all that are there if one of them is taken."""
    taken = {int(found[1]) for each in target.parent.iterdir() if (found := _pattern(target).fullmatch(each.name))}
    first = 0 if taken.isdisjoint(range(count)) else max(taken) + 1
    return [f"{_base(target)}_{number:05}{_SHARD}" for number in range(first, first + count)]


def _base(target: Path) -> str:
    return target.name.removesuffix(ENDING)


def _pattern(target: Path) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(_base(target))}_(\d{{5,}}){re.escape(_SHARD)}", re.ASCII)


def _shards_of(target: Path) -> list[str]:
    """The files that belong to the index that is there."""
    with suppress(OSError, ValueError), ExitStack() as files:
        shards = _Shards(str(target), files)
        names = {name for names in shards._map.values() for name in names}
        return [name for name in names if _pattern(target).fullmatch(name)]
    return []


def _remove(target: Path, names: Iterable[str]) -> None:
    for name in names:
        target.with_name(name).unlink(missing_ok=True)
