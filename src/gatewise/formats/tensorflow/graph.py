"""What a graph of TensorFlow 1 holds, as plain objects, and how it is read: nodes with inputs, attributes, constants.

Source: TensorFlow's `graph.proto`, `node_def.proto`, `attr_value.proto` and `tensor.proto`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

from gatewise.formats.contents import Stored
from gatewise.formats.tensorflow.bundle import DTYPES
from gatewise.formats.wire import Message

_MOST_AXES: Final = 32


class Ref(NamedTuple):
    """One output of a node."""

    node: str
    port: int = 0


@dataclass(frozen=True)
class Node:
    """An operator with its inputs.

    Attributes:
        name: by which others know it.
        operator: "MatMul".
        inputs: what it computes with.
        waits: the names of nodes that come before it for another reason.
        attributes: numbers, texts, and for shapes tuples, in which None is a size that is not known.
    """

    name: str
    operator: str
    inputs: tuple[Ref, ...]
    waits: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def label(self) -> str:
        """What errors call it."""
        return f"{self.operator} {self.name!r}"

    def dtype(self, name: str) -> str:
        """An attribute that is a dtype, by NumPy's name.

        Raises:
            ValueError: for one that is no plain numbers.
        """
        number = self.attributes.get(name, 0)
        if number not in DTYPES:
            raise ValueError(f"{name} is TensorFlow's dtype {number}, which is no plain numbers")
        return "float32" if number == BFLOAT16 else np.dtype(DTYPES[number]).name


BFLOAT16: Final = 14


@dataclass(frozen=True)
class Graph:
    """A whole graph.

    Attributes:
        nodes: by name, in the file's order.
        constants: the arrays of nodes that hold numbers, by their names.
    """

    nodes: Mapping[str, Node]
    constants: Mapping[str, Stored]

    @cached_property
    def followers(self) -> dict[str, list[str]]:
        """The nodes that need a node, for its values or before them, by its name."""
        found: dict[str, list[str]] = {}
        for node in self.nodes.values():
            for name in dict.fromkeys([*(ref.node for ref in node.inputs), *node.waits]):
                found.setdefault(name, []).append(node.name)
        return found

    @cached_property
    def frames(self) -> dict[str, list[Node]]:
        """Where loops are entered, by the loop's name."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes.values():
            if node.operator == "Enter":
                found.setdefault(str(node.attributes.get("frame_name")), []).append(node)
        return found


def node_of(message: Message) -> Node:
    """A node.

    Raises:
        ValueError: for one that is damaged.
    """
    given = message.texts(3)
    inputs = tuple(_ref(text) for text in given if not text.startswith("^"))
    waits = tuple(text[1:] for text in given if text.startswith("^"))
    attributes = {each.text(1): _attribute(Message(each.view(2))) for each in message.messages(5)}
    return Node(message.text(1), message.text(2), inputs, waits, attributes)


def _ref(text: str) -> Ref:
    name, _, port = text.rpartition(":")
    return Ref(name, int(port)) if name and port.isdecimal() else Ref(text)


def _attribute(value: Message) -> Any:
    if value.has(2):
        return value.text(2)
    for field in (3, 5, 6):
        if value.has(field):
            return value.signed(field)
    if value.has(4):
        return float(np.frombuffer(value.number(4).to_bytes(4, "little"), "<f4")[0])
    if value.has(7):
        return shape_of(Message(value.view(7)))
    if value.has(1):
        listed = Message(value.view(1))
        return tuple(listed.numbers(3))
    return None


def shape_of(message: Message) -> tuple[int | None, ...] | None:
    """A shape; None where it is not known how many axes there are."""
    if message.number(3):
        return None
    sizes: Iterator[int] = (size.signed(1) for size in message.messages(2))
    return tuple(None if size < 0 else size for size in sizes)[:_MOST_AXES]
