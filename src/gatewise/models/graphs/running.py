"""The walk over a graph: each node's operator in turn, with the values that are needed later and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gatewise.base.foreign import raised_in_words
from gatewise.base.words import nearest
from gatewise.formats.graph import Graph, Node, Program
from gatewise.models.graphs.operators import Operators, Step


def unknown_operators(program: Program, operators: Operators) -> list[str]:
    """The operators of a program that are not known, as "domain.Name"."""
    found = {(node.domain, node.operator) for node in program.graph.all_nodes()}
    return sorted(f"{domain}.{name}" if domain else name for domain, name in found - operators.keys())


def refusal(unknown: list[str], operators: Operators) -> str:
    """What to say of operators that are not known."""
    names = sorted(f"{domain}.{name}" if domain else name for domain, name in operators)
    hint = nearest(unknown[0], names)
    return f"the operators {', '.join(unknown)} are not known here.{hint} These are: {', '.join(names)}."


@dataclass(frozen=True)
class _Turn:
    """One node in a plan: what runs, and the values that nobody needs after it."""

    step: Step
    done: tuple[str, ...]


class Plan:
    """A graph made ready to run, with the graphs inside it.

    Args:
        graph: whose operators are all known.
        versions: of the sets of operators.
        operators: that are known.
    """

    def __init__(self, graph: Graph, versions: Mapping[str, int], operators: Operators) -> None:
        self.graph = graph
        self._operators = operators
        self._inside = {id(inner): Plan(inner, versions, operators) for node in graph.nodes for inner in node.graphs()}
        self.outputs = [value.name for value in graph.outputs]
        last: dict[str, int] = {}
        for place, node in enumerate(graph.nodes):
            last |= dict.fromkeys((*node.inputs, *node.outputs, *self._seen_inside(node)), place)
        constants = {name for node in graph.nodes if node.operator == "Constant" for name in node.outputs}
        kept = {*self.outputs, *graph.constants, *constants, ""}
        own = {name for node in graph.nodes for name in node.outputs} | {value.name for value in graph.inputs}
        done: dict[int, list[str]] = {}
        for name in own - kept:
            if name in last:
                done.setdefault(last[name], []).append(name)
        self.turns: list[_Turn] = []
        self.constants = dict(graph.constants)
        for place, node in enumerate(graph.nodes):
            step = Step(node, versions.get(node.domain, 1), _nothing_inside)
            if node.operator == "Constant":
                self.constants |= zip(node.outputs, self._found(step, [], {}), strict=False)
            else:
                self.turns.append(_Turn(step, tuple(done.get(place, ()))))

    def _seen_inside(self, node: Node) -> Iterable[str]:
        """The names that graphs inside a node use, and may see from here."""
        for inner in node.graphs():
            yield from (value.name for value in inner.outputs)
            for each in inner.all_nodes():
                yield from each.inputs
                yield from (value.name for graph in each.graphs() for value in graph.outputs)

    def _run_inside(self, around: Mapping[str, Any], graph: Graph, inputs: Mapping[str, Any]) -> list[Any]:
        return self._inside[id(graph)].run(inputs, around)

    def run(self, inputs: Mapping[str, Any], around: Mapping[str, Any]) -> list[Any]:
        """The outputs, in order.

        Args:
            inputs: arrays by name.
            around: the values of the graph around this one, which it sees.

        Raises:
            ValueError: where an operator cannot take what comes; it names the node and the shapes.
        """
        values: dict[str, Any] = {**around, **self.constants, **inputs}
        for turn in self.turns:
            node = turn.step.node
            try:
                given = [values[name] if name else None for name in node.inputs]
            except KeyError as error:
                raise ValueError(
                    f"{node.label} needs the value {error.args[0]!r}, which nothing before it gives."
                ) from None
            found = self._found(turn.step, given, values)
            values.update(zip(node.outputs, found, strict=False))
            for name in turn.done:
                values.pop(name, None)
        try:
            return [values[name] for name in self.outputs]
        except KeyError as error:
            raise ValueError(f"the graph {self.graph.name!r} has no value {error.args[0]!r} to give.") from None

    def _found(self, step: Step, given: list[Any], values: Mapping[str, Any]) -> tuple[Any, ...]:
        """What an operator gives, as a tuple."""
        if self._inside and next(step.node.graphs(), None) is not None:
            step = Step(step.node, step.version, partial(self._run_inside, values), step.kept)
        try:
            with np.errstate(all="ignore"):
                found = self._operators[step.node.domain, step.node.operator](step, *given)
        except _SaidError:
            raise
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError) as error:
            shapes = ", ".join("none" if x is None else f"{x.dtype}{list(x.shape)}" for x in given)
            in_words = raised_in_words(error) or not isinstance(error, (TypeError, LookupError, AttributeError))
            why = error if in_words else "that, or its attributes, are not what it is made for"
            raise _SaidError(f"{step.node.label} cannot take {shapes or 'nothing'}: {why}") from error
        return found if isinstance(found, tuple) else (np.asarray(found),)


def _nothing_inside(graph: Graph, inputs: Mapping[str, Any]) -> list[Any]:
    raise ValueError("this operator has no graphs inside")


class _SaidError(ValueError):
    """An error that names its node already."""
