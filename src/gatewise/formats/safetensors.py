"""Safetensors files: named arrays of plain numbers, behind a header of JSON. Nothing in them can run.

    8 bytes          the header's length N, little-endian
    N bytes          {"name": {"dtype": "F32", "shape": [3, 4], "data_offsets": [from, to]}, ..., "__metadata__": {...}}
    the rest         the arrays, one behind the other

A model of Gatewise's is such a file, with its config, its version and how it was compiled as texts of the metadata, and
its weights by the places that Keras 3 has for them. Whoever else wrote the file, its arrays are read by their names.
The file is mapped into memory: an array is read when a weight takes it.

Source: https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from gatewise.base.typing import Config
from gatewise.formats.contents import ByName, ByPlace, Contents, OfFile, Stored, StoredLayer
from gatewise.formats.places import OPTIMIZER, PlaceToWrite, first_parts

FORMAT: Final = "safetensors"
META: Final = "__metadata__"
CONFIG, VERSION, COMPILED = "gatewise.config", "gatewise.keras_version", "gatewise.compile_config"
"""The texts by which a file is a model of ours."""
_MOST_HEADER: Final = 100_000_000
_LENGTH: Final = struct.Struct("<Q")

DTYPES: Final = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
"""The words of the format, and what NumPy calls the bytes; bfloat16 are the upper halves of float32."""
_WORDS: Final = {np.dtype(name).newbyteorder("=").name: word for word, name in DTYPES.items() if word != "BF16"} | {
    "bfloat16": "BF16"
}


def recognises(path: Any) -> bool:
    """Whether it begins with a length and a JSON object of that length."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        start = file.read(_LENGTH.size + 1)
    size = os.path.getsize(path)
    return len(start) > _LENGTH.size and start[-1:] == b"{" and 2 <= _LENGTH.unpack_from(start)[0] <= size


@contextmanager
def open_contents(path: Any) -> Iterator[Contents]:
    """What the file holds, for as long as the context lasts.

    Raises:
        ValueError: a file that is damaged.
    """
    file = _File(path)
    with file.opened():
        arrays = file.arrays()
        yield _contents(file, arrays)


def _contents(file: _File, arrays: dict[str, Stored]) -> Contents:
    texts = file.texts
    if VERSION not in texts:  # Another library's.
        return Contents(file.path, FORMAT, weights=ByName(tuple(arrays.values())))
    places = _places(arrays)
    optimizer = tuple(places.pop(OPTIMIZER, ()))
    compiled = file.json(COMPILED) if COMPILED in texts else None
    return Contents(
        file.path,
        FORMAT,
        config=_model_config(file) if CONFIG in texts else None,
        weights=ByPlace(lambda place: places.get(place, ()), lambda: _layers(places)),
        keras_version=texts.get(VERSION),
        compile_config=compiled,
        training_config=compiled is not None,
        optimizer=optimizer,
        optimizer_weights=bool(optimizer),
    )


def _model_config(file: _File) -> Config:
    config = file.json(CONFIG)
    if not isinstance(config.get("class_name"), str):
        raise file.error(f"the model's config must have a class_name, got {str(config)[:60]!r}.")
    return config


def _places(arrays: dict[str, Stored]) -> dict[str, list[Stored]]:
    """The arrays at each place, in the order of their numbers: "layers/lstm/cell/vars/0" is the first of its place."""
    places: dict[str, list[tuple[int, Stored]]] = {}
    for name, array in arrays.items():
        place, _, number = name.rpartition("/")
        if place and number.isdecimal():
            places.setdefault(place, []).append((int(number), array))
    return {place: [array for _, array in sorted(found, key=lambda each: each[0])] for place, found in places.items()}


def _layers(places: dict[str, list[Stored]]) -> Iterator[StoredLayer]:
    """The layers directly in the model, with all arrays below each."""
    below: dict[str, list[Stored]] = {}
    for place, arrays in places.items():
        below.setdefault(first_parts(place)[0], []).extend(arrays)
    return (StoredLayer(name, tuple(arrays)) for name, arrays in below.items())


class _File(OfFile):
    """A file, in which nothing is trusted."""

    texts: dict[str, str]

    def __init__(self, path: Any) -> None:
        self.path = path
        self._bytes: mmap.mmap
        self._header: Config = {}
        self._start = 0

    @contextmanager
    def opened(self) -> Iterator[None]:
        with open(self.path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as self._bytes:
            self._read_header()
            yield

    def _read_header(self) -> None:
        (length,) = _LENGTH.unpack_from(self._bytes)
        self._start = _LENGTH.size + length
        if length > _MOST_HEADER or self._start > len(self._bytes):
            raise self.error(f"the header claims {length} bytes: the file is damaged or cut short.")
        self._header = self._object("the header", self._bytes[_LENGTH.size : self._start])
        texts = self._header.pop(META, {})
        if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
            raise self.error(f"{META} must hold texts.")
        self.texts = texts

    def json(self, name: str) -> Config:
        """A text of the metadata that is an object of JSON."""
        return self._object(name, self.texts[name].encode())

    def _object(self, what: str, data: bytes) -> Config:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self.error(f"{what} is not JSON ({error}): the file is damaged.") from error
        if not isinstance(found, dict):
            raise self.error(f"{what} must be a JSON object, got {str(found)[:60]!r}.")
        return found

    def arrays(self) -> dict[str, Stored]:
        """All arrays, by name."""
        return {name: self._stored(name, entry) for name, entry in self._header.items()}

    def _stored(self, name: str, entry: Any) -> Stored:
        entry = entry if isinstance(entry, dict) else {}
        word, shape, ends = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
        if not isinstance(word, str) or word not in DTYPES:
            raise self.error(f"the array {name!r} has the dtype {word!r}, which is none of {', '.join(DTYPES)}.")
        if not _counts(shape) or not _counts(ends) or len(ends) != 2:
            raise self.error(f"the array {name!r} has the shape {shape!r} and the place {ends!r}: the file is damaged.")
        dtype, count = np.dtype(DTYPES[word]), 1
        for size in shape:
            count *= size
        if ends[1] - ends[0] != count * dtype.itemsize or self._start + ends[1] > len(self._bytes):
            raise self.error(
                f"the array {name!r} of shape {tuple(shape)} and dtype {word} does not fit its place {ends}: the file "
                "is damaged or cut short."
            )
        given = "float32" if word == "BF16" else dtype.newbyteorder("=").name
        return Stored(name, tuple(shape), given, lambda: self._read(word, tuple(shape), count, self._start + ends[0]))

    def _read(self, word: str, shape: tuple[int, ...], count: int, offset: int) -> np.ndarray:
        found = np.frombuffer(self._bytes, DTYPES[word], count, offset) if count else np.empty(0, DTYPES[word])
        if word == "BF16":
            found = (found.astype("uint32") << 16).view("float32")
        return found.astype(found.dtype.newbyteorder("=")).reshape(shape)


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(each) is int and each >= 0 for each in value)


def write(path: Any, texts: dict[str, str], places: Iterable[PlaceToWrite]) -> None:
    """A file of arrays by place, with texts beside them.

    Args:
        path: of a file to make anew.
        texts: the metadata.
        places: the weights, and the optimizer's state.
    """
    write_arrays(path, texts, {f"{place.path}/{n}": array for place in places for n, array in enumerate(place.arrays)})


def write_arrays(path: Any, texts: dict[str, str], arrays: dict[str, np.ndarray]) -> None:
    """A file of named arrays, with texts beside them.

    Raises:
        ValueError: for an array of a dtype that the format has not.
    """
    entries: Config = {META: texts} if texts else {}
    end = 0
    for name, array in arrays.items():
        word = _WORDS.get(array.dtype.name)
        if word is None:
            raise ValueError(f"safetensors: the array {name!r} is of {array.dtype}, which the format has not.")
        entries[name] = {"dtype": word, "shape": list(array.shape), "data_offsets": [end, end := end + array.nbytes]}
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(_LENGTH.pack(len(header)) + header)
        for array in arrays.values():
            plain = array.view("uint16") if array.dtype.name == "bfloat16" else array
            file.write(np.ascontiguousarray(plain, plain.dtype.newbyteorder("<")).data)
