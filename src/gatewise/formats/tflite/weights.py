"""The arrays of a graph as layers of Keras have them: kernels turned round, and a recurrence's in its layer's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from gatewise.formats.graph import Graph, Node

Named = tuple[str, np.ndarray]


def weights_of(graph: Graph) -> Iterator[Named]:
    """Each array of floats once, in the order in which nodes use them; integers that stand for floats as these."""
    seen: set[str] = set()
    for node in graph.nodes:
        for name, array in _of_node(node, graph.constants):
            if name not in seen:
                seen.add(name)
                yield name, array


def _of_node(node: Node, constants: Mapping[str, np.ndarray]) -> Iterator[Named]:
    if node.operator == "WHILE":
        yield from _of_loop(node)
        return
    for inner in node.graphs():
        yield from weights_of(inner)
    if node.operator.endswith("_SEQUENCE_LSTM") and len(node.inputs) > 15:
        yield from _of_lstm(node, constants)
        return
    for place, name in enumerate(node.inputs):
        array = real(node, place, constants)
        if array is None or array.size < 2:
            continue
        yield name, _turned(node.operator, array)


def _turned(operator: str, array: np.ndarray) -> np.ndarray:
    """A kernel (O, I), or (O, K, L, I) with one K where there is one axis, as (I, O), (K, L, I, O) or (L, I, O)."""
    if operator == "CONV_2D" and array.ndim == 4:
        return np.moveaxis(array[:, 0] if array.shape[1] == 1 else array, 0, -1)
    dense = operator == "FULLY_CONNECTED" or operator.endswith("_RNN")
    return array.T if dense and array.ndim == 2 else array


def real(node: Node, place: int, constants: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The floats of a node's input; None for one that is no constant of floats."""
    array, scale = constants.get(node.inputs[place]), node.attributes["scales"][place]
    if array is None or scale is None:
        kept = array is not None and not any(array.strides)  # A variable: zeros that are one number.
        return array if array is not None and array.dtype.kind == "f" and not kept else None
    return np.asarray(scale.real(array))


def _of_lstm(node: Node, constants: Mapping[str, np.ndarray]) -> Iterator[Named]:
    """Kernel (I, 4H), recurrent kernel (H, 4H) and bias (4H,) of each direction."""
    ways = {"": (1, 5, 12)} if node.operator.startswith("UNI") else {"/forward": (1, 5, 12), "/backward": (18, 22, 29)}
    for way, places in ways.items():
        for what, first in zip(("kernel", "recurrent_kernel", "bias"), places, strict=True):
            parts = [real(node, place, constants) for place in range(first, first + 4) if place < len(node.inputs)]
            there = [part.T for part in parts if part is not None]
            if len(there) == 4 and len({part.shape for part in there}) == 1:
                yield f"{node.name}{way}/{what}", np.concatenate(there, axis=-1)


_PASSED_ON: Final = ("ADD", "SPLIT", "STRIDED_SLICE", "RESHAPE", "SQUEEZE")
"""What may stand between a product and its bias, or between the input and its product."""


def _of_loop(node: Node) -> Iterator[Named]:
    """What a loop over time multiplies: first the input, which it gathers, then the state; then what it adds."""
    body = node.attributes["body"]
    gathered: set[str] = set()
    of_state: dict[str, bool] = {}
    kernels: dict[bool, dict[str, np.ndarray]] = {False: {}, True: {}}
    biases: dict[bool, dict[str, np.ndarray]] = {False: {}, True: {}}
    for inner in body.nodes:
        product = inner.operator == "FULLY_CONNECTED"
        known = [of_state[name] for name in inner.inputs if name in of_state]
        state = inner.inputs[0] not in gathered if product else min(known, default=True)
        if inner.operator == "GATHER" or (inner.operator in _PASSED_ON and gathered.intersection(inner.inputs)):
            gathered.update(inner.outputs)
        if product or (known and inner.operator in _PASSED_ON):
            of_state |= dict.fromkeys(inner.outputs, state)
        for place, name in enumerate(inner.inputs):
            array = real(inner, place, body.constants)
            if array is not None and array.size > 1:
                (kernels if product and array.ndim == 2 else biases)[state][name] = array
    for turned in (kernels[False], _whole(kernels[True])):
        yield from ((f"{node.name}/{name}", array.T) for name, array in turned.items())
    flat = {name: array.ravel() for group in biases.values() for name, array in group.items()}
    if len(flat) == 2 and len({array.size for array in flat.values()}) == 1:
        yield f"{node.name}/{'+'.join(flat)}", np.stack(list(flat.values()))  # Of a GRU: the input's and the state's.
        return
    yield from ((f"{node.name}/{name}", array) for name, array in flat.items())


def _whole(kernels: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A GRU that resets its state before the product has one kernel (2H, H) for the gates, and one (H, H)."""
    parts = sorted(kernels.items(), key=lambda item: -len(item[1]))
    if len(parts) == 2 and len(parts[0][1]) == 2 * len(parts[1][1]):
        return {"+".join(name for name, _ in parts): np.concatenate([array for _, array in parts])}
    return kernels
