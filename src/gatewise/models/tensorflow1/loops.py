"""While loops: Enter and NextIteration lead to a Merge, Switch ends the loop, Exit hands its values on.

A loop whose states are those of cells that are known runs on the recurrent engine, all steps of a cell at once
(`_WholeSequences`): what stands between cells is computed for all steps together. Any other goes turn by turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import numpy as np

from gatewise.engine import recurrence
from gatewise.engine.op import Traversal
from gatewise.formats.tensorflow.graph import Graph, Node, Ref
from gatewise.models.tensorflow1.cells import Finder, FoundCell
from gatewise.models.tensorflow1.operators import EACH_NUMBER
from gatewise.models.tensorflow1.running import Evaluator, computed, of, ordered

_HANDS_ON: Final = ("Identity", "StopGradient", "NextIteration", "LoopCond")
_TOGETHER: Final = {*EACH_NUMBER, "BiasAdd"}
_FLOW: Final = np.zeros((), "float32")


class Loop:
    """One loop.

    Args:
        graph: the whole.
        name: of its frame.
        enters: where it is entered.

    Attributes:
        given: what the nodes around it give to it.
        exits: the nodes that hand its values on.
        cells: those that are known, where all its states are theirs; else none.

    Raises:
        ValueError: for a loop of another form.
    """

    def __init__(self, graph: Graph, name: str, enters: list[Node]) -> None:
        self.graph, self.name = graph, name
        self._members = _members(graph, enters)
        nodes = [graph.nodes[member] for member in self._members]
        if any(node.operator == "Enter" and node.attributes.get("frame_name") != name for node in nodes):
            raise ValueError(f"the loop {name!r} has another loop inside, which is not known here")
        self.enters = {node.name: node for node in enters}
        self.given = [ref for node in enters for ref in node.inputs]
        self.exits = [node for node in nodes if node.operator == "Exit"]
        self.conditions = [node for node in nodes if node.operator == "LoopCond"]
        self.variables = [_Variable(graph, node) for node in nodes if _is_variable(graph, node)]
        if len(self.conditions) != 1 or not self.variables:
            raise ValueError(f"the loop {name!r} has {len(self.conditions)} conditions: the file is damaged")
        self.starts = {variable.name for variable in self.variables}
        ends = {self.behind(node.inputs[0]).node for node in self.exits}
        if not ({variable.enter for variable in self.variables} <= self.enters.keys() and ends <= self.starts):
            raise ValueError(f"the loop {name!r} is entered or left elsewhere: the file is damaged")

    @cached_property
    def _condition_order(self) -> list[str]:
        return self._order([self.conditions[0].name])

    @cached_property
    def _body_order(self) -> list[str]:
        return self._order(variable.next.node for variable in self.variables)

    @cached_property
    def together(self) -> _WholeSequences | None:
        """How it runs on the engine, if it can."""
        return _WholeSequences.of(self)

    @property
    def cells(self) -> list[FoundCell]:
        """The cells that run on the engine."""
        return [] if self.together is None else self.together.cells

    def nodes(self) -> Iterator[Node]:
        """All nodes inside."""
        return (self.graph.nodes[name] for name in self._members)

    def _order(self, targets: Iterable[str]) -> list[str]:
        return [name for name in ordered(targets, self.needs) if name not in self.starts and name not in self.enters]

    def needs(self, name: str) -> list[str]:
        """The nodes inside whose values a node needs."""
        if name in self.starts or name in self.enters:
            return []
        node = self.graph.nodes[name]
        if node.operator == "Switch" and node.inputs[0].node in self.starts:  # A turn is made where the loop goes on.
            return [node.inputs[0].node]
        waits = [each for each in node.waits if each in self._members]
        return [ref.node for ref in node.inputs if ref.node in self._members] + waits

    def behind(self, ref: Ref) -> Ref:
        """What stands behind a ref: through operators that only hand on, to the loop's variables or out of it."""
        for _ in self.graph.nodes:
            node = self.graph.nodes.get(ref.node)
            if node is None or not node.inputs:
                return ref
            of_loop = node.operator == "Switch" and node.inputs[0].node in self.starts
            if not (node.operator in _HANDS_ON or of_loop or self._is_constant(node)):
                return ref
            ref = node.inputs[0]
        raise ValueError(f"the node {ref.node!r} needs itself")

    def _is_constant(self, node: Node) -> bool:
        return node.operator == "Enter" and bool(node.attributes.get("is_constant"))

    # -- running ------------------------------------------------------------------------------------------------------

    def run(self, evaluator: Evaluator, values: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs of its exits, by their names.

        Args:
            evaluator: of single nodes.
            values: of the nodes around it.
        """
        inside = {name: (of(values, node.inputs[0]),) for name, node in self.enters.items()}
        starts = {variable.name: inside[variable.enter][0] for variable in self.variables}
        run = self._turn_by_turn if self.together is None else self.together.run
        final = run(evaluator, inside, starts)
        return {node.name: (final[self.behind(node.inputs[0]).node],) for node in self.exits}

    def goes_on(self, evaluator: Evaluator, inside: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
        """Whether there is another turn."""
        values = {**inside, **{name: (value,) for name, value in state.items()}}
        for name in self._condition_order:
            values[name] = evaluator.outputs(self.graph.nodes[name], values)
        return bool(values[self.conditions[0].name][0])

    def _turn_by_turn(self, evaluator: Evaluator, inside: Mapping[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        condition = self.conditions[0].name
        while self.goes_on(evaluator, inside, state):
            values = {**inside, **{name: (value,) for name, value in state.items()}, condition: (np.array(True),)}
            for name in self._body_order:
                if name != condition:
                    values[name] = evaluator.outputs(self.graph.nodes[name], values)
            state = {variable.name: of(values, variable.next) for variable in self.variables}
        return state


class _Variable:
    """What a loop carries from turn to turn: the Merge of what it is entered with and what comes after."""

    def __init__(self, graph: Graph, merge: Node) -> None:
        first, second = merge.inputs
        self.name = merge.name
        self.enter = first.node
        self.next = graph.nodes[second.node].inputs[0]


def _is_variable(graph: Graph, node: Node) -> bool:
    kinds = [graph.nodes[ref.node].operator if ref.node in graph.nodes else "" for ref in node.inputs]
    return node.operator == "Merge" and kinds == ["Enter", "NextIteration"]


def _members(graph: Graph, enters: list[Node]) -> dict[str, None]:
    """The nodes of a loop: those to which its Enters lead, up to its Exits."""
    found: dict[str, None] = {}
    waiting = [node.name for node in enters]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = None
        if graph.nodes[name].operator != "Exit":
            waiting += graph.followers.get(name, ())
    return found


# -- all steps at once ------------------------------------------------------------------------------------------------


class _Steps:
    """The values of all turns: an array with an axis in front, T."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array


class _WholeSequences:
    """A loop over time whose states are those of cells, and whose outputs are kept in arrays, a row a turn.

    Args:
        loop: of which `of` has seen that it is one.
        counters: variables that grow by one a turn.
        flows: those that stand for an array that is written; with the node that writes it.
        cells: that have the other variables as their states.
        ended: what is true where a sequence is longer than its length; None where there are no lengths.
        order: the nodes that the outputs need, cells among them by their output.
    """

    def __init__(
        self,
        loop: Loop,
        counters: list[str],
        flows: dict[str, Node],
        cells: list[FoundCell],
        ended: Ref | None,
        order: list[str],
    ) -> None:
        self.loop, self.counters, self.flows, self.ended, self.order = loop, counters, flows, ended, order
        self._by_output = {cell.after[0].node: cell for cell in cells}
        self.cells = [self._by_output[name] for name in order if name in self._by_output]

    @classmethod
    def of(cls, loop: Loop) -> _WholeSequences | None:
        """None for a loop of another kind."""
        nodes, counters, flows, states = loop.graph.nodes, [], {}, {}
        for variable in loop.variables:
            following = loop.behind(variable.next)
            node = nodes[following.node]
            if _grows_by_one(loop, node, variable.name):
                counters.append(variable.name)
            elif node.operator == "TensorArrayWriteV3" and loop.behind(node.inputs[3]) == Ref(variable.name):
                flows[variable.name] = node
            else:
                states[variable.name] = following
        found = _cells(loop, states)
        if found is None or not set(loop._condition_order).isdisjoint(loop.starts - set(counters)):
            return None
        cells, ended = found
        written = list(flows.values())
        if ended is not None and any(_ends(loop, node.inputs[2]) != _facts(loop, ended) for node in written):
            return None
        targets = [ref.node for node in written for ref in node.inputs[:3]]
        order = _order(loop, [*targets, *(cell.after[0].node for cell in cells)], cells, ended)
        free = {*states, *flows}
        if order is None or any(need in free for name in order for need in _needs(loop, name, cells, ended)):
            return None
        return cls(loop, counters, flows, cells, ended, order)

    def run(self, evaluator: Evaluator, inside: Mapping[str, Any], starts: dict[str, Any]) -> dict[str, Any]:
        """The variables behind the last turn."""
        final, count = dict(starts), 0
        while self.loop.goes_on(evaluator, inside, final):
            count += 1
            final |= {name: starts[name] + starts[name].dtype.type(count) for name in self.counters}
        if not count:
            return final
        values: dict[str, Any] = dict(inside)
        for name in self.counters:
            values[name] = (_Steps(starts[name] + np.arange(count, dtype=starts[name].dtype)),)
        for name in self.order:
            if name in self._by_output:
                cell = self._by_output[name]
                values[name], states = self._sequence(cell, count, values, starts)
                final |= {ref.node: state for ref, state in zip(cell.before, states, strict=True)}
            elif name not in values:
                node = self.loop.graph.nodes[name]
                values[name] = _over_steps(evaluator, node, values, count, self.loop)
        for variable, node in self.flows.items():
            rows, places, written = (of(values, ref) for ref in node.inputs[:3])
            rows.put(places.array, _all(written, count))
            final[variable] = _FLOW
        return final

    def _sequence(
        self, cell: FoundCell, count: int, values: Mapping[str, Any], starts: Mapping[str, Any]
    ) -> tuple[tuple[_Steps], tuple[np.ndarray, ...]]:
        x = np.ascontiguousarray(np.swapaxes(_all(of(values, cell.x), count), 0, 1))
        mask = None if self.ended is None else ~_all(of(values, self.ended), count).T
        state = tuple(np.ascontiguousarray(starts[ref.node]) for ref in cell.before)
        if mask is not None and mask.all():
            mask = None
        try:
            y, final = recurrence.forward(cell.op, x, state, Traversal(mask=mask))
        except ValueError as error:
            raise ValueError(f"the {cell.label} in the loop {self.loop.name!r}: {error}") from error
        return (_Steps(np.swapaxes(y, 0, 1)),), final


def _grows_by_one(loop: Loop, node: Node, name: str) -> bool:
    if node.operator not in ("Add", "AddV2"):
        return False
    one, other = (loop.behind(ref) for ref in node.inputs)
    stored = loop.graph.constants.get(other.node)
    return one == Ref(name) and stored is not None and stored.shape == () and stored.read().item() == 1


def _cells(loop: Loop, states: dict[str, Ref]) -> tuple[list[FoundCell], Ref | None] | None:
    """The cells that have these states, which are variables with what follows, and where sequences end."""
    finder = Finder(loop.graph, loop.behind)
    new, ends = {}, {}
    for name, following in states.items():
        node = loop.graph.nodes[following.node]
        if node.operator == "Select" and loop.behind(node.inputs[1]) == Ref(name):
            ends[name], new[name] = node.inputs[0], loop.behind(node.inputs[2])
        else:
            new[name] = following
    facts = {_facts(loop, ends[name]) if name in ends else None for name in states}
    found: list[FoundCell] = []
    before = [Ref(name) for name in states]
    for following in new.values():
        cell = finder.find(following, before)
        if cell is not None:
            found.append(cell)
    owned = {ref.node: after for cell in found for ref, after in zip(cell.before, cell.after, strict=True)}
    if owned != new or sum(len(cell.before) for cell in found) != len(states) or len(facts) > 1:
        return None
    return found, next(iter(ends.values()), None)


def _facts(loop: Loop, ref: Ref) -> Any:
    """What a node computes, so that two that compute the same are known as such."""
    node = loop.graph.nodes[ref.node]
    return node.operator, tuple(loop.behind(each) for each in node.inputs)


def _ends(loop: Loop, ref: Ref) -> Any:
    node = loop.graph.nodes[loop.behind(ref).node]
    return _facts(loop, node.inputs[0]) if node.operator == "Select" else None


def _needs(loop: Loop, name: str, cells: list[FoundCell], ended: Ref | None) -> list[str]:
    """As `loop.needs`, where a cell needs its input, and all cells what says where sequences end."""
    cell = next((cell for cell in cells if cell.after[0].node == name), None)
    if cell is None:
        return loop.needs(name)
    return [ref.node for ref in (cell.x, ended) if ref is not None and ref.node in loop._members]


def _order(loop: Loop, targets: list[str], cells: list[FoundCell], ended: Ref | None) -> list[str] | None:
    handed = {cell.after[0].node for cell in cells}
    inside = [name for name in targets if name in loop._members]
    try:
        order = ordered(inside, lambda name: _needs(loop, name, cells, ended))
    except ValueError:
        return None
    outside = {*loop.enters, *loop.starts}
    return [name for name in order if name in handed or name not in outside]


def _over_steps(evaluator: Evaluator, node: Node, values: Mapping[str, Any], count: int, loop: Loop) -> tuple[Any, ...]:
    """The outputs of a node for all steps; those of one whose inputs are the same at every step are so, too."""
    if node.operator == "Switch":  # Of a counter: the loop goes on.
        return (None, of(values, node.inputs[0]))
    if not any(isinstance(of(values, ref), _Steps) for ref in node.inputs):
        drawn = node.operator == "RandomUniform"
        found = [evaluator.outputs(node, values) for _ in range(count if drawn else 1)]
        return (_Steps(np.stack([each[0] for each in found])),) if drawn else found[0]
    given = [of(values, ref) for ref in node.inputs]
    if node.operator in ("Shape", "Rank", "Size"):
        return computed(node, [given[0].array[0]])
    if node.operator in _TOGETHER:
        most = max(np.ndim(x.array) - 1 if isinstance(x, _Steps) else np.ndim(x) for x in given)
        return (_Steps(computed(node, [_aligned(x, most) for x in given])[0]),)
    if node.operator == "Select":
        return (_Steps(computed(node, [x.array if isinstance(x, _Steps) else x[None] for x in given])[0]),)
    each = [computed(node, [x.array[t] if isinstance(x, _Steps) else x for x in given]) for t in range(count)]
    return tuple(_Steps(np.stack(outputs)) for outputs in zip(*each, strict=True))


def _aligned(x: Any, most: int) -> Any:
    """The arrays of all steps with as many axes as any has."""
    if not isinstance(x, _Steps):
        return x
    shape = x.array.shape
    return x.array.reshape(shape[0], *(1,) * (most + 1 - len(shape)), *shape[1:])


def _all(x: Any, count: int) -> np.ndarray:
    return x.array if isinstance(x, _Steps) else np.broadcast_to(x, (count, *np.shape(x)))
