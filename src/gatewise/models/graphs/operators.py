"""What an operator of a graph is here: a function of a step and its input arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Final, TypeAlias

import numpy as np

from gatewise.formats.graph import Graph, Node

Operator: TypeAlias = Callable[..., Any]
"""Takes a `Step` and arrays, None for an input that is left out; gives an array, or a tuple of them."""

Operators: TypeAlias = dict[tuple[str, str], Operator]
"""Those of a format, by domain and name."""
MOST_BYTES: Final = 1 << 30
"""Of an array that is made of a shape alone: a graph of a few bytes shall not fill the memory."""


@dataclass
class Step:
    """One node, ready to run.

    Attributes:
        node: of the graph.
        version: of the set of operators that its domain has in the file.
        run_inside: runs one of the node's graphs; it sees the values around it.
        kept: what an operator keeps from call to call: packed weights.
    """

    node: Node
    version: int
    run_inside: Callable[[Graph, Mapping[str, Any]], list[Any]]
    kept: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute."""
        return self.node.attributes.get(name, default)

    def refuse_settings(self, **allowed: Any) -> None:
        """Refuse an attribute that has another value than the one that is known here.

        Raises:
            ValueError: naming it.
        """
        for name, value in allowed.items():
            if self.get(name, value) != value:
                raise ValueError(f"the attribute {name}={self.get(name)!r} is not known here; {value!r} is")

    def axes(self, given: np.ndarray | None) -> list[int] | None:
        """Axes, which younger sets of operators have as an input and older ones as an attribute; None for neither."""
        found = self.get("axes") if given is None else given.ravel().tolist()
        return None if found is None else [int(axis) for axis in found]


def sized(shape: Any, dtype: Any) -> tuple[int, ...]:
    """The shape of an array to be made of it.

    Raises:
        ValueError: where it is none, or needs more memory than `MOST_BYTES`.
    """
    sizes = tuple(int(size) for size in shape)
    if any(size < 0 for size in sizes):
        raise ValueError(f"an array of the shape {sizes} cannot be made")
    if prod(sizes) * np.dtype(dtype).itemsize > MOST_BYTES:
        raise ValueError(f"an array of the shape {sizes} takes more than {MOST_BYTES >> 20} MB")
    return sizes


def integers(array: np.ndarray | None) -> list[int]:
    """An input that holds whole numbers, as a list."""
    return [] if array is None else [int(each) for each in array.ravel()]
