"""A program of a stream in the making, as C: the methods are those of the native engine's `Program`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from gatewise.base.words import nearest
from gatewise.formats.c.cells import CELLS, Step
from gatewise.formats.c.functions import call, helpers, library_calls, number
from gatewise.formats.c.identifiers import Names
from gatewise.formats.c.operations import Input, Operation, Port, Room, Value
from gatewise.formats.c.weights import FORMS, Table, of_precision, table

_KERNELS: Final = ("kernel", "recurrent_kernel")
_JOINED: Final = {"add": "+", "average": "+", "subtract": "-", "multiply": "*"}
_CHOSEN: Final = {"maximum": ">", "minimum": "<"}
_WORDS: Final = {
    "work", "next", "state", "step", "steps", "reset", "run", "weight", "ids_fit", "tested", "differs", "s", "t", "i",
    "g", "a", "x", "y",
}  # fmt: skip
"""What the files use themselves."""


class NoOperationError(Exception):
    """C as it is written here has no such operation."""


class Program:
    """A model as C in the making.

    Each operation becomes lines of the function that takes one step.

    Args:
        inputs, outputs: of the model, in order.
        states: the names of all arrays of the state, in the order in which operations make them.
        weights: how tables are kept, one of `FORMS`.

    Raises:
        ValueError: another form; weights that are not finite.
    """

    def __init__(
        self, inputs: Sequence[Port], outputs: Sequence[Port], states: Sequence[str], weights: str = "float32"
    ) -> None:
        if weights not in FORMS:
            hint = nearest(str(weights), FORMS)
            raise ValueError(f"weights={weights!r}: C has them as {' or '.join(map(repr, FORMS))}.{hint}")
        self.form = weights
        self.inputs: list[Input] = []
        self.outputs: list[tuple[Port, Value]] = []
        self.states: list[tuple[str, int]] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.operations: list[Operation] = []
        self._ports = list(inputs), list(outputs)
        self._state_names = list(states)
        self._values: list[Value] = []
        self._masks: list[str] = []
        self._places: dict[int, str] = {}  # Expressions of states, by their place in a stream's record.
        self._contents: dict[Any, str] = {}  # Names of arrays, by what is in them.
        self._label = "value"
        self._names = Names({*(port.name for port in (*inputs, *outputs)), *states, *helpers(weights), *_WORDS})

    def enter(self, label: str) -> None:
        """Name what comes next after this layer."""
        self._label = label

    # -- inputs, outputs, states ---------------------------------------------------------------------------------------

    def input(self, width: int, ids: bool) -> int:
        port = self._ports[0][len(self.inputs)]
        self.inputs.append(Input(port, width, 2**31 - 1 if ids else None))
        return self._add(Value(port.name, width))

    def output(self, value: int) -> None:
        self.outputs.append((self._ports[1][len(self.outputs)], self._values[value]))

    def take_state(self, place: int, width: int) -> int:
        return self._add(Value(self._places[place], width))

    def _state(self, width: int) -> tuple[int, str]:
        """Room in the record: its place and its expression. Room for nothing is none in C."""
        place, name = sum(size for _, size in self.states), self._state_names[len(self.states)]
        self.states.append((name, width))
        if width:
            self._places[place] = f"s->{name}"
        return place, f"s->{name}"

    # -- operations with tables of weights -----------------------------------------------------------------------------

    def dense(self, x: int, kernel: Any, bias: Any) -> int:
        given, (inputs, units) = self._values[x], kernel.shape
        groups = given.width // inputs
        y = self._room(groups * units)
        tables = self._table("kernel", self._kept("kernel", kernel).in_panels())
        begin = self._array("bias", np.zeros(units, np.float32) if bias is None else bias)
        from_, to = (
            (given.expression, y.name)
            if groups == 1
            else (f"{given.expression} + g * {inputs}", f"{y.name} + g * {units}")
        )
        lines = [
            f"@copy({to}, {begin}, {units});",
            f"@product({', '.join(tables)}, {from_}, {inputs}, {units}, {to});",
        ]
        return self._make(
            y, lines if groups == 1 else _loop("g", groups, lines), [given], arrays=[*tables, begin],
            helpers={"copy", "product"}, multiply_adds=groups * kernel.size,
        )  # fmt: skip

    def recurrence(
        self,
        x: int,
        mask: int,
        cell: str,
        weights: Mapping[str, Any],
        activation: str,
        recurrent_activation: str,
        zero_masked: bool,
        precision: str = "float32",
    ) -> tuple[int, list[int]]:
        given, units = self._values[x], len(weights["recurrent_kernel"])
        if cell not in CELLS:
            raise NoOperationError
        names, write = CELLS[cell]
        kept = {
            name: self._kept(name, of_precision(each, precision)) if name in _KERNELS else each
            for name, each in weights.items()
            if each is not None
        }
        function = f"@{self._names.own(self._label)}"
        step = Step(kept, function, given.width, units, activation, recurrent_activation, self._array)
        write(step)
        places, states = zip(*(self._state(units) for _ in names), strict=True)
        own = Room(self._names.own(f"{self._label}_next"), step.between)
        arguments = [given.expression, *states, *([own.name] if own.width else [])]
        operation = Operation(
            [f"{function}({', '.join(arguments)});"], [given.expression], [states[0]], [own] if own.width else [],
            step.arrays, step.helpers, f"/* {cell}: {given.width} inputs, {units} units. */\n{step.text(names)}",
            keeps_state=True, multiply_adds=sum(weights[name].size for name in _KERNELS),
            library_calls=units * step.library_calls, stack=step.stack,
        )  # fmt: skip
        self.operations.append(operation)
        y = self._add(Value(states[0], units)) if mask < 0 else self._masked(operation, mask, zero_masked, units)
        return y, list(places)

    def _masked(self, operation: Operation, mask: int, zero_masked: bool, units: int) -> int:
        """A recurrence at the steps that count: at others the state stays, and is the output, or that is zeros."""
        counts, (h,) = self._masks[mask], operation.writes
        operation.lines = [f"if ({counts})", f"    {operation.lines[0]}"]
        operation.reads = [*operation.reads, counts]
        if not zero_masked:
            return self._add(Value(h, units))
        y = self._room(units)
        return self._make(y, _loop("i", units, [f"{y.name}[i] = {counts} ? {h}[i] : 0.0f;"]), [h, counts])

    def convolution(self, x: int, kernel: Any, bias: Any, dilation: int, groups: int) -> tuple[int, int]:
        given, (taps, features, filters) = self._values[x], kernel.shape
        own, past = filters // groups, (taps - 1) * dilation
        y, (place, before) = self._room(filters), self._state(past * given.width)
        made = self._kept("kernel", kernel, (0, 1))
        windows = [(g, k) for g in range(groups) for k in range(taps)]
        panels = [Table(made.numbers[k], None).columns(g * own, (g + 1) * own).in_panels() for g, k in windows]
        tables = self._table("kernel", Table(np.concatenate([each.numbers for each in panels]), made.factors))
        begin = self._array("bias", np.zeros(filters, np.float32) if bias is None else bias)
        lines = [f"@copy({y.name}, {begin}, {filters});"]
        for at, (g, k) in enumerate(windows):
            row = _plus(given.expression if k == taps - 1 else before, k * dilation * given.width * (k < taps - 1))
            columns = [_plus(tables[0], at * features * own), *(_plus(each, g * own) for each in tables[1:])]
            to = _plus(y.name, g * own)
            lines.append(f"@product({', '.join(columns)}, {_plus(row, g * features)}, {features}, {own}, {to});")
        if past:
            kept = (past - 1) * given.width
            lines += [f"@copy({before}, {before} + {given.width}, {kept});"] if kept else []
            lines += [f"@copy({_plus(before, kept)}, {given.expression}, {given.width});"]
        number_ = self._make(
            y, lines, [given], arrays=[*tables, begin], helpers={"copy", "product"}, keeps_state=True,
            multiply_adds=kernel.size,
        )  # fmt: skip
        return number_, place

    def embedding(self, ids: int, table: Any, label: str) -> int:
        given, (rows, columns) = self._values[ids], table.shape
        entry = next(each for each in self.inputs if each.port.name == given.expression)
        entry.limit = min(entry.limit or rows, rows)
        numbers, *factors = self._table("embeddings", self._kept("embeddings", table, 1))
        y = self._room(given.width * columns)
        row = f"{numbers}[{given.expression}[g] * {columns} + i]"
        row = f"{factors[0]}[{given.expression}[g]] * (float){row}" if factors else row
        lines = _loop("g", given.width, _loop("i", columns, [f"{y.name}[g * {columns} + i] = {row};"]))
        return self._make(y, lines, [given], arrays=[numbers, *factors])

    # -- operations number by number, and row by row -------------------------------------------------------------------

    def activation(self, x: int, name: str, parameters: Mapping[str, float], in_place: bool) -> int:
        given = self._values[x]
        text, helper = call(name, f"{given.expression}[i]", parameters)
        facts: dict[str, Any] = {"helpers": {helper}, "library_calls": given.width * library_calls(helper)}
        if not in_place:
            return self._numbers(x, text, **facts)
        lines = _loop("i", given.width, [f"{given.expression}[i] = {text};"])
        self.operations.append(Operation(lines, [given.expression], [given.expression], **facts))
        return x

    def softmax(self, x: int, size: int, log: bool) -> int:
        name = "log_softmax" if log else "softmax"
        return self._rows(x, size, name, str(size), library_calls=self._values[x].width)

    def prelu(self, x: int, alpha: Any) -> int:
        own, given = self._array("alpha", alpha), self._values[x].expression
        return self._numbers(x, f"{given}[i] > 0.0f ? {given}[i] : {own}[i] * {given}[i]", arrays=[own])

    def scale_shift(self, x: int, scale: Any, shift: Any) -> int:
        given, arrays = self._values[x], [self._array("scale", scale), self._array("shift", shift)]
        at = "i" if given.width == len(scale) else f"i % {len(scale)}"
        text = f"{given.expression}[i] * {arrays[0]}[{at}] + {arrays[1]}[{at}]"
        return self._numbers(x, text, arrays=arrays, multiply_adds=given.width)

    def layer_norm(self, x: int, epsilon: float, gamma: Any, beta: Any) -> int:
        arrays = [self._array("gamma", gamma), self._array("beta", beta)]
        more = ", ".join([str(len(gamma)), number(epsilon), *arrays])
        return self._rows(x, len(gamma), "normalise", more, arrays=arrays)

    def merge(self, kind: str, inputs: list[int]) -> int:
        given = [self._values[x] for x in inputs]
        y, first = self._room(given[0].width), given[0].expression
        lines = [f"float a = {first}[i];"]
        for b in (f"{each.expression}[i]" for each in given[1:]):
            joined = f"a {_JOINED[kind]} {b}" if kind in _JOINED else f"{b} {_CHOSEN[kind]} a || {b} != {b} ? {b} : a"
            lines.append(f"a = {joined};")
        lines.append(f"{y.name}[i] = a{f' / {number(len(given))}' if kind == 'average' else ''};")
        return self._make(y, _loop("i", y.width, lines), given)

    def concatenate(self, inputs: list[int], outer: int) -> int:
        given = [self._values[x] for x in inputs]
        y, lines, start = self._room(sum(each.width for each in given)), list[str](), 0
        for each in given:
            size = each.width // outer
            to, of = (f" + g * {y.width // outer}", f" + g * {size}") if outer > 1 else ("", "")
            lines.append(f"@copy({_plus(y.name, start)}{to}, {each.expression}{of}, {size});")
            start += size
        return self._make(y, lines if outer == 1 else _loop("g", outer, lines), given, helpers={"copy"})

    # -- masks ---------------------------------------------------------------------------------------------------------

    def mask_zero(self, ids: int) -> int:
        given = self._values[ids].expression
        return self._mask(f"{given}[0] != 0", [given])

    def masking(self, x: int, value: float) -> tuple[int, int]:
        given, y, mask = self._values[x], self._room(self._values[x].width), self._names.own(f"{self._label}_mask")
        lines = [
            f"int {mask} = 0;",
            *_loop("i", given.width, [f"{mask} |= {given.expression}[i] != {number(value)};"]),
            *_loop("i", given.width, [f"{y.name}[i] = {mask} ? {given.expression}[i] : 0.0f;"]),
        ]
        made = self._make(y, lines, [given])
        self.operations[-1].writes = [y.name, mask]
        self._masks.append(mask)
        return made, len(self._masks) - 1

    def combine_masks(self, first: int, second: int, any: bool) -> int:
        both = [self._masks[first], self._masks[second]]
        return self._mask(f" {'||' if any else '&&'} ".join(both), both)

    def _mask(self, expression: str, reads: list[str]) -> int:
        name = self._names.own(f"{self._label}_mask")
        self.operations.append(Operation([f"const int {name} = {expression};"], reads, [name]))
        self._masks.append(name)
        return len(self._masks) - 1

    # -- what they share -----------------------------------------------------------------------------------------------

    def _add(self, value: Value) -> int:
        self._values.append(value)
        return len(self._values) - 1

    def _room(self, width: int) -> Room:
        return Room(self._names.own(self._label), width)

    def _make(self, y: Room, lines: Sequence[str], given: Iterable[Value | str], **facts: Any) -> int:
        """An operation that makes one value of others, and of masks."""
        reads = [each.expression if isinstance(each, Value) else each for each in given]
        self.operations.append(Operation(lines, reads, [y.name], [y], **facts))
        return self._add(Value(y.name, y.width))

    def _numbers(self, x: int, result: str, **facts: Any) -> int:
        """An operation number by number, the `i`th by an expression."""
        given, y = self._values[x], self._room(self._values[x].width)
        return self._make(y, _loop("i", y.width, [f"{y.name}[i] = {result};"]), [given], **facts)

    def _rows(self, x: int, size: int, helper: str, more: str, **facts: Any) -> int:
        """An operation on each row of `size` numbers, by a function with more arguments."""
        given, y = self._values[x], self._room(self._values[x].width)
        at = "" if size == y.width else f" + g * {size}"
        line = f"@{helper}({given.expression}{at}, {y.name}{at}, {more});"
        lines = _loop("g", y.width // size, [line]) if at else [line]
        return self._make(y, lines, [given], helpers={helper}, **facts)

    def _kept(self, name: str, array: Any, axis: int | tuple[int, ...] = 0) -> Table:
        """A table of weights as it is kept; see `table`."""
        return table(self._finite(name, array), self.form, axis)

    def _finite(self, name: str, array: Any) -> Any:
        if not np.isfinite(array).all():
            raise ValueError(f"C has no constants for infinities and NaN, and {self._label}'s {name} holds some.")
        return array

    def _table(self, name: str, made: Table) -> list[str]:
        """The arrays of a table: its numbers and, where it has them, its factors."""
        arrays = [self._array(name, made.numbers)]
        return arrays if made.factors is None else [*arrays, self._array(f"{name}_factors", made.factors)]

    def _array(self, name: str, array: Any) -> str:
        """A constant array, the same for the same numbers; returns its name."""
        array = np.ascontiguousarray(self._finite(name, array)).reshape(-1)
        key = array.dtype.str, array.tobytes()
        if key not in self._contents:
            self._contents[key] = f"@{self._names.own(f'{self._label}_{name}')}"
            self.arrays[self._contents[key]] = array
        return self._contents[key]


def _plus(expression: str, offset: int) -> str:
    return f"{expression} + {offset}" if offset else expression


def _loop(index: str, count: int, lines: Sequence[str]) -> list[str]:
    head = f"for (int {index} = 0; {index} < {count}; {index}++)"
    if len(lines) == 1:
        return [head, f"    {lines[0]}"]
    return [head + " {", *(f"    {line}" for line in lines), "}"]
