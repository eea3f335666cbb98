"""What a file holds that says itself how it computes (ONNX, TFLite), as plain objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Value:
    """An input or output of a graph.

    Attributes:
        name: of the value.
        dtype: NumPy's name; None where the file does not say it.
        shape: a size that differs from call to call is a name, or None; the whole is None where the file says nothing.
    """

    name: str
    dtype: str | None = None
    shape: tuple[int | str | None, ...] | None = None


@dataclass(frozen=True)
class Node:
    """An operator with its inputs, by the names of values.

    Attributes:
        operator: "LSTM".
        domain: whose operator it is: "" for ONNX's own, "tflite".
        inputs, outputs: names; "" for one that is left out.
        attributes: numbers, texts, lists of them, arrays and graphs, by name.
        name: of the node, for messages.
    """

    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    name: str = ""

    @property
    def label(self) -> str:
        """What errors call it."""
        return f"{self.operator} {self.name!r}" if self.name else self.operator

    def graphs(self) -> Iterator[Graph]:
        """The graphs inside: the branches of an If, the body of a Loop."""
        return (value for value in self.attributes.values() if isinstance(value, Graph))


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which they can be run.

    Attributes:
        constants: the arrays that the file holds, by name.
        inputs: of a call; those that have a constant need not be given.
    """

    name: str
    nodes: tuple[Node, ...]
    constants: Mapping[str, np.ndarray]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]

    def all_nodes(self) -> Iterator[Node]:
        """The nodes, each followed by those of the graphs inside it."""
        for node in self.nodes:
            yield node
            for inner in node.graphs():
                yield from inner.all_nodes()


@dataclass(frozen=True)
class Program:
    """A whole file.

    Attributes:
        graph: what it computes.
        versions: of the sets of operators, by domain.
        producer: what wrote the file: "pytorch 2.5.1".
        format: of the file: "ONNX".
    """

    graph: Graph
    versions: Mapping[str, int] = field(default_factory=dict)
    producer: str = ""
    format: str = "ONNX"
