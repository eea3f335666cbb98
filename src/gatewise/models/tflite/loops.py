"""Loops that are recurrences of Keras's, found by what they compute, so that the recurrent engine can run them.

A loop's body is followed symbolically. Its new states, with sums and products in an order of their own, are compared
with the equations of LSTM, GRU and SimpleRNN; what is not one of these, to the last operator, stays a loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, Final, TypeAlias

import numpy as np

from gatewise import activations
from gatewise.base.typing import Array
from gatewise.engine import cells, recurrence
from gatewise.engine.op import Op, Traversal
from gatewise.formats.graph import Graph, Node

Term: TypeAlias = tuple[Any, ...]
"""What a value is: ("input", place), ("dot", x, weights), ("sum", ...), ("cut", start, stop, x) and so on."""
X: Final[Term] = ("x",)
"""A step of the sequence."""
_MOST_LISTED: Final = 8
_LAST_OF_TWO: Final = ((1,), (-1,))
"""The last axis of (B, gH)."""
_MOST_PARTS: Final = 500
"""Of a term; an LSTM's output has some fifty, and one that doubles in each line would fill the memory."""
_FUNCTIONS: Final = {"LOGISTIC": "sigmoid", "TANH": "tanh"}


class _OtherError(Exception):
    """The loop is another one."""


_NOT_FORESEEN: Final = (_OtherError, LookupError, ValueError, TypeError, AttributeError, RecursionError)
"""What comes of reading a loop of another form."""


@dataclass(frozen=True)
class Recurrence:
    """A loop that the engine can run.

    Attributes:
        op: the cell with its weights.
        sequence, counters: the places of what the loop carries: the input (T, B, I), and numbers of turns.
        states: places of the cell's states.
        last, all: places of what gathers the outputs: the last one, or those of every step.
        limits: what counters run up to: numbers, or places of what is carried.
    """

    op: Op
    sequence: int
    counters: tuple[int, ...]
    states: tuple[int, ...]
    last: tuple[int, ...]
    all: tuple[int, ...]
    limits: tuple[Term, ...]

    def run(self, carried: tuple[Array, ...]) -> tuple[Array, ...] | None:
        """What is carried after the loop; None where it does not go once over the whole sequence."""
        x = carried[self.sequence]
        counts = {int(carried[place].item()) for place in self.counters}
        ends = {int(carried[limit[1]].item() if limit[0] == "input" else limit[1][0]) for limit in self.limits}
        outputs = {len(carried[place]) for place in self.all}
        if x.ndim != 3 or counts != {0} or ends != {len(x)} or outputs - {len(x)} or not len(x):
            return None
        state = tuple(np.ascontiguousarray(carried[place]) for place in self.states)
        y, final = recurrence.forward(self.op, np.ascontiguousarray(np.swapaxes(x, 0, 1)), state, Traversal())
        made = dict(zip(self.states, final, strict=True))
        made |= {place: np.array(len(x), carried[place].dtype) for place in self.counters}
        made |= {place: final[0].reshape(carried[place].shape) for place in self.last}
        made |= {place: np.swapaxes(y, 0, 1) for place in self.all}
        return tuple(made.get(place, value) for place, value in enumerate(carried))


def recurrence_of(condition: Graph, body: Graph) -> Recurrence | None:
    """The recurrence that a loop is, or None."""
    try:
        return _Reader(condition, body).recurrence()
    except _NOT_FORESEEN:
        return None


# -- terms ------------------------------------------------------------------------------------------------------------


def _sum(*terms: Term) -> Term:
    parts = [part for term in terms for part in (term[1:] if term[0] == "sum" else (term,))]
    return ("sum", *sorted(parts, key=repr)) if len(parts) > 1 else parts[0]


def _product(*terms: Term) -> Term:
    return ("product", *sorted(terms, key=repr))


def _of_gate(name: str, term: Term) -> Term:
    return ("function", name, term)


def _parts(term: Term) -> tuple[Term, ...]:
    return term[1:] if term[0] == "sum" else (term,)


class _Reader:
    """A loop, read.

    Args:
        condition: whether it goes on.
        body: one turn.
    """

    def __init__(self, condition: Graph, body: Graph) -> None:
        self.condition, self.body = condition, body
        self.inputs = {value.name: place for place, value in enumerate(body.inputs)}
        self.same = {value.name for value, new in zip(body.inputs, body.outputs, strict=True) if value.name == new.name}
        self.constants: Mapping[str, Array] = body.constants

    def recurrence(self) -> Recurrence:
        terms = self._terms(self.body)
        made = [terms[value.name] for value in self.body.outputs]
        one = ("ints", (1,))
        counters = tuple(k for k, term in enumerate(made) if term == _sum(("input", k), one))
        ((sequence, index),) = self._gathered
        if index not in [("input", place) for place in counters]:
            raise _OtherError
        found = next(filter(None, (self._cell(made, place) for place in range(len(made)))), None)
        if found is None:
            raise _OtherError
        op, states = found
        h = made[states[0]]
        last = tuple(k for k, term in enumerate(made) if term == h and k not in states)
        every = tuple(k for k, term in enumerate(made) if any(term == self._put(k, n, h) for n in counters))
        known = {*counters, *states, *last, *every}
        if any(place not in known and term != ("input", place) for place, term in enumerate(made)):
            raise _OtherError
        limits = self._limits(counters)
        if any(limit[0] == "input" and made[limit[1]] != limit for limit in limits):
            raise _OtherError
        return Recurrence(op, sequence, counters, states, last, every, limits)

    def _limits(self, counters: tuple[int, ...]) -> tuple[Term, ...]:
        """What the counters are compared with."""
        places = {value.name: place for place, value in enumerate(self.condition.inputs)}
        limits: dict[str, tuple[Term, ...]] = {}
        for node in self.condition.nodes:
            one, other = node.inputs
            if node.operator == "LESS" and places.get(one) in counters:
                constant = self.condition.constants.get(other)
                limit = ("input", places[other]) if constant is None else ("ints", tuple(constant.ravel().tolist()))
                limits[node.outputs[0]] = (limit,)
            elif node.operator == "LOGICAL_AND":
                limits[node.outputs[0]] = (*limits[one], *limits[other])
            else:
                raise _OtherError
        return limits[self.condition.outputs[0].name]

    # -- following the body --------------------------------------------------------------------------------------------

    def _terms(self, graph: Graph) -> dict[str, Term]:
        terms: dict[str, Term] = {name: ("input", place) for name, place in self.inputs.items()}
        terms |= {name: self._constant(name, array) for name, array in graph.constants.items()}
        self._gathered: set[tuple[int, Term]] = set()
        sizes: dict[str, int] = {}
        for node in graph.nodes:
            if any(scale is not None for scale in node.attributes["scales"]) or node.attributes.get("activation"):
                raise _OtherError
            sizes |= dict.fromkeys(node.outputs, 1 + sum(sizes.get(name, 1) for name in node.inputs))
            if max(map(sizes.__getitem__, node.outputs)) > _MOST_PARTS:
                raise _OtherError
            given = [terms[name] for name in node.inputs if name]
            terms.update(zip(node.outputs, self._followed(node, given), strict=True))
        return terms

    def _constant(self, name: str, array: Array) -> Term:
        if array.dtype.kind in "iu" and array.size <= _MOST_LISTED:
            return ("ints", tuple(array.ravel().tolist()))
        if array.size == 1:
            return ("float", float(array.item()))
        return ("weights", name)

    def _followed(self, node: Node, given: list[Term]) -> Iterator[Term]:
        match node.operator:
            case "RESHAPE":
                yield given[0]
            case "ADD":
                yield _sum(*given)
            case "MUL":
                yield _product(*given)
            case "SUB" if given[0] == ("float", 1.0):
                yield ("rest", given[1])
            case "LOGISTIC" | "TANH":
                yield _of_gate(_FUNCTIONS[node.operator], given[0])
            case "FULLY_CONNECTED":
                yield _sum(("dot", given[0], given[1][1]), *given[2:])
            case "GATHER" if node.inputs[0] in self.same and not node.attributes["axis"]:
                self._gathered.add((given[0][1], given[1]))
                yield X
            case "SPLIT" if given[0][1] in _LAST_OF_TWO:
                width, count = self._width(given[1]), len(node.outputs)
                yield from (_cut(given[1], k * width // count, (k + 1) * width // count) for k in range(count))
            case "SPLIT_V" if given[2][1] in _LAST_OF_TWO:
                ends = list(accumulate(given[1][1]))
                yield from (_cut(given[0], end - size, end) for end, size in zip(ends, given[1][1], strict=True))
            case "STRIDED_SLICE":
                yield self._sliced(node, given)
            case operator:
                yield (operator, node.attributes.get("axis", 0), *given)

    def _width(self, term: Term) -> int:
        """Of the last axis."""
        first = _parts(term)[0]
        if first[0] == "cut":
            return int(first[2] - first[1])
        return int(self.constants[first[2]].shape[0] if first[0] == "dot" else self.constants[first[1]].size)

    def _sliced(self, node: Node, given: list[Term]) -> Term:
        """Some columns of all rows."""
        begin, end, stride = (term[1] for term in given[1:])
        masks = {name: node.attributes[f"{name}_mask"] for name in ("ellipsis", "new_axis", "shrink_axis")}
        axis = len(begin) - 1
        whole = (1 << axis) - 1
        first, last = node.attributes["begin_mask"], node.attributes["end_mask"]
        if any(masks.values()) or set(stride) != {1} or first & whole != whole or last & whole != whole:
            raise _OtherError
        stop = self._width(given[0]) if last >> axis & 1 else end[axis]
        return _cut(given[0], 0 if first >> axis & 1 else begin[axis], stop)

    def _put(self, buffer: int, counter: int, h: Term) -> Term:
        """A buffer with the output at the place of the counter."""
        own, at, after = ("input", buffer), ("input", counter), _sum(("input", counter), ("ints", (1,)))
        front = ("SLICE", 0, own, ("ints", (0, 0, 0)), ("CONCATENATION", 0, at, ("ints", (-1, -1))))
        back = ("SLICE", 0, own, ("CONCATENATION", 0, after, ("ints", (0, 0))), ("ints", (-1, -1, -1)))
        return ("CONCATENATION", 0, front, h, back)

    # -- the equations -------------------------------------------------------------------------------------------------

    def _cell(self, made: list[Term], place: int) -> tuple[Op, tuple[int, ...]] | None:
        """The cell whose output's new state stands at a place."""
        h, new = ("input", place), made[place]
        for read in (self._simple, self._gru, self._lstm):
            try:
                return read(h, new, made)
            except _NOT_FORESEEN:
                continue
        return None

    def _gate(self, term: Term, h: Term, gate: int, gates: int) -> tuple[str, str, list[Array]]:
        """Kernel, recurrent kernel and the biases of a sum of products, of which it is one gate's columns."""
        products, biases = [], []
        for part in _parts(term):
            start, stop, whole = part[1:] if part[0] == "cut" else (0, self._width(part), part)
            if (start, stop) != (gate * (stop - start), (gate + 1) * (stop - start)):
                raise _OtherError
            if self._width(whole) != gates * (stop - start):
                raise _OtherError
            if whole[0] == "dot":
                products.append(whole)
            else:
                biases.append(self.constants[whole[1]].ravel()[start:stop])
        (kernel,) = (name for _, x, name in products if x == X)
        (recurrent,) = (name for _, x, name in products if x == h)
        if len(products) != 2:
            raise _OtherError
        return kernel, recurrent, biases

    def _simple(self, h: Term, new: Term, made: list[Term]) -> tuple[Op, tuple[int, ...]]:
        kind, name, z = new
        if kind != "function" or name != "tanh":
            raise _OtherError
        kernel, recurrent, biases = self._gate(z, h, 0, 1)
        return self._op(cells.SimpleRNN, {kernel}, [recurrent], _total(biases, self._width(z))), (h[1],)

    def _lstm(self, h: Term, new: Term, made: list[Term]) -> tuple[Op, tuple[int, ...]]:
        _, *factors = new
        (o,) = (term[2] for term in factors if term[1] == "sigmoid")
        (c_new,) = (term[2] for term in factors if term[1] == "tanh")
        c = ("input", made.index(c_new))
        (kept,) = (term for term in _parts(c_new) if c in term)
        (put_in,) = (term for term in _parts(c_new) if c not in term)
        (f,) = (term[2] for term in kept[1:] if term != c)
        (i,) = (term[2] for term in put_in[1:] if term[1] == "sigmoid")
        (g,) = (term[2] for term in put_in[1:] if term[1] == "tanh")
        gates = [self._gate(term, h, place, 4) for place, term in enumerate((i, f, g, o))]
        s, t = partial(_of_gate, "sigmoid"), partial(_of_gate, "tanh")
        if c_new != _sum(_product(s(f), c), _product(s(i), t(g))) or new != _product(s(o), t(c_new)):
            raise _OtherError
        kernels, recurrents, biases = zip(*gates, strict=True)
        (recurrent,) = set(recurrents)
        bias = np.concatenate([_total(own, self._units(recurrent)) for own in biases])
        return self._op(cells.LSTM, set(kernels), [recurrent], bias), (h[1], c[1])

    def _gru(self, h: Term, new: Term, made: list[Term]) -> tuple[Op, tuple[int, ...]]:
        (kept,) = (term for term in _parts(new) if h in term)
        (z,) = (term for term in kept[1:] if term != h)
        (candidate,) = (term for part in _parts(new) if part != kept for term in part[1:] if term[0] == "function")
        if new != _sum(_product(z, h), _product(("rest", z), candidate)) or candidate[1] != "tanh":
            raise _OtherError
        inside = _parts(candidate[2])
        resets = [term for term in inside if term[0] == "product"]
        read = self._gru_after if resets else self._gru_before
        return read(h, z, inside, resets), (h[1],)

    def _gru_after(self, h: Term, z: Term, inside: tuple[Term, ...], resets: list[Term]) -> Op:
        (reset,) = resets
        (r,) = (term for term in reset[1:] if term[0] == "function")
        (own,) = (term for term in reset[1:] if term[0] != "function")
        own_parts, rest = _parts(own), tuple(term for term in inside if term != reset)
        if not any(_whole(term)[:2] == ("dot", h) for term in own_parts):
            raise _OtherError
        found = self._gate(_sum(*rest, *own_parts), h, 2, 3)
        gates = [self._sigmoid_gate(term, h, place) for place, term in enumerate((z, r))]
        kernels, recurrents, _ = zip(*gates, found, strict=True)
        (recurrent,) = set(recurrents)
        units = self._units(recurrent)
        sides = [[term for term in part if _whole(term)[0] == "weights"] for part in (rest, own_parts)]
        late = [_total([self._bias(term) for term in side], units) for side in sides]
        early = [_total(biases, units) for _, _, biases in gates]
        bias = np.stack([np.concatenate([*early, late[0]]), np.concatenate([np.zeros(2 * units, "f4"), late[1]])])
        return self._op(cells.GRUResetAfter, set(kernels), [recurrent], bias)

    def _gru_before(self, h: Term, z: Term, inside: tuple[Term, ...], _: list[Term]) -> Op:
        (after,) = (term for term in inside if term[0] == "dot" and term[1][0] == "product")
        (r,) = (term for term in after[1][1:] if term != h)
        if after[1] != _product(r, h):
            raise _OtherError
        gates = [self._sigmoid_gate(term, h, place, 2) for place, term in enumerate((z, r))]
        (kernel,) = {name for name, _, _ in gates}
        (recurrent,) = {name for _, name, _ in gates}
        units = self._units(recurrent)
        others = [term for term in inside if term != after]
        columns = ("cut", 2 * units, 3 * units, ("dot", X, kernel))
        biases = [self._bias(term) for term in others if term != columns]
        if columns not in others:
            raise _OtherError
        bias = np.concatenate([*(_total(own, units) for _, _, own in gates), _total(biases, units)])
        return self._op(cells.GRU, {kernel}, [recurrent, after[2]], bias)

    def _sigmoid_gate(self, term: Term, h: Term, place: int, recurrent: int = 3) -> tuple[str, str, list[Array]]:
        if term[:2] != ("function", "sigmoid"):
            raise _OtherError
        if recurrent == 3:
            return self._gate(term[2], h, place, 3)
        parts = _parts(term[2])
        (own,) = (part for part in parts if _whole(part)[:2] == ("dot", h))
        units = own[2] - own[1]
        if own[1] != place * units or self._width(own[3]) != 2 * units:
            raise _OtherError
        rest = [part for part in parts if part != own]
        (x,) = (part for part in rest if part[3][:2] == ("dot", X))
        if x[1:3] != own[1:3] or self._width(x[3]) != 3 * units:
            raise _OtherError
        return x[3][2], own[3][2], [self._bias(part) for part in rest if part != x]

    def _bias(self, term: Term) -> Array:
        start, stop, (kind, name) = term[1:] if term[0] == "cut" else (None, None, term)
        if kind != "weights":
            raise _OtherError
        return np.asarray(self.constants[name]).ravel()[start:stop]

    def _units(self, recurrent: str) -> int:
        return int(self.constants[recurrent].shape[1])

    def _op(self, cell: type[cells.Cell], kernels: set[str], recurrents: list[str], bias: Array) -> Op:
        """The engine's; a recurrent kernel may be of several, one below the other."""
        (kernel,) = kernels
        recurrent = np.concatenate([self.constants[name] for name in recurrents])
        weights: dict[str, Any] = {
            "kernel": np.ascontiguousarray(self.constants[kernel].T),
            "recurrent_kernel": np.ascontiguousarray(recurrent.T),
            "bias": np.ascontiguousarray(bias),
        }
        functions = (activations.get("tanh"), activations.get("sigmoid"))
        return Op(cell, weights, *functions, names=("tanh", "sigmoid"))


def _whole(term: Term) -> Term:
    return term[3] if term[0] == "cut" else term


def _cut(term: Term, start: int, stop: int) -> Term:
    """Some columns; of a sum, those of its parts."""
    if term[0] == "sum":
        return _sum(*(_cut(part, start, stop) for part in term[1:]))
    if term[0] == "cut":
        return ("cut", term[1] + start, term[1] + stop, term[3])
    return ("cut", start, stop, term)


def _total(biases: list[Array], units: int) -> Array:
    return np.asarray(sum(biases, np.zeros(units, "f4")))
