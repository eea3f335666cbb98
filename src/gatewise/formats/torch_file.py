"""Files of PyTorch: the tensors of `torch.save`, by their names, without PyTorch and without unpickling.

Since 1.6 such a file is a zip archive, before it was five pickles and then bytes:

    zip                 NAME/data.pkl, a pickle; NAME/data/KEY, the bytes of each storage; NAME/byteorder
    older               pickles: a magic number, 1001, facts of the writer, the object, the storages' keys; then each
                        storage, a count of eight bytes and its numbers

The pickle builds dicts and tensors by a few names (`torch._utils._rebuild_tensor_v2`, ...), which are known here.
Whatever else it names, classes of the writer's own too, becomes an `Unknown` that holds what it was given and can do
nothing. So a module that was saved whole gives its tensors as well.

Source: what PyTorch 2 writes, and https://docs.pytorch.org/docs/main/notes/serialization.html.
"""

from __future__ import annotations

import math
import os
import struct
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any, Final, Literal

import numpy as np

from gatewise.base.foreign import shown
from gatewise.base.pickles import Machine
from gatewise.formats import zips
from gatewise.formats.contents import ByName, Contents, OfFile, Stored

FORMAT: Final = "PyTorch"
_ZIP: Final = b"PK\x03\x04"
_MAGIC: Final = 0x1950A86A20F9469CFC6C
_OLD: Final = b"\x8a\x0a" + _MAGIC.to_bytes(10, "little")
"""The magic number as an instruction of a pickle; one that says its protocol stands before."""
_DATA: Final = "data.pkl"
_MOST_PICKLE: Final = 1 << 28
_DEEPEST: Final = 50
_MOST_REPEATED: Final = 1 << 24
"""Numbers of a tensor that repeats those of a smaller storage."""

DTYPES: Final = {
    "Float": "f4", "Double": "f8", "Half": "f2", "Long": "i8", "Int": "i4", "Short": "i2", "Char": "i1", "Byte": "u1",
    "Bool": "?", "BFloat16": "u2", "float32": "f4", "float64": "f8", "float16": "f2", "int64": "i8", "int32": "i4",
    "int16": "i2", "int8": "i1", "uint8": "u1", "bool": "?", "bfloat16": "u2", "uint16": "u2", "uint32": "u4",
    "uint64": "u8",
}  # fmt: skip
"""PyTorch's words for dtypes, and what NumPy calls them; bfloat16 are the upper halves of float32."""


def recognises(path: Any) -> bool:
    """Whether it is an archive with a `data.pkl`, or begins with the older form's magic number."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        start = file.read(64)
    if _OLD in start:
        return True
    return start.startswith(_ZIP) and any(name.rpartition("/")[2] == _DATA for name in zips.names(path))


@contextmanager
def open_contents(path: Any) -> Iterator[Contents]:
    """What the file holds, for as long as the context lasts.

    Raises:
        ValueError: a file that is damaged.
    """
    with open(path, "rb") as file:
        is_zip = file.read(len(_ZIP)) == _ZIP
        file.seek(0)
        source = _Zip(path) if is_zip else _Old(path, file)
        with source.opened():
            arrays = [source.stored(name, tensor) for name, tensor in tensors(source.read())]
            yield Contents(path, FORMAT, weights=ByName(tuple(arrays)))


# -- what the pickle describes ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Storage:
    """Numbers in a row: `word` is PyTorch's for their dtype."""

    word: str
    key: str
    count: int


@dataclass(frozen=True)
class TensorOfFile:
    """A view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass
class Unknown:
    """Something of a class that is not known here, with what it was given."""

    name: str
    args: Any = None
    state: Any = field(default=None)


def tensors(tree: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, TensorOfFile]]:
    """All tensors in what a file describes, by their names: "state_dict.lstm.weight_ih_l0".

    Raises:
        ValueError: dicts inside each other deeper than any model's.
    """
    if depth > _DEEPEST:
        raise ValueError(f"it holds dicts inside each other more than {_DEEPEST} deep.")
    if isinstance(tree, TensorOfFile):
        yield prefix, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from tensors(value, f"{prefix}.{key}" if prefix else str(key), depth + 1)
    elif isinstance(tree, (list, tuple)):
        for place, value in enumerate(tree):
            yield from tensors(value, f"{prefix}.{place}" if prefix else str(place), depth + 1)
    elif isinstance(tree, Unknown) and isinstance(tree.state, dict):
        for part in ("_parameters", "_buffers", "_modules"):  # Of a module that was saved whole.
            if isinstance(tree.state.get(part), dict):
                yield from tensors(tree.state[part], prefix, depth + 1)


class _Pickle(Machine):
    """A pickle in which names stand for tensors."""

    def named(self, name: str) -> Any:
        module, _, last = name.partition(" ")
        if name in _CALLS:
            return _CALLS[name]
        word = last.removesuffix("Storage")
        if module.partition(".")[0] == "torch" and word in DTYPES:
            return word
        return Unknown(name.replace(" ", "."))

    def called(self, what: Any, args: Any) -> Any:
        if isinstance(what, Unknown):
            return Unknown(what.name, args)
        if not callable(what) or not isinstance(args, tuple):
            raise ValueError("it calls something that is no function.")
        return what(*args)

    def made(self, what: Any, args: Any) -> Any:
        return Unknown(str(getattr(what, "name", what)), args)

    def filled(self, target: Any, state: Any) -> None:
        if isinstance(target, Unknown):
            target.state = state
        elif not isinstance(target, (dict, TensorOfFile)):  # An OrderedDict's attributes are of no use.
            raise ValueError("it changes something that is no object.")

    def kept_elsewhere(self, key: Any) -> Any:
        if key[0] == "module":  # The older form keeps the source of a module's class.
            return key[1]
        kind, word, name, _, count, *_ = key
        if kind != "storage" or not isinstance(word, str) or not isinstance(count, int):
            raise ValueError(f"it needs {shown(key)}, which is no storage of numbers.")
        return Storage(word, str(name), count)


def _ordered(pairs: Any = ()) -> dict[Any, Any]:
    return dict(pairs)


def _tensor(storage: Storage, offset: int, shape: Any, strides: Any, *_: Any) -> TensorOfFile:
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, Storage) or not all(type(n) is int and n >= 0 for n in numbers):
        raise ValueError(f"it has a tensor of the shape {shown(shape)} and strides {shown(strides)}.")
    if len(shape) != len(strides):
        raise ValueError(f"it has a tensor of the shape {shown(shape)} with strides {shown(strides)}.")
    return TensorOfFile(storage, offset, tuple(shape), tuple(strides))


def _parameter(data: Any, *_: Any) -> Any:
    return data


def _tensor_from_type(_: Any, __: Any, data: Any, *___: Any) -> Any:
    return _tensor(*data) if isinstance(data, tuple) and data and isinstance(data[0], Storage) else data


_CALLS: Final[dict[str, Callable[..., Any]]] = {
    "collections OrderedDict": _ordered,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_tensor": _tensor,
    "torch._utils _rebuild_parameter": _parameter,
    "torch._utils _rebuild_parameter_with_state": _parameter,
    "torch._tensor _rebuild_from_type_v2": _tensor_from_type,
    "torch Size": tuple,
    "builtins set": lambda items=(): tuple(items),
    "__builtin__ set": lambda items=(): tuple(items),
}


# -- where the numbers are --------------------------------------------------------------------------------------------


class _File(OfFile, ABC):
    """What both forms share: a pickle's object, and tensors of storages whose bytes `_bytes` gives."""

    order: Literal["<", ">"] = "<"

    def __init__(self, path: Any) -> None:
        self.path = path

    @abstractmethod
    def opened(self) -> AbstractContextManager[None]:
        """A context in which the file can be read."""

    @abstractmethod
    def read(self) -> Any:
        """What the pickle describes."""

    @abstractmethod
    def _size(self, storage: Storage) -> int:
        """How many bytes the file has for a storage."""

    @abstractmethod
    def _bytes(self, storage: Storage) -> bytes:
        """The bytes of a storage."""

    def stored(self, name: str, tensor: TensorOfFile) -> Stored:
        """A tensor as an array to read.

        Raises:
            ValueError: one that does not lie within its storage.
        """
        storage = tensor.storage
        dtype = np.dtype(DTYPES[storage.word]).newbyteorder(self.order)
        last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
        empty = 0 in tensor.shape
        if not empty and (last >= storage.count or storage.count * dtype.itemsize > self._size(storage)):
            raise self.error(f"the tensor {name!r} of shape {tensor.shape} lies outside its storage: it is damaged.")
        if math.prod(tensor.shape) > max(storage.count, _MOST_REPEATED):
            raise self.error(f"the tensor {name!r} of shape {tensor.shape} repeats {storage.count} numbers: damaged.")
        shown = "float32" if storage.word in ("BFloat16", "bfloat16") else dtype.newbyteorder("=").name
        return Stored(name, tensor.shape, shown, partial(self._array, tensor, dtype, shown))

    def _array(self, tensor: TensorOfFile, dtype: Any, shown: str) -> np.ndarray:
        if 0 in tensor.shape:
            return np.zeros(tensor.shape, shown)
        flat = np.frombuffer(self._bytes(tensor.storage), dtype, tensor.storage.count)
        steps = [step * dtype.itemsize for step in tensor.strides]
        found = np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, steps, writeable=False)
        if shown == "float32" and dtype.kind == "u":
            return (found.astype("uint32") << 16).view("float32")
        return found.astype(shown)

    def _described(self, pickle: bytes | IO[bytes]) -> Any:
        try:
            return _Pickle().read(pickle)
        except (ValueError, RecursionError) as error:
            raise self.error(f"its pickle cannot be read: {error}") from None


class _Zip(_File):
    """The form of PyTorch 1.6 and later."""

    _archive: zipfile.ZipFile
    _root: str

    @contextmanager
    def opened(self) -> Iterator[None]:
        with zips.opened(self) as self._archive:
            found = [name for name in self._archive.namelist() if name.rpartition("/")[2] == _DATA]
            if len(found) != 1:
                raise self.error(f"the archive has {len(found)} pickles {_DATA!r}; a file of PyTorch's has one.")
            self._root = found[0].removesuffix(_DATA)
            if f"{self._root}byteorder" in self._archive.namelist():
                self.order = ">" if self._entry("byteorder", 16) == b"big" else "<"
            yield

    def read(self) -> Any:
        return self._described(self._entry(_DATA, _MOST_PICKLE))

    def _entry(self, name: str, most: int) -> bytes:
        entry = self._archive.getinfo(self._root + name)
        if entry.file_size > min(most, os.path.getsize(self.path)):  # PyTorch packs nothing.
            raise self.error(f"{name} claims {entry.file_size} bytes, more than it can have: the file is damaged.")
        return zips.read(self._archive, entry)

    def _size(self, storage: Storage) -> int:
        name = f"{self._root}data/{storage.key}"
        return self._archive.getinfo(name).file_size if name in self._archive.NameToInfo else 0

    def _bytes(self, storage: Storage) -> bytes:
        return self._entry(f"data/{storage.key}", os.path.getsize(self.path))


class _Old(_File):
    """The form before 1.6."""

    def __init__(self, path: Any, file: IO[bytes]) -> None:
        super().__init__(path)
        self._file = file
        self._places: dict[str, int] = {}
        self._counts: dict[str, int] = {}

    @contextmanager
    def opened(self) -> Iterator[None]:
        yield

    def read(self) -> Any:
        magic, version = self._described(self._file), self._described(self._file)
        if magic != _MAGIC or version != 1001:
            raise self.error(f"it has the version {shown(version)} of PyTorch's older form; 1001 is read.")
        self._described(self._file)
        found = self._described(self._file)
        keys = self._described(self._file)
        if not isinstance(keys, list):
            raise self.error("it has no list of storages: the file is damaged.")
        self._find(keys, {t.storage.key: t.storage for _, t in tensors(found)})
        return found

    def _find(self, keys: list[Any], known: dict[str, Storage]) -> None:
        """Where each storage begins."""
        size = os.path.getsize(self.path)
        for key in map(str, keys):
            start = self._file.read(8)
            if len(start) < 8 or key not in known:
                raise self.error("it is cut short, or damaged.")
            (count,) = struct.unpack("<q", start)
            self._places[key] = self._file.tell()
            self._counts[key] = count * np.dtype(DTYPES[known[key].word]).itemsize
            if count < 0 or self._places[key] + self._counts[key] > size:
                raise self.error(f"the storage {key} claims {count} numbers, more than the file has: it is cut short.")
            self._file.seek(self._counts[key], os.SEEK_CUR)

    def _size(self, storage: Storage) -> int:
        return self._counts.get(storage.key, 0)

    def _bytes(self, storage: Storage) -> bytes:
        self._file.seek(self._places[storage.key])
        return self._file.read(self._counts[storage.key])
