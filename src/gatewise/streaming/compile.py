"""From a model to something that advances streams: the walk over its layers, and the two ways to run what it finds."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from gatewise.base import structure
from gatewise.graph import Graph, InputLayer
from gatewise.layer import Layer
from gatewise.layer.symbolic import SymbolicTensor
from gatewise.streaming.shapes import Shapes
from gatewise.streaming.steps import Emission, NotNativeError, Slot, Step, Value, rule_of, symbolic_shapes


class Prepared:
    """A model with the weights of one moment, ready to stream.

    Attributes:
        steps: the calls of its layers, in order.
        shapes: what a call takes and gives.
        slots: the arrays of a stream's state, in the order of the record that holds them.
        program: the native program, or None where the layers themselves compute.
        dtype: of the states.
    """

    def __init__(self, model: Any) -> None:
        graph = _graph_of(model)
        walk = _walk(model.label, graph)
        self.steps = walk.steps
        self.slots: list[Slot] = [slot for step in self.steps for slot in step.slots]
        self.inputs = [walk.values[id(tensor)] for tensor in graph.input_tensors]
        self.outputs = [walk.values[id(tensor)] for tensor in graph.output_tensors]
        self.dtype = np.dtype(np.float64 if _any_double(model) else np.float32)
        ids = [_is_ids(value, self.steps) for value in self.inputs]
        self.shapes = Shapes(model.label, graph, self.inputs, self.outputs, ids)
        self.program = _native_program(self)

    @property
    def record(self) -> int:
        """How many numbers a stream's state has."""
        return sum(slot.width for slot in self.slots)

    def fingerprint(self) -> bytes:
        """32 bytes, equal for models whose states mean the same: by layers, their arguments and sizes, not by names."""
        import hashlib
        import json

        order = {value: k for k, value in enumerate(self.inputs)}
        calls = []
        for step in self.steps:
            wired = [order[value] for value in step.inputs]
            for value in step.outputs:
                order[value] = len(order)
            calls.append([type(step.layer).__name__, wired, _essence(_config(step.layer))])
        said = [str(self.dtype), [[v.shape, v.timed] for v in self.inputs], calls, [slot.shape for slot in self.slots]]
        return hashlib.blake2b(json.dumps(said, sort_keys=True, default=str).encode(), digest_size=32).digest()

    def new_session(self, batch: int) -> Any:
        """The object that advances `batch` streams: the native engine's, or one that calls the layers."""
        if self.program is None:
            from gatewise.streaming.stepwise import Session

            return Session(self, batch)
        from gatewise.engine import _native

        shapes = self.shapes
        return _native.Session(
            self.program, batch, list(self.inputs[0].shape), list(self.outputs[0].shape), shapes.push_any
        )


def _config(layer: Layer) -> Any:
    """The layer's config; a function of the user's own, which a config cannot hold, by its name."""
    try:
        return layer.get_config()
    except (TypeError, ValueError):
        own = {name: getattr(layer, name) for name in layer._arguments}
        return {name: getattr(value, "__qualname__", value) for name, value in own.items()}


def _essence(config: Any) -> Any:
    """A layer's config without what does not change what its state means."""
    idle = (
        "initializer",
        "regularizer",
        "constraint",
        "name",
        "trainable",
        "seed",
        "dropout",
        "unroll",
        "implementation",
        "precision",
    )
    if isinstance(config, dict):
        return {k: _essence(v) for k, v in config.items() if not str(k).endswith(idle) and "shape" not in str(k)}
    if isinstance(config, (list, tuple)):
        return [_essence(part) for part in config]
    return config


# -- the walk -------------------------------------------------------------------------------------------------------


def _graph_of(model: Any) -> Graph:
    """The graph of a drawn model, or a clear error."""
    if not hasattr(model, "_graph_now"):
        raise ValueError(
            f"{model.label} cannot stream: what its own `call` does cannot be seen. "
            "Draw it with Input and Model(inputs, outputs), or as a Sequential."
        )
    graph: Graph = model._graph_now()
    return graph


class _Walk:
    """The steps of a model in the making, and the values of its symbolic tensors by id."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.steps: list[Step] = []
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
        if hasattr(layer, "_graph_now") and rule_of(layer) is None:
            return self._model(layer, own, args, kwargs)
        rule = rule_of(layer)
        if rule is None:
            raise ValueError(
                f"{self.model} cannot stream: {layer.label} is not one of Gatewise's own layers, so what it does over "
                "time is not known. Put it in a TimeDistributed if it treats each time step by itself."
            )
        step = rule(self.model, layer, own, args, kwargs, symbolic_shapes(outputs))
        self.steps.append(step)
        return step.outputs

    def _model(self, model: Any, path: tuple[str, ...], args: Any, kwargs: Any) -> list[Value]:
        """The calls inside a model that this one calls."""
        graph = _graph_of(model)
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


def _walk(model: str, graph: Graph) -> _Walk:
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


def _walk_with(model: str, graph: Graph, *, fixed: bool) -> _Walk:
    walk = _Walk(model)
    for tensor in graph.input_tensors:
        timed = len(tensor.shape) > 2 or (
            len(tensor.shape) == 2 and _feeds_embedding(tensor, graph) and not (fixed and tensor.shape[1] == 1)
        )
        shape = tensor.shape[2:] if timed else tensor.shape[1:]
        if None in shape:
            raise ValueError(
                f"{model} cannot stream: the input {tensor.name!r} has the shape {tensor.shape}, whose size "
                "at one step is not known."
            )
        walk.values[id(tensor)] = Value(tuple(n for n in shape if n is not None), timed)
    walk.through(graph, (), walk.values)
    return walk


def _feeds_embedding(tensor: SymbolicTensor, graph: Graph) -> bool:
    """Whether ids go from `tensor` into an embedding: then its axis is time."""
    for node in graph.nodes:
        if not any(tensor is own for own in node.inputs):
            continue
        if type(node.layer).__name__ == "Embedding":
            return True
        if hasattr(node.layer, "_graph_now"):
            inner = _graph_of(node.layer)
            place = next(k for k, own in enumerate(node.inputs) if own is tensor)
            if _feeds_embedding(inner.input_tensors[place], inner):
                return True
    return False


def _is_ids(value: Value, steps: list[Step]) -> bool:
    """Whether nothing but embeddings reads an input."""
    readers = [step for step in steps if value in step.inputs]
    return bool(readers) and all(type(step.layer).__name__ == "Embedding" for step in readers)


def _any_double(model: Any) -> bool:
    return any(layer.dtype == "float64" for layer in model._walk() if layer is not model and layer._variables)


# -- the native program ---------------------------------------------------------------------------------------------


def _native_program(prepared: Prepared) -> Any:
    """The model as a program of the native engine, or None where that lacks something."""
    import os

    if os.environ.get("GATEWISE_ENGINE") == "reference" or prepared.dtype != np.float32:
        return None
    from gatewise.engine import _native

    program = _native.Program()
    emission = Emission(program)
    for value, ids in zip(prepared.inputs, prepared.shapes.ids, strict=True):
        emission.put(value, program.input(value.width, ids))
    try:
        for step in prepared.steps:
            step.emit(emission)
        numbers = [emission.number(value) for value in prepared.outputs]
    except NotNativeError:
        return None
    for number in numbers:
        if number in _id_inputs(prepared, emission):
            return None
        program.output(number)
    assert program.record == prepared.record
    return program


def _id_inputs(prepared: Prepared, emission: Emission) -> set[int]:
    pairs = zip(prepared.inputs, prepared.shapes.ids, strict=True)
    return {emission.number(value) for value, ids in pairs if ids}


# -- one for each version of a model's weights ----------------------------------------------------------------------


def prepare(model: Any) -> Prepared:
    """`model` with the weights that it has now; made once for them."""
    _graph_of(model)  # A model that has none says so, each time.
    found: Prepared = model._cache.get("stream", model._stamp, lambda: Prepared(model))
    return found
