"""Frozen graphs of TensorFlow 1, `.pb`: a program with its weights as constants.

`models/tensorflow1` runs the program; `load_weights_from` takes the constants, by their names, for a model in code.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from gatewise.formats.contents import ByName, Contents, OfFile, Stored
from gatewise.formats.tensorflow.bundle import DTYPES
from gatewise.formats.tensorflow.graph import BFLOAT16, Graph, node_of
from gatewise.formats.wire import Message, varint

FORMAT: Final = "TensorFlow frozen graph"
_MOST_NODE: Final = 1 << 12
_LISTS: Final = {
    1: (5, "<f4"),
    2: (6, "<f8"),
    3: (7, ""),
    4: (7, ""),
    5: (7, ""),
    6: (7, ""),
    9: (10, ""),
    10: (11, ""),
}
"""For dtypes whose numbers may be a list: its field, and for floats their form."""


def recognises(path: Any) -> bool:
    """Whether it begins with a node: a name and an operator."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        start = file.read(_MOST_NODE)
    try:
        size, place = varint(start, 1)
        names = (b"\x0a", b"\x12") if start[:1] == b"\x0a" and 4 <= size <= os.path.getsize(path) else ()
        for tag in names:  # Texts: the name, then the operator.
            length, after = varint(start, place + 1)
            text = start[after : after + length]
            if start[place : place + 1] != tag or not 0 < length < 512 or not text.isascii() or b" " in text:
                return False
            place = after + length
        return bool(names) and text[:1].isalpha() and text.replace(b"_", b"").isalnum()
    except ValueError:
        return False


@contextmanager
def open_contents(path: Any) -> Iterator[Contents]:
    """What the file holds, for as long as the context lasts.

    Raises:
        ValueError: a file that is damaged, or without constants.
    """
    graph = read(path)
    arrays = tuple(graph.constants.values())
    if not arrays:
        raise _File(path).error(
            "the graph has no constants of numbers: it is a program whose weights lie elsewhere. Load its checkpoint."
        )
    yield Contents(path, FORMAT, weights=ByName(arrays), backend="tensorflow", program=graph)


def read(path: Any) -> Graph:
    """The graph of a file.

    Raises:
        ValueError: a file that is damaged.
    """
    file = _File(path)
    try:
        return file.graph()
    except ValueError as error:
        if file.told(error):
            raise
        raise file.error(f"the graph is damaged or cut short: {error}.") from None


class _File(OfFile):
    """A file, in which nothing is trusted."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def graph(self) -> Graph:
        """The nodes and constants."""
        data = memoryview(Path(os.fsdecode(self.path)).read_bytes())
        nodes, constants = {}, {}
        for message in Message(data).messages(1):
            node = nodes[message.text(1)] = node_of(message)
            stored = self._constant(message) if node.operator == "Const" else None
            if stored is not None:
                constants[node.name] = stored
        return Graph(nodes, constants)

    def _constant(self, node: Message) -> Stored | None:
        """The numbers of a constant; None for one that holds texts."""
        for attribute in node.messages(5):
            if attribute.text(1) == "value":
                tensor = Message(Message(attribute.view(2)).view(8))
                if tensor.number(1) in DTYPES:
                    return self._stored(node.text(1), tensor)
        return None

    def _stored(self, name: str, tensor: Message) -> Stored:
        shape = tuple(size.signed(1) for size in Message(tensor.view(2)).messages(2))
        kind = tensor.number(1)
        dtype = np.dtype(DTYPES[kind])
        count = math.prod(shape)
        if any(size < 0 for size in shape) or len(shape) > 32:
            raise self.error(f"the constant {name!r} has the shape {shape}: the file is damaged.")
        shown = "float32" if kind == BFLOAT16 else dtype.name
        content = tensor.view(4)
        if len(content) == count * dtype.itemsize:
            return Stored(name, shape, shown, partial(_of_bytes, content, dtype, shape, kind))
        values = _listed(tensor, kind)
        if len(content) or len(values) > count or count > _MOST_REPEATED * max(1, len(values)):
            raise self.error(f"the constant {name!r} of shape {shape} has {len(values)} numbers: the file is damaged.")
        return Stored(name, shape, shown, partial(_repeated, values, dtype, shape))


_MOST_REPEATED: Final = 1 << 24
"""How often the last number of a short list may stand for those behind it."""


def _of_bytes(content: Any, dtype: np.dtype[Any], shape: tuple[int, ...], kind: int) -> np.ndarray:
    found = np.frombuffer(content, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    return (found.astype("uint32") << 16).view("float32") if kind == BFLOAT16 else found


def _listed(tensor: Message, kind: int) -> np.ndarray:
    """Numbers that stand one by one."""
    if kind not in _LISTS:
        return np.zeros(0)
    place, form = _LISTS[kind]
    if not form:
        return np.array(tensor.numbers(place), "int64")
    size = np.dtype(form).itemsize
    parts = [value.to_bytes(size, "little") if isinstance(value, int) else bytes(value) for value in tensor.all(place)]
    data = b"".join(parts)
    if len(data) % size:
        raise ValueError(f"a list of floats has {len(data)} bytes")
    return np.frombuffer(data, form)


def _repeated(values: np.ndarray, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray:
    """A list, whose last number stands for all that are missing; without any they are zeros."""
    made = np.empty(math.prod(shape), dtype)
    made[: len(values)] = values.astype(dtype)
    made[len(values) :] = values[-1].astype(dtype) if len(values) else 0
    return made.reshape(shape)
