"""The recurrence in the compiled engine: the usual activations, in float32 and float64, for the cells that it has.

It runs an op only where it computes just what the op's cell says; any variation of a cell goes to the reference.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import numpy as np

from gatewise.base.typing import Array
from gatewise.engine.cells import NATIVE, Cell, State, is_native
from gatewise.engine.op import Call, Op, Reserve, Traversal


def forward(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Array, State]:
    """The contract of `recurrence.forward`, for an op that `packed` takes."""
    mask, go_backwards, sequences, zero_masked, *_ = traversal
    y, *final = packed(op).forward(x, state, mask, go_backwards, sequences, zero_masked)
    return y, tuple(final)


def forward_both(one: Call, other: Call) -> tuple[tuple[Array, State], tuple[Array, State]]:
    """The contract of `recurrence.forward_both`, for ops that `packed` takes, of one dtype."""
    from gatewise.engine import _native

    (y, *final), (z, *final_of_other) = _native.forward_both(*_packed_call(*one), *_packed_call(*other))
    return (y, tuple(final)), (z, tuple(final_of_other))


def _packed_call(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Any, tuple[Any, ...]]:
    mask, go_backwards, sequences, zero_masked, *_ = traversal
    return packed(op), (x, state, mask, go_backwards, sequences, zero_masked)


def forward_with_reserve(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Array, State, Reserve]:
    """The contract of `recurrence.forward_with_reserve`, for an op that `packed` takes whose cell `keeps_reserves`,
    and T > 0.

    Gates of masked steps are zeros.
    """
    from gatewise.engine import _native

    packing = _native.Recurrence(*arguments(op), reserves=True)
    mask, go_backwards, _, zero_masked, *_ = traversal
    outputs, *final, kept = packing.forward(x, state, mask, go_backwards, True, zero_masked)
    cell, units = NATIVE[op.cell.name], outputs.shape[-1]
    fields = [kept[:, :, k, :units] for k in range(kept.shape[2])]
    letters = cell.gates if cell.gate_names else ""  # SimpleRNN's one sum is its state.
    reserve = Reserve(
        dict(zip(letters, fields, strict=False)),
        dict(zip(cell.states, fields[-len(cell.states) :], strict=True)),
        outputs,
    )
    return (outputs if traversal.sequences else outputs[:, -1]), tuple(final), reserve


def packed(op: Op) -> Any:
    """The op in the engine's layout, made once; None where the engine cannot run it."""
    if op.packing is None:
        op.packing = _pack(op) if can_run(op) else False
    return op.packing or None


def can_run(op: Op) -> bool:
    """Whether the engine computes what the op says."""
    return isinstance(op.kernel, np.ndarray) and has_equation(op) and os.environ.get("GATEWISE_ENGINE") != "reference"


def has_equation(op: Op) -> bool:
    """Whether the engine has the op's cell, in the op's dtype, and its activations."""
    return (
        op.names is not None
        and is_native(op.cell)
        and str(op.kernel.dtype) in cells()[op.cell.name]["types"]
        and activations().issuperset(op.names)
    )


def keeps_reserves(cell: type[Cell]) -> bool:
    """Whether the engine, which has the cell, has its way back too, and the reserve that this needs."""
    return bool(cells()[cell.name]["reserves"])


@cache
def cells() -> dict[str, dict[str, Any]]:
    """What the engine says of its cells, by name."""
    from gatewise.engine import _native

    return dict(_native.cells())


@cache
def activations() -> frozenset[str]:
    """The activations that the engine has, by the names under which `activations.known_name` knows them."""
    from gatewise.engine import _native

    return frozenset(_native.activations())


@cache
def functions() -> dict[str, tuple[str, ...]]:
    """The activations that streams have, with the names of their parameters."""
    from gatewise.engine import _native

    return dict(_native.functions())


def layout(cell: type[Cell]) -> dict[str, str]:
    """The weights of a cell as the engine has them, with their shapes in letters.

    A setting is a weight that is the same for every unit, and a cell that multiplies no state has a recurrent kernel of
    no rows.

    >>> from gatewise.engine import cells
    >>> layout(cells.ClippedLSTM)
    {'kernel': '(I, gH)', 'recurrent_kernel': '(H, gH)', 'bias': '(gH,)', 'cell_clip': '(H,)'}
    >>> layout(cells.MinGRU)
    {'kernel': '(I, gH)', 'recurrent_kernel': '(0, gH)', 'bias': '(gH,)'}
    """
    own, settings = dict(cell.weights), dict.fromkeys(cell.settings, "(H,)")
    return {"kernel": own.pop("kernel"), "recurrent_kernel": own.pop("recurrent_kernel", "(0, gH)"), **own, **settings}


def laid_out(op: Op, xp: Any) -> dict[str, Array]:
    """The op's weights by the names of `layout`, but for a bias that it has not."""
    units, dtype = op.sizes["H"], op.kernel.dtype
    most = float(np.finfo(dtype).max)
    absent = {} if "recurrent_kernel" in op.weights else {"recurrent_kernel": xp.zeros((0, op.kernel.shape[1]), dtype)}
    settings = {name: xp.full((units,), min(value, most), dtype) for name, value in op.settings.items()}
    return {**op.weights, **absent, **settings}


def arguments(op: Op) -> tuple[str, dict[str, Array], str, str, str]:
    """The op as the engine's constructors take it: cell, weights, phi, sigma, precision."""
    assert op.names is not None
    return op.cell.name, laid_out(op, np), *op.names, "bfloat16" if op.bfloat16 else "float32"


def _pack(op: Op) -> Any:
    from gatewise.engine import _native

    return _native.Recurrence(*arguments(op))
