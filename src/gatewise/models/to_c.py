"""Models as C: `model.export("model.c")`, for devices without Python.

The operations are those of the model's stream, so what streams natively is written here, and what a stream refuses is
refused in its words.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

import numpy as np

from gatewise.base.atomic import replacing
from gatewise.base.variable import reading
from gatewise.base.version import __version__
from gatewise.formats.c.identifiers import Names, identifier
from gatewise.formats.c.operations import Port
from gatewise.formats.c.program import NoOperationError, Program
from gatewise.formats.c.source import Files, Golden
from gatewise.formats.c.twin import Twin
from gatewise.streaming.compile import prepare
from gatewise.streaming.emission import NotNativeError
from gatewise.streaming.prepared import Prepared
from gatewise.streaming.program import emit
from gatewise.streaming.rules import Rule
from gatewise.streaming.values import Value

GOLDEN_STEPS: Final = 8
"""Steps in the self test: enough for states to matter, few enough for the file."""
_SEQUENCES, _STEPS = 16, 64
"""How many random sequences the error of rounded weights is measured on, and how long they are."""
_SEED: Final = 0
_TOLERANCE: Final = 1e-5
"""Of the self test, times the greatest output or 1: sums of some hundred float32 products, each rounded by 2**-24 of
sums of a few units, in another order than here and with another expf, differ by 1e-6; a wrong weight, by far more."""
_RESERVED: Final = {"s", "t", "i", "g", "u", "steps"}


def write_c(model: Any, path: Any, weights: str = "float32", show: bool = True) -> None:
    """Write a model as a `.c` file and a `.h` file beside it.

    Args:
        model: drawn and causal.
        path: of the `.c`. Its name, made an identifier, begins all names in C.
        weights: "float32"; or "int8", for kernels and tables of embeddings as 8-bit numbers with a float32 factor a
            column (of an embedding: a row). All else, and all arithmetic, stays float32. The header says how far the
            outputs then are from the model's.
        show: whether to print what the program takes on a device.

    Raises:
        ValueError: what a stream refuses, in its words; layers that only their own code computes; float64.

    >>> import gatewise as gw, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "gate.c")
    >>> write_c(gw.Sequential([gw.Input((None, 3)), gw.layers.GRU(4)]), path, show=False)
    >>> [line for line in path.with_suffix(".h").read_text().splitlines() if line.startswith("int gate_step")]
    ['int gate_step(gate_state *s, const float *x, float *y);']
    """
    path = os.fsdecode(path)
    stem = os.path.splitext(path)[0]
    export = _Export(model, weights)
    files = export.files(identifier(os.path.basename(stem)))
    texts = {f"{stem}.h": files.header(), path: files.source(os.path.basename(f"{stem}.h"), export.golden())}
    with ExitStack() as stack:  # Neither takes its place before both are on the disk.
        for each, text in texts.items():
            stack.enter_context(replacing(each)).write_text(text)
    if show:
        print("\n".join([f"{path}, {stem}.h", *(f"  {line}" for line in [*files.budget.lines(), *export.error_lines])]))


class _Export:
    """One model on its way."""

    def __init__(self, model: Any, weights: str) -> None:
        self.model = model
        self.weights = weights
        self.prepared: Prepared = prepare(model)
        if self.prepared.dtype != np.float32:
            raise ValueError(f"{model.label} cannot be exported to C: it computes in float64, and C here in float32.")
        names = Names(_RESERVED)
        self.inputs = _ports("x", model.input_names, self.prepared.inputs, names)
        self.outputs = _ports("y", model.output_names, self.prepared.outputs, names)
        self.program = Program(self.inputs, self.outputs, self._states(names), weights)
        self._emit(self.program, lambda call: self.program.enter(identifier("_".join(call.path))))
        self.twin = self._native(weights)
        self.error_lines = self._error_lines() if weights != "float32" else []

    def _states(self, names: Names) -> list[str]:
        return [names.own("_".join([*slot.path, slot.part])) for slot in self.prepared.slots]

    def _emit(self, program: Any, entering: Callable[[Rule], object] = id) -> None:
        """The model's calls, with the weights of the moment at which it was prepared."""
        prepared, last = self.prepared, list[Rule]()

        def note(call: Rule) -> None:
            last[:] = [call]
            entering(call)

        try:
            with reading(prepared.weights):
                emit(program, prepared.inputs, prepared.shapes.ids, prepared.outputs, prepared.calls, note)
        except (NotNativeError, NoOperationError) as error:
            what = str(error) or f"{last[0].layer.label}, as it is set"
            raise ValueError(
                f"{self.model.label} cannot be exported to C, which has no operation for this: {what}. "
                "(A stream computes it by the layers' own code.)"
            ) from None

    def _native(self, weights: str) -> Any:
        program = Twin(weights)
        self._emit(program)
        return program

    def files(self, name: str) -> Files:
        """The program as text, under this name."""
        notes = [
            f"The model {identifier(self.model.name)}, written by Gatewise {__version__}: C99, no memory is allocated.",
            f"Weights: {self.weights}. Numbers come and go as float32"
            + (", ids as int32_t." if any(self.prepared.shapes.ids) else "."),
            *self.error_lines,
        ]
        return Files(name, self.program, notes)

    def golden(self) -> Golden:
        """Steps for the self test, and what the engine says to them with the same weights."""
        given = self._random(1, GOLDEN_STEPS)
        made = _run(self.twin, self.prepared, given)
        inputs = [x[0] if port.timed else x[0, :1] for x, port in zip(given, self.inputs, strict=True)]
        inputs = [x.astype(np.int32) if x.dtype.kind == "i" else x for x in inputs]
        scale = max([1.0, *(float(np.abs(y).max(initial=0)) for y in made)])
        return Golden(GOLDEN_STEPS, inputs, [y[0] for y in made], _TOLERANCE * scale)

    def _error_lines(self) -> list[str]:
        """How far the outputs are from those of the float32 weights."""
        given = self._random(_SEQUENCES, _STEPS)
        exact = _run(self._native("float32"), self.prepared, given)
        made = _run(self.twin, self.prepared, given)
        lines = [f"Difference from float32 weights, on {_SEQUENCES} random sequences of {_STEPS} steps:"]
        for port, y, wanted in zip(self.outputs, made, exact, strict=True):
            away, mean = np.abs(y - wanted).max(), np.sqrt(np.mean(np.square(y - wanted)))
            size = np.sqrt(np.mean(np.square(wanted)))
            lines.append(
                f"  {port.name}: root mean square {mean:.2g}, at most {away:.2g}; that of the output is {size:.2g}"
            )
        return lines

    def _random(self, batch: int, steps: int) -> list[np.ndarray]:
        """Inputs (B, T, width): normal numbers, and ids of the tables; without a time axis, the same at all steps."""
        rng = np.random.default_rng(_SEED)
        made = []
        for entry in self.program.inputs:
            shape = (batch, steps if entry.port.timed else 1, entry.width)
            x: Any = rng.normal(size=shape) if entry.limit is None else rng.integers(0, entry.limit, shape)
            x = x.astype(np.float32 if entry.limit is None else np.int64)
            made.append(np.ascontiguousarray(np.broadcast_to(x, (batch, steps, entry.width))))
        return made


def _ports(only: str, wanted: list[str], values: list[Value], names: Names) -> list[Port]:
    """The C names of inputs or outputs: `only` where there is one."""
    words = [only] if len(values) == 1 else wanted
    return [Port(names.own(word), value.timed) for word, value in zip(words, values, strict=True)]


def _run(program: Any, prepared: Prepared, given: list[np.ndarray]) -> list[np.ndarray]:
    """The outputs (B, T, width) of inputs (B, T, width)."""
    from gatewise.engine import _native

    batch, steps = given[0].shape[:2]
    taken, made = prepared.inputs[0].shape, prepared.outputs[0].shape
    session = _native.Session(program, batch, list(taken), list(made), prepared.shapes.push_any)
    rows = session.run([x.reshape(batch * steps, -1) for x in given], steps)
    return [np.asarray(y).reshape(batch, steps, -1) for y in rows]
