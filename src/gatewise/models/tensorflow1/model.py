"""A frozen graph of TensorFlow 1 as an object to call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from gatewise.base.words import nearest
from gatewise.formats.tensorflow import frozen
from gatewise.formats.tensorflow.bundle import DTYPES
from gatewise.formats.tensorflow.graph import Graph, Ref
from gatewise.models.graphs.called import CalledByName
from gatewise.models.tensorflow1.loops import Loop
from gatewise.models.tensorflow1.operators import OPERATORS
from gatewise.models.tensorflow1.running import CONTROL, DEAD, Evaluator, of, ordered

_PLACES: Final = ("Placeholder", "PlaceholderWithDefault")
_NO_OUTPUTS: Final = ("Const", "NoOp", "Assert", *_PLACES)
_TAKES: Final = {"Enter": 1, "Exit": 1, "LoopCond": 1, "Merge": 1, "NextIteration": 1, "Select": 3, "Switch": 2}
"""How many inputs those at least take whose order the loops hang on."""


class TensorFlowGraph(CalledByName):
    """A graph of TensorFlow 1, run on NumPy, and its loops over LSTM, GRU and RNN cells on the recurrent engine.

    It computes; it has no layers, and cannot be trained. `gatewise.models.load_weights_from` gives its constants to a
    model that has.

    Args:
        graph: a file's path, or what the reader gives.
        path: for messages, where `graph` is no path.

    Attributes:
        inputs: the names of the placeholders that the outputs need, with shapes, in which None is a size that is not
            known.
        outputs: the names of the nodes that no other node uses.
        cells: what runs on the engine, by the loop: {"rnn/while/while_context": ["LSTM of 128 units"]}.

    Raises:
        ValueError: a file that is damaged, or an operator that is not known; the message names all of these, and the
            loops and cells of the graph.

    >>> from gatewise.formats.tensorflow.graph import Node
    >>> place = Node("x", "Placeholder", (), (), {"shape": (None, 3)})
    >>> graph = Graph({"x": place, "y": Node("y", "Tanh", (Ref("x"),), (), {})}, {})
    >>> model = TensorFlowGraph(graph)
    >>> model.inputs, model.outputs
    ({'x': (None, 3)}, ['y'])
    >>> model.run({"x": [[0.0, 0.5, 1.0]]})["y"].round(2).tolist()
    [[0.0, 0.46, 0.76]]
    """

    def __init__(self, graph: Any, path: Any = None) -> None:
        self.path = path if isinstance(graph, Graph) else graph
        self.graph: Graph = graph if isinstance(graph, Graph) else frozen.read(graph)
        nodes = self.graph.nodes
        self.inputs: dict[str, Any] = {
            node.name: node.attributes.get("shape") for node in nodes.values() if node.operator in _PLACES
        }
        self.outputs: list[str] = [
            name
            for name, node in nodes.items()
            if node.operator not in _NO_OUTPUTS and name not in self.graph.followers
        ]
        for node in nodes.values():
            if len(node.inputs) < _TAKES.get(node.operator, 0):
                raise self._error(f"the node {node.name!r} ({node.operator}) lacks an input: the file is damaged.")
        try:
            self._loops = [Loop(self.graph, name, enters) for name, enters in self.graph.frames.items()]
            self._loop_of = {exit_.name: loop for loop in self._loops for exit_ in loop.exits}
            self._inside = {node.name for loop in self._loops for node in loop.nodes() if node.operator != "Exit"}
            self.cells: dict[str, list[str]] = {
                loop.name: [cell.label for cell in loop.cells] for loop in self._loops if loop.cells
            }
        except (ValueError, LookupError) as error:
            raise self._error(f"the graph's loops cannot be run: {error}.") from error
        try:
            needed = self._order(tuple(self.outputs))
        except ValueError as error:
            raise self._error(f"the graph cannot be run: {error}.") from error
        self.inputs = {name: shape for name, shape in self.inputs.items() if name in needed}
        if unknown := self._unknown(needed):
            raise self._error(self._refusal(unknown))
        self._evaluator = Evaluator(self.graph)
        self._orders: dict[tuple[str, ...], list[str]] = {}

    def _unknown(self, needed: list[str]) -> list[str]:
        """The operators that are not known, of the nodes that the outputs need."""
        nodes = [self.graph.nodes[name] for name in needed]
        nodes += [node for loop in self._loops for node in loop.nodes()]
        return sorted({node.operator for node in nodes} - OPERATORS.keys() - set(CONTROL))

    def _refusal(self, unknown: list[str]) -> str:
        loops = "; ".join(f"{name} ({', '.join(cells)})" for name, cells in self.cells.items())
        others = [loop.name for loop in self._loops if not loop.cells]
        there = [f"loops of known cells: {loops}"] if loops else []
        there += [f"other loops: {', '.join(others)}"] if others else []
        there += [f"{len(self.graph.constants)} arrays, which load_weights_from gives to a model in code"]
        return (
            f"the operators {', '.join(unknown)} are not known here.{nearest(unknown[0], OPERATORS)} The graph takes "
            f"{', '.join(list(self.inputs)[:10]) or 'nothing'} and holds {'; '.join(there)}."
        )

    # -- running ------------------------------------------------------------------------------------------------------

    def _order(self, targets: tuple[str, ...]) -> list[str]:
        """The nodes that some need, loops by one of their exits."""
        return ordered(targets, self._needs)

    def _needs(self, name: str) -> list[str]:
        node = self.graph.nodes.get(name)
        if node is None:
            raise ValueError(f"there is no node {name!r}")
        if name in self._loop_of:
            return [ref.node for ref in self._loop_of[name].given]
        if name in self._inside:
            raise ValueError(f"the node {name!r} stands inside a loop, whose values are gone behind it")
        return [*(ref.node for ref in node.inputs), *(each for each in node.waits if each not in self._inside)]

    def run(self, inputs: Mapping[str, Any], outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """The outputs by name.

        Args:
            inputs: arrays by the names of placeholders, or of any node whose value is to be this; numbers are cast to
                the dtype that a placeholder says.
            outputs: names of any nodes, "NAME" or "NAME:1"; the graph's own where it is left out.

        Raises:
            ValueError: an input that is missing or not known, an output that is not there, or values that an operator
                cannot take.
        """
        names = self.outputs if outputs is None else list(outputs)
        try:
            return self._run(self._given(inputs), names)
        except ValueError as error:
            raise error if str(error).startswith(f"{self.path!r}: ") else self._error(str(error)) from error
        except LookupError as error:  # Of a loop whose parts do not fit together.
            raise self._error(f"the graph cannot be run: the value of {error} is not there.") from error

    def _run(self, values: dict[str, Any], names: Sequence[str]) -> dict[str, np.ndarray]:
        refs = [_ref(name) for name in names]
        if missing := [ref.node for ref in refs if ref.node not in self.graph.nodes]:
            hint = nearest(missing[0], self.graph.nodes)
            raise ValueError(f"there is no node {missing[0]!r}.{hint} Outputs are {', '.join(self.outputs)}.")
        targets = (*(ref.node for ref in refs), *sorted(values))
        if targets not in self._orders:
            self._orders[targets] = ordered(
                [ref.node for ref in refs], lambda name: [] if name in values else self._needs(name)
            )
        for name in self._orders[targets]:
            if name in values:
                continue
            node = self.graph.nodes[name]
            if node.operator == "Placeholder":
                raise ValueError(f"the input {name!r} is missing; there are {', '.join(self.inputs)}")
            if name in self._loop_of:
                values |= self._loop_of[name].run(self._evaluator, values)
            else:
                values[name] = self._evaluator.outputs(node, values)
        found = {name: of(values, ref) for name, ref in zip(names, refs, strict=True)}
        if dead := [name for name, value in found.items() if value is DEAD]:
            raise ValueError(f"{dead[0]!r} stands in a branch that was not taken")
        return {name: np.asarray(value) for name, value in found.items()}

    def _given(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in inputs.items():
            node = self.graph.nodes.get(_ref(name).node)
            if node is None:
                raise ValueError(f"there is no input {name!r}; there are {', '.join(self.inputs)}.")
            array = np.asarray(value)
            if node.operator in _PLACES and node.attributes.get("dtype") in DTYPES:
                array = array.astype(node.dtype("dtype"), copy=False)
            found[node.name] = (array,)
        return found

    def input_names(self) -> list[str]:
        """The placeholders."""
        return list(self.inputs)

    def __repr__(self) -> str:
        cells = ", ".join(cell for each in self.cells.values() for cell in each)
        return f"<TensorFlowGraph of {self.path!r}: {', '.join(self.inputs)} -> {', '.join(self.outputs)}; {cells}>"


def _ref(name: str) -> Ref:
    node, _, port = name.rpartition(":")
    return Ref(node, int(port)) if node and port.isdecimal() else Ref(name)
