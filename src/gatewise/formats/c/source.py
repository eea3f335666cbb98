"""The two files of a program: what a header says, and the source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gatewise.formats.c.functions import LIBRARY, VECTORS, helpers, in_order, number
from gatewise.formats.c.operations import Input, Port, Room, Value, needed, placed
from gatewise.formats.c.program import Program

_BYTES_OF_FLOAT: Final = 4
_LINE: Final = 110
"""Characters of a line of numbers."""


@dataclass(frozen=True)
class Golden:
    """Inputs and what the model said to them, for the test inside the source.

    Attributes:
        steps: T.
        inputs, outputs: (T, width), an input without time (1, width).
        tolerance: the largest difference that is allowed.
    """

    steps: int
    inputs: Sequence[np.ndarray]
    outputs: Sequence[np.ndarray]
    tolerance: float


@dataclass(frozen=True)
class Budget:
    """What a program takes on a device.

    Attributes:
        flash: bytes of constants; code comes on top.
        ram: bytes of the state, with what lies between the operations.
        stack: the most bytes of arrays on the stack.
        multiply_adds: of one step.
        library_calls: of one step, to expf and its like.
    """

    flash: int
    ram: int
    stack: int
    multiply_adds: int
    library_calls: int

    def lines(self) -> list[str]:
        """The budget in words."""
        return [
            f"flash: {self.flash:,} bytes of constants, and the code",
            f"RAM: {self.ram:,} bytes of state, which you provide; the stack holds {self.stack or 'no'} "
            f"{'bytes of arrays' if self.stack else 'arrays'}",
            f"one step: {self.multiply_adds:,} multiply-adds, {self.library_calls:,} calls of expf and its like",
        ]


class Files:
    """A program as text.

    Args:
        name: an identifier; all names in C begin with it.
        program: whole.
        notes: lines for the header, without ends of comments.
    """

    def __init__(self, name: str, program: Program, notes: Sequence[str]) -> None:
        self.name = name
        self.program = program
        self.notes = list(notes)
        outputs = [value.expression for _, value in program.outputs]
        self.operations = needed(program.operations, outputs)
        self.places, work = placed(self.operations, outputs)
        fields = [(state, width) for state, width in program.states if width]
        self.fields = [*fields, *([("work", work)] if work or not fields else [])]
        self.zeroed = fields

    @property
    def budget(self) -> Budget:
        """What it takes."""
        arrays = {name for each in self.operations for name in each.arrays}
        return Budget(
            flash=sum(self.program.arrays[name].nbytes for name in arrays),
            ram=_BYTES_OF_FLOAT * sum(max(1, width) for _, width in self.fields),
            stack=_BYTES_OF_FLOAT * max((each.stack for each in self.operations), default=0),
            multiply_adds=sum(each.multiply_adds for each in self.operations),
            library_calls=sum(each.library_calls for each in self.operations),
        )

    def _named(self, text: str) -> str:
        """Text with the model's name for `@` and `$`."""
        return text.replace("@", f"{self.name}_").replace("$", f"{self.name.upper()}_")

    # -- the header ----------------------------------------------------------------------------------------------------

    def header(self) -> str:
        """The `.h`."""
        budget = self.budget
        numbers = {
            **{f"${each.port.name.upper()}_SIZE": each.width for each in self.program.inputs},
            **{f"${port.name.upper()}_SIZE": value.width for port, value in self.program.outputs},
            "$RAM_BYTES": budget.ram,
            "$FLASH_BYTES": budget.flash,
            "$MULTIPLY_ADDS": budget.multiply_adds,
        }
        struct = [f"    float {field}[{max(1, width)}];" for field, width in self.fields]
        parts = [
            "/*",
            *(f" * {line}".rstrip() for line in [*self.notes, "", *budget.lines()]),
            " */",
            "#ifndef $H",
            "#define $H",
            "",
            "#include <stdint.h>",
            "",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            *(f"#define {name} {value}" for name, value in numbers.items()),
            "",
            "/* Everything that changes. Before the first step: @reset. No step reads what another left in `work`. */"
            if self.fields[-1][0] == "work"
            else "/* Everything that changes. Before the first step: @reset. */",
            "typedef struct {",
            *struct,
            "} @state;",
            "",
            "/* Starts a sequence. */",
            "void @reset(@state *s);",
            "",
            "/* Takes one step: reads one step of each input and writes one of each output. Returns 0; or,",
            " * where an input's ids are not in their table, that input's number, from 1; nothing has moved then. */",
            f"{self._signature('step')};",
            "",
            "/* Takes some steps of a sequence that lies step after step, and writes the outputs of all of them.",
            *self._once(),
            " * Returns what @step returns; nothing has moved where any id is not in its table. */",
            f"{self._signature('run')};",
            "",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "#endif",
        ]
        return self._named("\n".join(parts)) + "\n"

    def _once(self) -> list[str]:
        names = [each.port.name for each in self.program.inputs if not each.port.timed]
        return [f" * What has no time comes once, for all steps: {', '.join(names)}."] if names else []

    def _signature(self, function: str) -> str:
        given = [f"const {_kind(each)} *{each.port.name}" for each in self.program.inputs]
        made = [f"float *{port.name}" for port, _ in self.program.outputs]
        steps = ["int steps"] if function == "run" else []
        return f"int @{function}({', '.join(['@state *s', *given, *steps, *made])})"

    # -- the source ----------------------------------------------------------------------------------------------------

    def source(self, header: str, golden: Golden) -> str:
        """The `.c`.

        Args:
            header: the name of the other file.
            golden: for the self test.
        """
        own = [each.function for each in self.operations if each.function]
        wanted = {name for each in self.operations for name in each.helpers} | {"copy"}
        body = [
            *in_order(wanted, helpers(self.program.form)),
            *self._arrays(),
            *own,
            self._reset(),
            *self._checks(),
            self._step(),
            self._run(),
        ]
        text = "\n".join(body)
        parts = [f'#include "{header}"', "", *self._includes(text), *self._macros(text), *self._weight(text)]
        return self._named("\n".join([*parts, text, self._self_test(golden)]))

    def _includes(self, text: str) -> list[str]:
        found = ["#include <math.h>"] if "GATEWISE_" in text or "HUGE_VAL" in text else []
        found += ["#include <string.h>"] if "memcpy(" in text else []
        return [*found, ""] if found else []

    def _macros(self, text: str) -> list[str]:
        """The functions of the mathematical library that are called, each of which a program may replace."""
        lines = []
        for macro, function in LIBRARY.items():
            if re.search(rf"GATEWISE_{macro}\(", text):
                lines += [f"#ifndef GATEWISE_{macro}", f"#define GATEWISE_{macro} {function}", "#endif"]
        if "GATEWISE_LOOP" in text:
            lines += [VECTORS]
        return [*lines, ""] if lines else []

    def _weight(self, text: str) -> list[str]:
        """How weights are kept, and where: `GATEWISE_WEIGHTS` may be an attribute that names a section."""
        kind = "int8_t" if self.program.form == "int8" else "float"
        known = [f"typedef {kind} @weight;", ""] if "@weight" in text else []
        if "GATEWISE_WEIGHTS" not in text:
            return known
        return [*known, "#ifndef GATEWISE_WEIGHTS", "#define GATEWISE_WEIGHTS", "#endif", ""]

    def _arrays(self) -> list[str]:
        names = dict.fromkeys(name for each in self.operations for name in each.arrays)
        return [_array(f"GATEWISE_WEIGHTS static const {{}} {name}", self.program.arrays[name]) for name in names]

    def _reset(self) -> str:
        lines = ["void @reset(@state *s)", "{"]
        for field, width in self.zeroed:
            lines += [f"    for (int i = 0; i < {width}; i++)", f"        s->{field}[i] = 0.0f;"]
        return "\n".join([*lines, *([] if self.zeroed else ["    (void)s;"]), "}", ""])

    def _checks(self) -> list[str]:
        if all(each.limit is None for each in self.program.inputs):
            return []
        return [
            "static int @ids_fit(const int32_t *ids, int n, int32_t limit)\n{\n    for (int i = 0; i < n; i++) {\n"
            "        if (ids[i] < 0 || ids[i] >= limit)\n            return 0;\n    }\n    return 1;\n}\n"
        ]

    def _check_lines(self, steps: str) -> list[str]:
        lines = []
        for place, each in enumerate(self.program.inputs, 1):
            if each.limit is None:
                continue
            count = f"{steps} * {each.width}" if steps and each.port.timed else str(each.width)
            lines += [f"    if (!@ids_fit({each.port.name}, {count}, {each.limit}))", f"        return {place};"]
        return lines

    def _step(self) -> str:
        body: list[str] = []
        for each in self.operations:
            body += [self._room(room) for room in each.rooms]
            body += each.lines
        for port, value in self.program.outputs:
            body.append(f"@copy({port.name}, {value.expression}, {value.width});")
        text = "\n".join(body)
        names = ["s", *(each.port.name for each in self.program.inputs if each.limit is None)]
        unused = [f"    (void){name};" for name in names if not re.search(rf"\b{name}\b", text)]
        lines = [*self._check_lines(""), *(f"    {line}" for line in body), *unused, "    return 0;"]
        return "\n".join([self._signature("step"), "{", *lines, "}", ""])

    def _room(self, room: Room) -> str:
        place = self.places[room]
        return f"float *{room.name} = s->work{f' + {place}' if place else ''}; /* {room.width} */"

    def _run(self) -> str:
        given = [_at(each.port, each.width, "t") for each in self.program.inputs]
        made = [f"{port.name} + t * {value.width}" for port, value in self.program.outputs]
        call = f"        @step({', '.join(['s', *given, *made])});"
        lines = [*self._check_lines("steps"), "    for (int t = 0; t < steps; t++)", call, "    return 0;"]
        return "\n".join([self._signature("run"), "{", *lines, "}", ""])

    # -- the self test -------------------------------------------------------------------------------------------------

    def _self_test(self, golden: Golden) -> str:
        """A `main` that takes the golden steps one by one and all at once."""
        given = [each.port.name for each in self.program.inputs]
        made = [port.name for port, _ in self.program.outputs]
        arrays = [
            *(_array(f"static const {{}} @golden_{n}", a) for n, a in zip(given, golden.inputs, strict=True)),
            *(_array(f"static const {{}} @golden_{n}", a) for n, a in zip(made, golden.outputs, strict=True)),
            *(f"static float @made_{n}[{a.size}];" for n, a in zip(made, golden.outputs, strict=True)),
            "static @state @tested;",
        ]
        step = [
            *(_at(each.port, each.width, "t", f"@golden_{each.port.name}") for each in self.program.inputs),
            *(f"@made_{port.name} + t * {value.width}" for port, value in self.program.outputs),
        ]
        run = [*(f"@golden_{n}" for n in given), str(golden.steps), *(f"@made_{n}" for n in made)]
        compare = [_compared(port, value, golden.steps) for port, value in self.program.outputs]
        ids = [each for each in self.program.inputs if each.limit is not None]
        body = [
            f"    float most = {number(golden.tolerance)}, worst = 0.0f;",
            "    int failed = sizeof(@state) != $RAM_BYTES;",
            "    @reset(&@tested);",
            f"    for (int t = 0; t < {golden.steps}; t++)",
            f"        failed |= @step(&@tested, {', '.join(step)});",
            *compare,
            "    @reset(&@tested);",
            f"    failed |= @run(&@tested, {', '.join(run)});",
            *compare,
            *(_refused(self.program.inputs, made, each) for each in ids),
            f'    printf("{self.name}: %s, largest difference %g of %g allowed\\n", failed ? "FAILED" : "right",',
            "        (double)worst, (double)most);",
            "    return failed != 0;",
        ]
        differ = (
            "/* Whether y differs from what was wanted by more than `most`, NaN included. */\n"
            "static int @differs(const float *y, const float *wanted, int n, float most, float *worst)\n{\n"
            "    int differs = 0;\n    for (int i = 0; i < n; i++) {\n"
            "        const float away = y[i] > wanted[i] ? y[i] - wanted[i] : wanted[i] - y[i];\n"
            "        differs |= !(away <= most);\n        *worst = away > *worst ? away : *worst;\n    }\n"
            "    return differs;\n}\n"
        )
        lines = ["", "#ifdef $SELF_TEST", "#include <stdio.h>", "", *arrays, "", differ, "int main(void)", "{", *body]
        return "\n".join([*lines, "}", "#endif", ""])


def _compared(port: Port, value: Value, steps: int) -> str:
    name, count = port.name, value.width * steps
    return f"    failed |= @differs(@made_{name}, @golden_{name}, {count}, most, &worst);"


def _refused(inputs: Sequence[Input], made: Sequence[str], wrong: Input) -> str:
    """Lines that give ids which are in no table to one input."""
    place = next(at for at, each in enumerate(inputs, 1) if each is wrong)
    given = ["@golden_wrong" if each is wrong else f"@golden_{each.port.name}" for each in inputs]
    call = f"@step(&@tested, {', '.join([*given, *(f'@made_{name}' for name in made)])})"
    bad = ", ".join(["-1"] * wrong.width)
    return f"    {{\n        const int32_t @golden_wrong[] = {{{bad}}};\n        failed |= {call} != {place};\n    }}"


def _kind(given: Input) -> str:
    return "float" if given.limit is None else "int32_t"


def _at(port: Port, width: int, step: str, name: str = "") -> str:
    name = name or port.name
    return f"{name} + {step} * {width}" if port.timed else name


def _array(start: str, array: np.ndarray) -> str:
    """A constant array's definition; `{}` in `start` is the kind of its numbers."""
    kind = {"f": "float", "i": f"int{8 * array.itemsize}_t"}[array.dtype.kind]
    texts = [number(each) if kind == "float" else str(each) for each in array.reshape(-1).tolist()]
    lines, line = [], "   "
    for text in texts:
        if len(line) + len(text) + 2 > _LINE:
            lines.append(line)
            line = "   "
        line += f" {text},"
    return "\n".join([f"{start.format(kind)}[{array.size}] = {{", *lines, line, "};"]) + "\n"
