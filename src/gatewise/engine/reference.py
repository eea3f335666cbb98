"""The recurrence in plain NumPy: the definition that the other executors are held to, and the fallback everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gatewise.base.typing import Array
from gatewise.engine.cells import State
from gatewise.engine.cells.cell import forget
from gatewise.engine.op import Op, Reserve, Traversal


def forward(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Array, State]:
    """The contract of `recurrence.forward`, one step after the other."""
    final = start = _start(op, x, state)
    y, dtype = start[0], start[0].dtype
    outputs = np.zeros((*x.shape[:2], op.state_widths[0]), dtype) if traversal.sequences else None
    for place, (final, y) in enumerate(_steps(op, x, start, traversal)):  # noqa: B007 (the last one is the result)
        if outputs is not None:
            outputs[:, place] = y
    return (y.astype(dtype) if outputs is None else outputs), tuple(np.array(s) for s in final)


def forward_with_reserve(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Array, State, Reserve]:
    """The contract of `recurrence.forward_with_reserve`."""
    start = _start(op, x, state)
    gates: dict[str, Array] = {}
    rows = [(dict(gates), state, y) for state, y in _steps(op, x, start, traversal, gates.update)]

    def column(arrays: list[Array], like: Array) -> Array:
        return np.stack(arrays, axis=1) if arrays else np.zeros((len(like), 0, like.shape[1]), like.dtype)

    reserve = Reserve(
        {name: np.stack([kept[name] for kept, _, _ in rows], axis=1) for name in gates},
        {name: column([s[k] for _, s, _ in rows], start[k]) for k, name in enumerate(op.cell.states)},
        column([y for _, _, y in rows], start[0]),
    )
    _, final, y = rows[-1] if rows else ({}, start, start[0])
    return (reserve.outputs if traversal.sequences else y), tuple(np.array(s) for s in final), reserve


def _start(op: Op, x: Array, state: State | None) -> State:
    """The initial state, (B, width) each, in the dtype of the computation."""
    dtype = np.result_type(x.dtype, op.kernel.dtype)
    shapes = [(len(x), width) for width in op.state_widths]
    if not state:
        return tuple(np.zeros(shape, dtype) for shape in shapes)
    return tuple(np.broadcast_to(np.asarray(s, dtype), shape) for s, shape in zip(state, shapes, strict=True))


def _steps(
    op: Op, x: Array, state: State, traversal: Traversal, keep: Callable[..., None] = forget
) -> Iterator[tuple[State, Array]]:
    """The state and the output after each step, in the order in which they are computed."""
    z = op.step_inputs(x, traversal)
    parts = op.parts(np, traversal.recurrent_dropout, keep)
    y = zeros = np.zeros_like(state[0])
    steps = range(x.shape[1])
    for t in reversed(steps) if traversal.go_backwards else steps:
        after = op.cell.step(z[:, t], state, parts)
        if traversal.mask is None:
            state, y = after, after[0]
        else:
            real = traversal.mask[:, t, None]
            state = tuple(np.where(real, new, old) for new, old in zip(after, state, strict=True))
            y = np.where(real, after[0], zeros if traversal.zero_masked else y)
        yield state, y
