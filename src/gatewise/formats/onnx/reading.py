"""ONNX files as plain graphs; nothing is run, and no size is believed before the bytes are there.

Arrays are views of the file's bytes. Those that lie in a file beside it are read only from the same folder.
The fields' numbers are those of ONNX's `onnx.proto3`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from gatewise.formats.contents import ByName, Contents, OfFile, Stored
from gatewise.formats.graph import Graph, Node, Program, Value
from gatewise.formats.onnx.writing import DTYPES
from gatewise.formats.wire import Message, fields

FORMAT: Final = "ONNX"
_NAMES: Final = {number: name for name, number in DTYPES.items()}
_BFLOAT16: Final = 16
_MOST_VERSION: Final = 64
_DEEPEST: Final = 30
"""Graphs inside each other; the deepest that exporters write have five or six."""
_MOST_AXES: Final = 64
_GRAPH, _OPERATORS = 7, 8


def recognises(path: Any) -> bool:
    """Whether it begins with the version of a model, and has a graph and its sets of operators."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        start = file.read(2)
        if len(start) < 2 or start[0] != 8 or not 0 < start[1] < _MOST_VERSION:
            return False
        data = memoryview(start + file.read())
    found = set()
    try:
        for number, _ in fields(data):
            found.add(number)
    except ValueError:
        return _GRAPH in found or str(os.fsdecode(path)).endswith(".onnx")  # `open_contents` says what is wrong.
    return {_GRAPH, _OPERATORS} <= found


@contextmanager
def open_contents(path: Any) -> Iterator[Contents]:
    """What the file holds, for as long as the context lasts.

    Raises:
        ValueError: a file that is damaged, or that holds what is not read here.
    """
    program = read(path)
    arrays = [
        Stored(name, array.shape, array.dtype.name, partial(np.array, array))
        for name, array in program.graph.constants.items()
        if array.dtype.kind in "biuf"
    ]
    yield Contents(path, FORMAT, weights=ByName(tuple(arrays)), backend=program.producer or None, program=program)


def read(path: Any) -> Program:
    """The graph of a file.

    Raises:
        ValueError: a file that is damaged, or that holds what is not read here.
    """
    file = _File(path)
    try:
        return file.program(Message(memoryview(Path(os.fsdecode(path)).read_bytes())))
    except ValueError as error:
        if file.told(error):
            raise
        raise file.error(f"the ONNX graph is damaged: {error}.") from None


class _File(OfFile):
    """A file, in which nothing is trusted."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def program(self, model: Message) -> Program:
        """The whole."""
        if not model.has(_GRAPH):
            raise self.error("it has no graph: the file is damaged or cut short.")
        if model.has(25):
            raise self.error("it has functions of its own, which are not read here: export it with them inlined.")
        versions = {_domain(each.text(1)): each.signed(2) for each in model.messages(_OPERATORS)}
        producer = f"{model.text(2)} {model.text(3)}".strip()
        return Program(self.graph(Message(model.view(_GRAPH)), 0), versions, producer)

    def graph(self, message: Message, depth: int) -> Graph:
        """A graph, and those inside it."""
        if depth > _DEEPEST:
            raise self.error(f"it has graphs inside each other more than {_DEEPEST} deep.")
        if message.has(15):
            raise self.error("it has sparse arrays, which are not read here: export it with dense ones.")
        return Graph(
            message.text(2),
            tuple(self.node(each, depth) for each in message.messages(1)),
            dict(self.named_array(each) for each in message.messages(5)),
            tuple(map(_value, message.messages(11))),
            tuple(map(_value, message.messages(12))),
        )

    def node(self, message: Message, depth: int) -> Node:
        """One operator."""
        attributes = {each.text(1): self.attribute(each, depth) for each in message.messages(5)}
        inputs, outputs = tuple(message.texts(1)), tuple(message.texts(2))
        return Node(message.text(4), _domain(message.text(7)), inputs, outputs, attributes, message.text(3))

    def attribute(self, message: Message, depth: int) -> Any:
        """The value of an attribute, which says its kind; older files left that out for what they have."""
        kind = message.number(20) or next((kind for kind, place in _PLACES.items() if message.has(place)), 0)
        if kind not in _PLACES:
            raise self.error(f"the attribute {message.text(1)!r} is of the kind {kind}, which is not read here.")
        if kind == _TENSOR:
            return self.named_array(Message(message.view(5)))[1]
        if kind == _GRAPH_INSIDE:
            return self.graph(Message(message.view(6)), depth + 1)
        return _SIMPLE[kind](message)

    def named_array(self, message: Message) -> tuple[str, np.ndarray]:
        """An array and its name."""
        name, shape, kind = message.text(8), tuple(message.numbers(1)), message.number(2)
        if len(shape) > _MOST_AXES or any(size < 0 for size in shape):
            raise self.error(f"the array {name!r} has the shape {shape}: the file is damaged.")
        if kind == _STRING:
            return name, self._sized(name, np.array(message.texts(6), object), shape)
        dtype = np.dtype("u2") if kind == _BFLOAT16 else np.dtype(_NAMES[kind]) if kind in _NAMES else None
        if dtype is None:
            raise self.error(f"the array {name!r} is of the kind {kind}, which is not read here.")
        if message.number(14) == 1:
            flat = np.frombuffer(self._beside(name, message, math.prod(shape) * dtype.itemsize), dtype)
        elif message.has(9):
            data = message.view(9)
            if len(data) % dtype.itemsize:
                raise self.error(f"the array {name!r} has {len(data)} bytes of {dtype}: the file is damaged.")
            flat = np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False)
        else:
            flat = _listed(message, dtype)
        if kind == _BFLOAT16:
            flat = (flat.astype("uint32") << 16).view("float32")
        return name, self._sized(name, flat, shape)

    def _sized(self, name: str, flat: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        if flat.size != math.prod(shape):
            raise self.error(f"the array {name!r} of shape {shape} has {flat.size} numbers: the file is damaged.")
        return flat.reshape(shape)

    def _beside(self, name: str, message: Message, size: int) -> bytes:
        """The bytes of an array that lies in a file of the same folder."""
        facts = {each.text(1): each.text(2) for each in message.messages(13)}
        folder = Path(os.fsdecode(self.path)).resolve().parent
        where = facts.get("location", "")
        place = (folder / where).resolve()
        if not where or os.path.isabs(where) or folder not in place.parents or not place.is_file():
            raise self.error(f"the array {name!r} lies in {where!r}, which is no file in the model's folder.")
        offset = int(facts["offset"]) if facts.get("offset", "").isdecimal() else 0
        if offset + size > place.stat().st_size:
            raise self.error(f"the array {name!r} goes beyond the end of {where!r}: it is cut short.")
        with place.open("rb") as file:
            file.seek(offset)
            return file.read(size)


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _value(message: Message) -> Value:
    """The name, dtype and shape of an input or output."""
    tensor = Message(Message(message.view(2)).view(1))
    shape = None
    if tensor.has(2):
        shape = tuple(
            each.signed(1) if each.has(1) else each.text(2) or None for each in Message(tensor.view(2)).messages(1)
        )
    return Value(message.text(1), _NAMES.get(tensor.number(1)), shape)


def _floats(message: Message, place: int, dtype: str = "<f4") -> np.ndarray:
    """Floats of a repeated field, each by itself or many packed in bytes."""
    size = np.dtype(dtype).itemsize
    parts = [value.to_bytes(size, "little") if isinstance(value, int) else bytes(value) for value in message.all(place)]
    data = b"".join(parts)
    if len(data) % size:
        raise ValueError(f"a list of floats has {len(data)} bytes")
    return np.frombuffer(data, dtype)


def _listed(message: Message, dtype: np.dtype[Any]) -> np.ndarray:
    """Numbers that a file holds one by one instead of as bytes."""
    if dtype == np.float32:
        return _floats(message, 4)
    if dtype == np.float64:
        return _floats(message, 10, "<f8")
    place = 7 if dtype == np.int64 else 11 if dtype in (np.uint32, np.uint64) else 5
    numbers = np.array([number & 0xFFFF_FFFF_FFFF_FFFF for number in message.numbers(place)], "uint64")
    if dtype == np.float16:
        return numbers.astype("uint16").view("float16")
    return numbers.astype("int64").astype(dtype)


_STRING: Final = 8
_TENSOR, _GRAPH_INSIDE = 4, 5
_PLACES: Final = {1: 2, 2: 3, 3: 4, _TENSOR: 5, _GRAPH_INSIDE: 6, 6: 7, 7: 8, 8: 9}
"""The field of each kind of attribute: FLOAT, INT, STRING, TENSOR, GRAPH, FLOATS, INTS, STRINGS."""


def _float(message: Message) -> float:
    found = _floats(message, 2)
    return float(found[-1]) if len(found) else 0.0


_SIMPLE: Final[dict[int, Callable[[Message], Any]]] = {
    1: _float,
    2: lambda message: message.signed(3),
    3: lambda message: message.text(4),
    6: lambda message: _floats(message, 7).tolist(),
    7: lambda message: message.numbers(8),
    8: lambda message: message.texts(9),
}
