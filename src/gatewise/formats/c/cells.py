"""The cells in C: what one step does, by blocks of units, so that hardly anything lies between the sums and the states.

All gates' columns of a block of units lie side by side (`weights.by_block`); their sums are the numbers `z`. Units that
are left over come one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np

from gatewise.formats.c.functions import call, library_calls
from gatewise.formats.c.weights import Table, block_of, by_block


@dataclass(frozen=True)
class Unit:
    """What the numbers of a unit are called in the lines of its equation.

    Attributes:
        u: its place among all.
        together: how many units the sums are of: a block's, or one.
    """

    u: str
    together: int

    def of(self, name: str, place: int) -> str:
        """One of a unit's numbers, such as the sum of a gate."""
        return f"{name}[{place * self.together} + k]" if self.together > 1 else f"{name}[{place}]"


Lines: TypeAlias = Callable[[Unit], list[str]]


@dataclass
class Step:
    """The function of one recurrent layer in the making.

    Attributes:
        weights: its weights by name: tables for kernels, arrays for all else.
        name: of the function.
        inputs, units: how many.
        activation, recurrent_activation: phi and sigma.
        make_array: makes a constant array, of the end of a name and the numbers; returns its name.
        lines: of the function's body.
        helpers: the functions that it calls.
        arrays: the constants that it reads.
        between: floats that it needs for itself.
        library_calls: to the mathematical library, for a unit.
        stack: floats of its arrays on the stack: the sums of a block, and those that are being made.
    """

    weights: Mapping[str, Any]
    name: str
    inputs: int
    units: int
    activation: str
    recurrent_activation: str
    make_array: Callable[[str, np.ndarray], str]
    lines: list[str] = field(default_factory=list)
    helpers: set[str] = field(default_factory=set)
    arrays: list[str] = field(default_factory=list)
    between: int = 0
    library_calls: int = 0
    stack: int = 0
    _counted: bool = True

    def array(self, name: str, numbers: np.ndarray) -> str:
        """A constant array; returns its name."""
        self.arrays.append(self.make_array(name, numbers))
        return self.arrays[-1]

    def bias(self, rows: int, gates: int) -> np.ndarray:
        """The bias, (rows, gH), zeros where there is none."""
        bias = self.weights.get("bias")
        if bias is None:
            return np.zeros((rows, gates * self.units), np.float32)
        return np.asarray(bias).reshape(rows, -1)

    def phi(self, x: str) -> str:
        """The activation of an expression."""
        return self._activated(self.activation, x)

    def sigma(self, x: str) -> str:
        """The recurrent activation of an expression."""
        return self._activated(self.recurrent_activation, x)

    def _activated(self, name: str, x: str) -> str:
        if name == "linear":
            return f"({x})"
        text, helper = call("gate_sigmoid" if name == "sigmoid" else name, x)
        self.helpers.add(helper)
        self.library_calls += library_calls(helper) * self._counted
        return text

    def products(self, name: str, table: Table, x: str, n: int, y: str) -> list[str]:
        """Lines that add x times a table with all its columns to y."""
        self.helpers.add("product")
        columns = table.numbers.shape[1]
        panels = table.in_panels()
        given = [self.array(name, panels.numbers)]
        if panels.factors is not None:
            given.append(self.array(f"{name}_factors", panels.factors))
        return [f"@product({', '.join(given)}, {x}, {n}, {columns}, {y});"]

    def sums(self, name: str, table: Table, gates: int, x: str, n: int, y: str) -> Lines:
        """What adds x times the units' columns to y."""
        columns = table.by_block(gates)
        numbers = self.array(name, columns.numbers)
        factors = None if columns.factors is None else self.array(f"{name}_factors", columns.factors)

        def lines(unit: Unit) -> list[str]:
            count = gates * unit.together
            self.helpers.add(f"sum{count}")
            given = [f"{numbers} + u * {n * gates}", *([str(gates)] if unit.together == 1 else [])]
            given += [f"{factors} + u * {gates}"] if factors else []
            return [f"@sum{count}({', '.join(given)}, {x}, {n}, {y});"]

        return lines

    def from_bias(self, name: str, bias: np.ndarray, array: str = "bias") -> Lines:
        """What begins the units' sums with their bias, (g, H)."""
        own, gates = self.array(array, by_block(bias[None])), len(bias)
        self.helpers.add("copy")
        block = block_of(self.units)
        columns = gates * (block if block <= self.units else 1)
        self.stack += columns if self.stack else 2 * columns

        def lines(unit: Unit) -> list[str]:
            count = gates * unit.together
            return [f"float {name}[{count}];", f"@copy({name}, {own} + u * {gates}, {count});"]

        return lines

    def each_unit(self, equation: Lines, *sums: Lines) -> list[str]:
        """A loop over blocks of units, and one over the units that are left over."""
        block, found = block_of(self.units), []
        whole = self.units - self.units % block
        if whole:
            unit = Unit("u + k", block)
            found += [f"for (int u = 0; u < {whole}; u += {block}) {{"]
            found += [f"    {line}" for each in sums for line in each(unit)]
            found += ["    GATEWISE_LOOP", f"    for (int k = 0; k < {block}; k++) {{"]
            found += [*(f"        {line}" for line in equation(unit)), "    }", "}"]
        if whole < self.units:
            unit = Unit("u", 1)
            found += [f"for (int u = {whole}; u < {self.units}; u++) {{"]
            self._counted = not whole  # Once for a unit, in whichever loop it stands.
            found += [
                *(f"    {line}" for each in sums for line in each(unit)),
                *(f"    {x}" for x in equation(unit)),
                "}",
            ]
            self._counted = True
        return found

    def text(self, states: tuple[str, ...]) -> str:
        """The function's definition."""
        arguments = ["const float *x", *(f"float *{state}" for state in states)]
        arguments += ["float *next"] if self.between else []
        body = "\n".join(f"    {line}" for line in self.lines)
        return f"static void {self.name}({', '.join(arguments)})\n{{\n{body}\n}}\n"


def _simple(step: Step) -> None:
    units, inputs = step.units, step.inputs
    step.between = units
    step.helpers |= {"copy"}
    step.lines = [
        f"@copy(next, {step.array('bias', step.bias(1, 1))}, {units});",
        *step.products("kernel", step.weights["kernel"], "x", inputs, "next"),
        *step.products("recurrent_kernel", step.weights["recurrent_kernel"], "h", units, "next"),
        *step.each_unit(lambda unit: [f"h[{unit.u}] = {step.phi(f'next[{unit.u}]')};"]),
    ]


def _lstm(step: Step) -> None:
    _lstm_with(step)


def _peephole_lstm(step: Step) -> None:
    _lstm_with(step, step.array("peephole", by_block(np.asarray(step.weights["peephole"])[None])))


def _lstm_with(step: Step, peephole: str | None = None) -> None:
    step.between = step.units
    step.helpers |= {"copy"}

    def equation(unit: Unit) -> list[str]:
        u, (i, f, g, o) = unit.u, (unit.of("z", gate) for gate in range(4))
        if peephole is not None:
            i, f, o = (f"{z} + {unit.of('p', k)} * c[{u}]" for k, z in enumerate((i, f, o)))
        return [
            f"const float in = {step.sigma(i)}, keep = {step.sigma(f)};",
            f"c[{u}] = keep * c[{u}] + in * {step.phi(g)};",
            f"next[{u}] = {step.sigma(o)} * {step.phi(f'c[{u}]')};",
        ]

    sums: list[Lines] = [] if peephole is None else [lambda _: [f"const float *p = {peephole} + u * 3;"]]
    sums += [
        step.from_bias("z", step.bias(1, 4).reshape(4, -1)),
        step.sums("kernel", step.weights["kernel"], 4, "x", step.inputs, "z"),
        step.sums("recurrent_kernel", step.weights["recurrent_kernel"], 4, "h", step.units, "z"),
    ]
    step.lines = [*step.each_unit(equation, *sums), f"@copy(h, next, {step.units});"]


def _gru(step: Step) -> None:
    """The reset gate is applied to the state before its product."""
    units = step.units
    step.between = 3 * units
    recurrent: Table = step.weights["recurrent_kernel"]

    def gates(unit: Unit) -> list[str]:
        u, (update, reset, candidate) = unit.u, (unit.of("z", gate) for gate in range(3))
        return [
            f"next[{u}] = {candidate};",
            f"update[{u}] = {step.sigma(update)};",
            f"reset[{u}] = {step.sigma(reset)} * h[{u}];",
        ]

    def state(unit: Unit) -> list[str]:
        u = unit.u
        return [f"h[{u}] = update[{u}] * h[{u}] + (1.0f - update[{u}]) * {step.phi(f'next[{u}]')};"]

    sums = [
        step.from_bias("z", step.bias(1, 3).reshape(3, -1)),
        step.sums("kernel", step.weights["kernel"], 3, "x", step.inputs, "z"),
        step.sums("recurrent_kernel", recurrent.columns(0, 2 * units), 2, "h", units, "z"),
    ]
    candidate = recurrent.columns(2 * units, 3 * units)
    step.lines = [
        f"float *update = next + {units}, *reset = next + {2 * units};",
        *step.each_unit(gates, *sums),
        *step.products("candidate_kernel", candidate, "reset", units, "next"),
        *step.each_unit(state),
    ]


def _gru_reset_after(step: Step) -> None:
    """The reset gate is applied after the state's product."""
    step.between = step.units
    step.helpers |= {"copy"}
    bias = step.bias(2, 3)

    def equation(unit: Unit) -> list[str]:
        u, z, r = unit.u, *([unit.of(name, gate) for gate in range(3)] for name in "zr")
        return [
            f"const float update = {step.sigma(f'{z[0]} + {r[0]}')}, reset = {step.sigma(f'{z[1]} + {r[1]}')};",
            f"next[{u}] = update * h[{u}] + (1.0f - update) * {step.phi(f'{z[2]} + reset * {r[2]}')};",
        ]

    sums = [
        step.from_bias("z", bias[0].reshape(3, -1)),
        step.from_bias("r", bias[1].reshape(3, -1), "recurrent_bias"),
        step.sums("kernel", step.weights["kernel"], 3, "x", step.inputs, "z"),
        step.sums("recurrent_kernel", step.weights["recurrent_kernel"], 3, "h", step.units, "r"),
    ]
    step.lines = [*step.each_unit(equation, *sums), f"@copy(h, next, {step.units});"]


CELLS: Final[dict[str, tuple[tuple[str, ...], Callable[[Step], None]]]] = {
    "simple": (("h",), _simple),
    "lstm": (("h", "c"), _lstm),
    "peephole_lstm": (("h", "c"), _peephole_lstm),
    "gru": (("h",), _gru),
    "gru_reset_after": (("h",), _gru_reset_after),
}
"""The states of each cell, the output's first, and what writes its step."""
