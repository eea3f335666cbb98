"""The walk over a drawn model: every call of a layer with its rule, and what passes between the calls."""

from __future__ import annotations

import itertools
from typing import Any

from gatewise.base import structure
from gatewise.base.arrays import shape_of
from gatewise.graph import Graph, InputLayer
from gatewise.layer import Layer
from gatewise.layer.symbolic import SymbolicTensor
from gatewise.streaming.rules import Rule, rule_of
from gatewise.streaming.values import Value


def graph_of(model: Any) -> Graph:
    """The graph of a drawn model, or a clear error."""
    if not hasattr(model, "_graph_now"):
        raise ValueError(
            f"{model.label} cannot stream: what its own `call` does cannot be seen. "
            "Draw it with Input and Model(inputs, outputs), or as a Sequential."
        )
    graph: Graph = model._graph_now()
    return graph


class Walk:
    """The calls of a model, in order, and the values of its symbolic tensors by id."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.calls: list[Rule] = []
        self.values: dict[int, Value] = {}
        self._paths: set[tuple[str, ...]] = set()

    def through(self, graph: Graph, path: tuple[str, ...], values: dict[int, Value]) -> None:
        """Add the calls of a graph; `values` has its inputs' and gets all others."""
        for node in graph.nodes:
            if isinstance(node.layer, InputLayer):
                continue
            args, kwargs = node.substitute(lambda tensor: values[id(tensor)])
            made = self._call(node.layer, path, args, kwargs, node.outputs)
            values.update(zip(map(id, structure.flatten(node.outputs)), made, strict=True))

    def _call(self, layer: Layer, path: tuple[str, ...], args: Any, kwargs: Any, outputs: Any) -> list[Value]:
        own = self._own_path((*path, layer.name))
        rule = rule_of(type(layer))
        if rule is None and hasattr(layer, "_graph_now"):
            return self._model(layer, own, args, kwargs)
        if rule is None:
            raise ValueError(
                f"{self.model} cannot stream: {layer.label} is not one of Gatewise's own layers, so what it does over "
                "time is not known. Put it in a TimeDistributed if it treats each time step by itself."
            )
        shapes = [tuple(shape_of(tensor)) for tensor in structure.flatten(outputs)]
        self.calls.append(rule(self.model, layer, own, args, kwargs, shapes))
        return self.calls[-1].outputs

    def _model(self, model: Any, path: tuple[str, ...], args: Any, kwargs: Any) -> list[Value]:
        """The calls inside a model that this one calls."""
        graph = graph_of(model)
        given = [leaf for leaf in structure.flatten((args, kwargs)) if isinstance(leaf, Value)]
        inner = dict(zip(map(id, graph.input_tensors), given, strict=True))
        self.through(graph, path, inner)
        return [inner[id(tensor)] for tensor in graph.output_tensors]

    def _own_path(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """A path of its own for each call of a layer that is called more than once."""
        numbered = (path if k == 1 else (*path[:-1], f"{path[-1]}:{k}") for k in itertools.count(1))
        fresh = next(each for each in numbered if each not in self._paths)
        self._paths.add(fresh)
        return fresh

    def reads_ids(self, value: Value) -> bool:
        """Whether all that reads `value` takes ids."""
        readers = [call for call in self.calls if value in call.inputs]
        return bool(readers) and all(call.layer.takes_ids for call in readers)


def walk(model: str, graph: Graph) -> Walk:
    """Walk through `graph`. An input (B, 1) of ids is one step of ids or, where that cannot be, not part of time."""
    try:
        return _walk_with(model, graph, fixed=False)
    except ValueError:
        if not any(tensor.shape[1:] == (1,) for tensor in graph.input_tensors):
            raise
        try:
            return _walk_with(model, graph, fixed=True)
        except ValueError:
            pass
        raise


def _walk_with(model: str, graph: Graph, *, fixed: bool) -> Walk:
    made = Walk(model)
    for tensor in graph.input_tensors:
        timed = len(tensor.shape) > 2 or (
            len(tensor.shape) == 2 and takes_ids(tensor, graph) and not (fixed and tensor.shape[1] == 1)
        )
        shape = tensor.shape[2:] if timed else tensor.shape[1:]
        if None in shape:
            raise ValueError(
                f"{model} cannot stream: the input {tensor.name!r} has the shape {tensor.shape}, whose size "
                "at one step is not known."
            )
        made.values[id(tensor)] = Value(tuple(n for n in shape if n is not None), timed)
    made.through(graph, (), made.values)
    return made


def takes_ids(tensor: SymbolicTensor, graph: Graph) -> bool:
    """Whether a layer takes ids from `tensor`, an input of `graph`: then its axis is time."""
    for node in graph.nodes:
        if not any(tensor is own for own in node.inputs):
            continue
        if node.layer.takes_ids:
            return True
        if hasattr(node.layer, "_graph_now"):
            inner = graph_of(node.layer)
            place = next(k for k, own in enumerate(node.inputs) if own is tensor)
            if takes_ids(inner.input_tensors[place], inner):
                return True
    return False
