"""The cells in C: what one step does, unit by unit, so that hardly anything lies between the sums and the states.

A unit's columns of all gates lie side by side (`Table.by_unit`); its sums are the numbers `z`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from gatewise.formats.c.functions import call, library_calls
from gatewise.formats.c.weights import Table


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
        text, helper = call(name, x)
        self.helpers.add(helper)
        self.library_calls += library_calls(helper)
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

    def sums(self, name: str, table: Table, gates: int, x: str, n: int, y: str) -> str:
        """A line, for the loop over units, that adds x times the unit's columns to y."""
        self.helpers.add(f"sum{gates}")
        columns = table.by_unit(gates)
        given = [f"{self.array(name, columns.numbers)} + u * {n * gates}"]
        if columns.factors is not None:
            given.append(f"{self.array(f'{name}_factors', columns.factors)} + u * {gates}")
        return f"@sum{gates}({', '.join(given)}, {x}, {n}, {y});"

    def each_unit(self, lines: list[str]) -> list[str]:
        """A loop over the units."""
        return [f"for (int u = 0; u < {self.units}; u++) {{", *(f"    {line}" for line in lines), "}"]

    def from_bias(self, name: str, bias: np.ndarray, array: str = "bias") -> str:
        """The line that begins a unit's sums with its bias, (g, H)."""
        own, gates = self.array(array, bias.T), len(bias)
        return f"float {name}[{gates}] = {{{', '.join(f'{own}[u * {gates} + {k}]' for k in range(gates))}}};"

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
        *step.each_unit([f"h[u] = {step.phi('next[u]')};"]),
    ]


def _lstm(step: Step) -> None:
    _lstm_with(step, "z[0]", "z[1]", "z[3]", [])


def _peephole_lstm(step: Step) -> None:
    peephole = step.array("peephole", np.asarray(step.weights["peephole"]).T)
    own = [f"const float *p = {peephole} + u * 3;"]
    _lstm_with(step, "z[0] + p[0] * c[u]", "z[1] + p[1] * c[u]", "z[3] + p[2] * c[u]", own)


def _lstm_with(step: Step, i: str, f: str, o: str, before: list[str]) -> None:
    step.between = step.units
    step.helpers |= {"copy"}
    unit = [
        *before,
        step.from_bias("z", step.bias(1, 4).reshape(4, -1)),
        step.sums("kernel", step.weights["kernel"], 4, "x", step.inputs, "z"),
        step.sums("recurrent_kernel", step.weights["recurrent_kernel"], 4, "h", step.units, "z"),
        f"const float in = {step.sigma(i)}, keep = {step.sigma(f)};",
        f"c[u] = keep * c[u] + in * {step.phi('z[2]')};",
        f"next[u] = {step.sigma(o)} * {step.phi('c[u]')};",
    ]
    step.lines = [*step.each_unit(unit), f"@copy(h, next, {step.units});"]


def _gru(step: Step) -> None:
    """The reset gate is applied to the state before its product."""
    units = step.units
    step.between = 3 * units
    recurrent: Table = step.weights["recurrent_kernel"]
    gates = [
        step.from_bias("z", step.bias(1, 3).reshape(3, -1)),
        step.sums("kernel", step.weights["kernel"], 3, "x", step.inputs, "z"),
        step.sums("recurrent_kernel", recurrent.columns(0, 2 * units), 2, "h", units, "z"),
        "next[u] = z[2];",
        f"update[u] = {step.sigma('z[0]')};",
        f"reset[u] = {step.sigma('z[1]')} * h[u];",
    ]
    candidate = recurrent.columns(2 * units, 3 * units)
    step.lines = [
        f"float *update = next + {units}, *reset = next + {2 * units};",
        *step.each_unit(gates),
        *step.products("candidate_kernel", candidate, "reset", units, "next"),
        *step.each_unit([f"h[u] = update[u] * h[u] + (1.0f - update[u]) * {step.phi('next[u]')};"]),
    ]


def _gru_reset_after(step: Step) -> None:
    """The reset gate is applied after the state's product."""
    step.between = step.units
    step.helpers |= {"copy"}
    bias = step.bias(2, 3)
    unit = [
        step.from_bias("z", bias[0].reshape(3, -1)),
        step.from_bias("r", bias[1].reshape(3, -1), "recurrent_bias"),
        step.sums("kernel", step.weights["kernel"], 3, "x", step.inputs, "z"),
        step.sums("recurrent_kernel", step.weights["recurrent_kernel"], 3, "h", step.units, "r"),
        f"const float update = {step.sigma('z[0] + r[0]')}, reset = {step.sigma('z[1] + r[1]')};",
        f"next[u] = update * h[u] + (1.0f - update) * {step.phi('z[2] + reset * r[2]')};",
    ]
    step.lines = [*step.each_unit(unit), f"@copy(h, next, {step.units});"]


CELLS: Final[dict[str, tuple[tuple[str, ...], Callable[[Step], None]]]] = {
    "simple": (("h",), _simple),
    "lstm": (("h", "c"), _lstm),
    "peephole_lstm": (("h", "c"), _peephole_lstm),
    "gru": (("h",), _gru),
    "gru_reset_after": (("h",), _gru_reset_after),
}
"""The states of each cell, the output's first, and what writes its step."""
