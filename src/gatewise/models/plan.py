"""The short way through a drawn model: plain inference on NumPy arrays, with all checks done beforehand.

A model's general call finds masks, casts, training flags and shapes as it goes: tens of microseconds a layer. A plan is
made once and then only calls each layer's `inference` function in turn. A model gets one where every layer offers
such a function and nothing in it makes masks or keeps state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from gatewise.base import structure
from gatewise.base.arrays import NUMBER_KINDS, unshared
from gatewise.base.typing import Array
from gatewise.graph import Graph, InputLayer
from gatewise.layer.symbolic import Node, SymbolicTensor
from gatewise.recurrent.base import RecurrentLayer

NO_PLAN: Final = object()
"""What `Plan.run` gives for an input that it does not fit."""

_MOST_TAILS = 4096

Integers: TypeAlias = Literal["cast", "keep", "refuse"]
Call: TypeAlias = tuple[Callable[..., Any], tuple[int, ...], tuple[int, ...], bool]


class Plan:
    """A drawn model with one input, prepared for arrays that fit it.

    Args:
        graph: the model's graph, whose input has been checked to be the only one.
        calls: for each call the function, the places of its inputs and outputs, and whether it gives several.
        integers: what becomes of integers where the input is drawn with a floating dtype: "cast" to it, "keep" (ids),
            or "refuse", where the general way decides layer by layer.
    """

    def __init__(self, graph: Graph, calls: list[Call], places: dict[int, int], integers: Integers) -> None:
        self._graph = graph
        self._calls = calls
        chained = _is_chain(calls) and len(graph.output_tensors) == 1
        self._chain = [function for function, *_ in calls] if chained else None
        self._quiet = all(isinstance(node.layer, RecurrentLayer) for node in graph.nodes)
        self._count = 1 + max(places.values(), default=0)
        self._outputs = [places[id(tensor)] for tensor in graph.output_tensors]
        self._single = isinstance(graph.outputs, SymbolicTensor)
        self._dtype = np.dtype(graph.inputs.dtype)
        self._integers = integers
        self._tails: set[tuple[int, ...]] = set()

    def run(self, x: Array) -> Any:
        """The model's outputs for x, or NO_PLAN."""
        if x.shape[1:] not in self._tails and not self._admits(x):
            return NO_PLAN
        given = x
        if x.dtype is not self._dtype:
            way = "cast" if x.dtype.kind == "f" or self._dtype.kind != "f" else self._integers
            if x.dtype.kind not in NUMBER_KINDS or way == "refuse" or not x.dtype.isnative:
                return NO_PLAN
            if way == "cast":
                x = x.astype(self._dtype)
        if self._quiet:  # The native engine never warns.
            return self._computed(x, given)
        with np.errstate(all="ignore"):
            return self._computed(x, given)

    def _computed(self, x: Array, given: Array) -> Any:
        if self._chain is None or not self._single:
            return unshared(self._run_calls(x), [given])
        y = x
        for function in self._chain:
            y = function(y)
        # An array that owns its memory is new, unless it is the input itself.
        return unshared(y, [given]) if y is given or y.base is not None else y

    def _run_calls(self, x: Array) -> Any:
        values: list[Any] = [None] * self._count
        values[0] = x
        for function, sources, targets, several in self._calls:
            output = function(*[values[place] for place in sources])
            if several:
                for place, part in zip(targets, output, strict=True):
                    values[place] = part
            else:
                values[targets[0]] = output
        return structure.rebuild(self._graph.outputs, iter([values[place] for place in self._outputs]))

    def _admits(self, x: Array) -> bool:
        """Check a shape the first time that it comes; the general way says what is wrong with one that does not fit."""
        wanted = self._graph.inputs.shape
        if x.ndim != len(wanted) or any(n not in (None, size) for n, size in zip(wanted[1:], x.shape[1:], strict=True)):
            return False
        if len(self._tails) > _MOST_TAILS:
            self._tails.clear()
        self._tails.add(x.shape[1:])
        return True


def of(model: Any) -> Plan | None:
    """The plan of a model as it is now; None where only the general way will do. Made once for each state of it.

    >>> import gatewise as gw
    >>> of(gw.Sequential([gw.layers.LSTM(2, input_shape=(5, 3))])) is not None
    True
    """
    found: Plan | None = model._cache.get("plan", model._stamp, _new, model)
    return found


def _new(model: Any) -> Plan | None:
    graph = model.plain_graph()
    return None if graph is None else make(graph)


def make(graph: Graph) -> Plan | None:
    """The plan of a graph, or None where it has no short way."""
    if len(graph.input_tensors) != 1 or not isinstance(graph.inputs, SymbolicTensor):
        return None
    if any(layer.makes_mask for layer in graph.layers):
        return None
    places = {id(graph.inputs): 0}
    calls: list[Call] = []
    for node in graph.nodes:
        call = _call(node, places)
        if call is None:
            return None
        calls.append(call)
    if any(layer._mixed is not None for layer in graph.layers):
        return None
    dtypes = {layer.dtype for layer in graph.layers if not isinstance(layer, InputLayer)}
    first = {(node.layer.autocast, node.layer.casts_integers) for node in graph.nodes if graph.inputs in node.args}
    if len(dtypes) != 1 or len(first) != 1:
        return None
    ((casts, casts_integers),) = first
    if (casts and graph.inputs.dtype not in dtypes) or graph.inputs.dtype == "bfloat16":
        return None
    return Plan(graph, calls, places, "keep" if not casts else "cast" if casts_integers else "refuse")


def _call(node: Node, places: dict[int, int]) -> Call | None:
    function = node.layer.inference()
    if function is None or node.kwargs or len(node.args) != 1 or not isinstance(node.args[0], SymbolicTensor):
        return None
    source = places.get(id(node.args[0]))
    if source is None:
        return None
    targets = []
    for tensor in structure.flatten(node.outputs):
        targets.append(places.setdefault(id(tensor), len(places)))
    return function, (source,), tuple(targets), not isinstance(node.outputs, SymbolicTensor)


def _is_chain(calls: list[Call]) -> bool:
    """Whether each call takes just the one output of the call before it."""
    return all(
        sources == (place,) and targets == (place + 1,) and not several
        for place, (_, sources, targets, several) in enumerate(calls)
    )
