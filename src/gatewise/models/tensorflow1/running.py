"""The walk over a graph: its nodes in an order in which each has its inputs.

A branch that is not taken is dead: Switch gives a dead value on one side, what has a dead input is dead, and Merge
takes the living one. That is TensorFlow's own rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np

from gatewise.formats.tensorflow.graph import Graph, Node, Ref
from gatewise.models.tensorflow1.operators import OPERATORS

CONTROL: Final = (
    "Const", "Enter", "Exit", "LoopCond", "Merge", "NextIteration", "Placeholder", "PlaceholderWithDefault", "Switch",
)  # fmt: skip
"""Operators that are no functions of arrays: what they mean is said here and in `loops.py`."""


class _Dead:
    """The outputs of a node in a branch that is not taken, and each of them."""

    def __getitem__(self, port: int) -> _Dead:
        return self


DEAD: Final = _Dead()


def ordered(targets: Iterable[str], needs: Callable[[str], Iterable[str]]) -> list[str]:
    """The targets and all that they need, each behind what it needs.

    Raises:
        ValueError: where something needs itself.

    >>> ordered(["c"], {"c": ["a", "b"], "b": ["a"], "a": []}.__getitem__)
    ['a', 'b', 'c']
    """
    done: dict[str, bool] = {}  # Whether all that it needs stands before it.
    found = []
    waiting = list(targets)
    while waiting:
        name = waiting[-1]
        if name in done:
            waiting.pop()
            if not done[name]:
                done[name] = True
                found.append(name)
            continue
        done[name] = False
        more = [each for each in needs(name) if not done.get(each, False)]
        if any(each in done for each in more):
            raise ValueError(f"the node {name!r} needs itself")
        waiting += more
    return found


class Evaluator:
    """What one node gives.

    Args:
        graph: the whole.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._constants: dict[str, Any] = {}

    def constant(self, node: Node) -> tuple[Any, ...]:
        """What a Const gives; a text, which no operator here takes, is nothing."""
        if node.name not in self._constants:
            stored = self.graph.constants.get(node.name)
            self._constants[node.name] = (np.zeros(0) if stored is None else stored.read(),)
        return self._constants[node.name]  # type: ignore[no-any-return]

    def outputs(self, node: Node, values: Mapping[str, Any]) -> Any:
        """The outputs of a node, or `DEAD`.

        Raises:
            ValueError: where it cannot take its inputs; the message names it and their shapes.
        """
        given = [of(values, ref) for ref in node.inputs]
        if node.operator == "Merge":
            alive = [place for place, each in enumerate(given) if each is not DEAD]
            return (given[alive[0]], np.array(alive[0], "int32")) if alive else DEAD
        if any(each is DEAD for each in given) or any(values.get(name) is DEAD for name in node.waits):
            return DEAD
        if node.operator == "Const":
            return self.constant(node)
        if node.operator == "Switch":
            x, condition = given
            return (DEAD, x) if bool(condition) else (x, DEAD)
        if node.operator in ("LoopCond", "PlaceholderWithDefault"):
            return (given[0],)
        return computed(node, given)


def of(values: Mapping[str, Any], ref: Ref) -> Any:
    """The value of a ref.

    Raises:
        ValueError: for one that nothing gives.
    """
    try:
        return values[ref.node][ref.port]
    except (KeyError, IndexError):
        raise ValueError(f"nothing gives the value {ref.node}:{ref.port}") from None


def computed(node: Node, given: list[Any], function: Callable[..., Any] | None = None) -> tuple[Any, ...]:
    """The outputs of an operator that is a function of arrays."""
    try:
        with np.errstate(all="ignore"):
            found = (function or OPERATORS[node.operator])(node, *given)
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError) as error:
        shapes = ", ".join(f"{x.dtype}{list(x.shape)}" if isinstance(x, np.ndarray) else "rows" for x in given)
        raise ValueError(f"{node.label} cannot take {shapes or 'nothing'}: {error}") from error
    return found if isinstance(found, tuple) else (found if hasattr(found, "rows") else np.asarray(found),)
