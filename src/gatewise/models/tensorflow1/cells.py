"""Recurrent cells that are found in the body of a loop, by their equations: patterns over operators.

A pattern is the name of what is to be found ("x", "kernel"), a number, or an operator with patterns: ("Mul", "u", "h").
The inputs of Add and Mul may stand in either order. ("phi", p) is any activation; ("Split", k, n, p) the part k of n;
("Named", name, p) what p fits, under a name.

Source: TensorFlow 1.15, `rnn_cell_impl.py` and `cudnn_rnn_ops.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Final, TypeAlias

import numpy as np

from gatewise import activations
from gatewise.engine import cells
from gatewise.engine.op import Op
from gatewise.formats.tensorflow.graph import Graph, Node, Ref
from gatewise.models.tensorflow1 import weights

Found: TypeAlias = dict[str, Any]
"""What the names of a pattern stand for: `Ref`s, and for "phi" the name of an activation."""

_SAME: Final = {"AddV2": "Add", "BiasAdd": "Add"}
_ANY_ORDER: Final = ("Add", "Mul")
_ACTIVATIONS: Final = {
    "Tanh": "tanh", "Relu": "relu", "Sigmoid": "sigmoid", "Softsign": "softsign", "Softplus": "softplus",
    "Elu": "elu", "Relu6": "relu6",
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A cell, as TensorFlow 1 writes it.

    Attributes:
        name: for messages.
        cell: the engine's.
        after: the pattern of h after a step; of an LSTM it names "c after".
        before: the names of the states before it, h the first.
        weights: the names of its arrays.
        to_ours: what makes the engine's weights of them; the last argument is the forget gate's bias, for LSTMs.
    """

    name: str
    cell: type[cells.Cell]
    after: Any
    before: tuple[str, ...]
    weights: tuple[str, ...]
    to_ours: Callable[..., list[np.ndarray]]


def _product(x: Any, kernel: str, bias: str) -> Any:
    return ("Add", ("MatMul", x, kernel), bias)


def _lstm(*seen: str) -> Any:
    """`seen` are the peepholes of f, i and o."""
    i: Any
    o: Any
    i, j, f, o = (("Split", part, 4, _product(("ConcatV2", "x", "h"), "kernel", "bias")) for part in range(4))
    forget: Any = ("Add", f, "forget_bias")
    if seen:
        forget, i = ("Add", forget, ("Mul", seen[0], "c")), ("Add", i, ("Mul", seen[1], "c"))
    c = ("Named", "c after", ("Add", ("Mul", ("Sigmoid", forget), "c"), ("Mul", ("Sigmoid", i), ("phi", j))))
    if seen:
        o = ("Add", o, ("Mul", seen[2], c))
    return ("Mul", ("Sigmoid", o), ("phi", c))


def _gru(candidate: Callable[[Any], Any]) -> Any:
    gates = ("Sigmoid", _product(("ConcatV2", "x", "h"), "gates", "gates_bias"))
    r, u = (("Split", part, 2, gates) for part in range(2))
    return ("Add", ("Mul", u, "h"), ("Mul", ("Sub", 1.0, u), ("phi", candidate(r))))


def _reset_before(r: Any) -> Any:
    return _product(("ConcatV2", "x", ("Mul", r, "h")), "candidate", "candidate_bias")


def _reset_after(r: Any) -> Any:
    return ("Add", _product("x", "inputs", "inputs_bias"), ("Mul", r, _product("h", "states", "states_bias")))


_GATES: Final = ("gates", "gates_bias")
KINDS: Final = (
    Kind("LSTM", cells.LSTM, _lstm(), ("h", "c"), ("kernel", "bias"), weights.lstm),
    Kind(
        "LSTM with peepholes",
        cells.PeepholeLSTM,
        _lstm("w_f", "w_i", "w_o"),
        ("h", "c"),
        ("kernel", "bias", "w_f", "w_i", "w_o"),
        weights.peephole,
    ),
    Kind("GRU", cells.GRU, _gru(_reset_before), ("h",), (*_GATES, "candidate", "candidate_bias"), weights.gru),
    Kind(
        "GRU that resets behind the product",
        cells.GRUResetAfter,
        _gru(_reset_after),
        ("h",),
        (*_GATES, "inputs", "inputs_bias", "states", "states_bias"),
        weights.cudnn_gru,
    ),
    Kind(
        "SimpleRNN",
        cells.SimpleRNN,
        ("phi", _product(("ConcatV2", "x", "h"), "kernel", "bias")),
        ("h",),
        ("kernel", "bias"),
        weights.simple,
    ),
)
"""All cells that are known."""


@dataclass(frozen=True)
class FoundCell:
    """A cell in a loop.

    Attributes:
        kind: what it is.
        x: its input in the loop's body.
        before, after: its states there, before and after a step.
        op: the engine's.
    """

    kind: Kind
    x: Ref
    before: tuple[Ref, ...]
    after: tuple[Ref, ...]
    op: Op

    @property
    def label(self) -> str:
        """For messages: "LSTM of 128 units"."""
        return f"{self.kind.name} of {self.op.state_widths[0]} units"


class Finder:
    """Cells in the body of a loop.

    Args:
        graph: the whole.
        behind: what stands behind a ref, through operators that only hand on.
    """

    def __init__(self, graph: Graph, behind: Callable[[Ref], Ref]) -> None:
        self.graph = graph
        self.behind = behind

    def find(self, after: Ref, states: Sequence[Ref]) -> FoundCell | None:
        """The cell whose output h is `after`, if its states before are among `states`."""
        for kind in KINDS:
            for found in self._match(kind.after, self.behind(after), {}):
                before = tuple(found[name] for name in kind.before)
                op = self._op(kind, found) if all(state in states for state in before) else None
                if op is not None:
                    states_after = (self.behind(after), *(found[name] for name in ("c after",) if name in found))
                    return FoundCell(kind, found["x"], before, states_after, op)
        return None

    def _op(self, kind: Kind, found: Found) -> Op | None:
        """The engine's op, if the weights are constants of shapes that belong together."""
        arrays = [self._constant(found[name]) for name in kind.weights]
        extra = [self._constant(found["forget_bias"])] if "forget_bias" in found else []
        if any(array is None for array in (*arrays, *extra)):
            return None
        given: list[Any] = arrays
        units = given[1].size // {1: 1, 3: 2, 4: 4}[len(kind.cell.gates)]
        try:
            made = kind.to_ours(given, units, *(float(array.item()) for array in extra if array is not None))
            names = [name for name in kind.cell.weights if name in ("kernel", "recurrent_kernel", "bias", "peephole")]
            phi = found.get("phi", "tanh")
            op = Op(kind.cell, dict(zip(names, made, strict=True)), getattr(activations, phi), activations.sigmoid,
                    names=(phi, "sigmoid"))  # fmt: skip
            return op if op.state_widths == (units,) * len(kind.before) else None
        except (ValueError, LookupError):
            return None

    def _constant(self, ref: Ref) -> np.ndarray | None:
        stored = self.graph.constants.get(ref.node)
        return None if stored is None else stored.read()

    # -- patterns -----------------------------------------------------------------------------------------------------

    def _match(self, pattern: Any, ref: Ref, found: Found) -> Iterator[Found]:
        """Every way in which a pattern fits what stands behind `ref`, with what its names then stand for."""
        if isinstance(pattern, str):
            if found.get(pattern, ref) == ref:
                yield {**found, pattern: ref}
            return
        if isinstance(pattern, float):
            array = self._constant(ref)
            if array is not None and array.size == 1 and array.item() == pattern:
                yield found
            return
        node = self.graph.nodes.get(ref.node)
        if node is None:
            return
        operator, *parts = pattern
        if operator == "Named":
            name, inner = parts
            if found.get(name, ref) == ref:
                yield from self._match(inner, ref, {**found, name: ref})
        elif operator == "phi":
            name = _ACTIVATIONS.get(node.operator)
            if name is not None and found.get("phi", name) == name:
                yield from self._match(parts[0], self.behind(node.inputs[0]), {**found, "phi": name})
        elif operator == "Split":
            yield from self._match_part(parts, node, ref.port, found)
        elif _SAME.get(node.operator, node.operator) == operator:
            yield from self._match_inputs(operator, parts, node, found)

    def _match_part(self, parts: Sequence[Any], node: Node, port: int, found: Found) -> Iterator[Found]:
        place, count, whole = parts
        if node.operator == "Split" and port == place and node.attributes.get("num_split") == count:
            axis, given = node.inputs
            if self._is_last_axis(axis):
                yield from self._match(whole, self.behind(given), found)

    def _match_inputs(self, operator: str, parts: Sequence[Any], node: Node, found: Found) -> Iterator[Found]:
        inputs = node.inputs
        if operator == "ConcatV2":
            *inputs_, axis = inputs
            inputs = tuple(inputs_)
            if not self._is_last_axis(axis):
                return
        if len(inputs) != len(parts) or node.attributes.get("transpose_a") or node.attributes.get("transpose_b"):
            return
        for order in permutations(inputs) if operator in _ANY_ORDER else (inputs,):
            yield from self._match_each(parts, [self.behind(ref) for ref in order], found)

    def _match_each(self, parts: Sequence[Any], refs: Sequence[Ref], found: Found) -> Iterator[Found]:
        if not parts:
            yield found
            return
        for so_far in self._match(parts[0], refs[0], found):
            yield from self._match_each(parts[1:], refs[1:], so_far)

    def _is_last_axis(self, ref: Ref) -> bool:
        array = self._constant(self.behind(ref))
        return array is not None and array.size == 1 and array.item() in (1, -1)
