"""The recurrence in plain NumPy: the definition that the other executors are held to, and the fallback everywhere."""

from __future__ import annotations

import numpy as np

from gatewise.base.typing import Array
from gatewise.engine.cells import State
from gatewise.engine.op import Op, Traversal


def forward(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Array, State]:
    """The contract of `recurrence.forward`, one step after the other."""
    batch, steps, _features = x.shape
    dtype = np.result_type(x.dtype, op.kernel.dtype)
    zeros = [np.zeros((batch, width), dtype) for width in op.state_widths]
    if state:
        state = tuple(np.broadcast_to(np.asarray(s, dtype), zero.shape) for s, zero in zip(state, zeros, strict=True))
    else:
        state = tuple(zeros)
    z = op.project_input(x, traversal.dropout)
    parts = op.parts(np, traversal.recurrent_dropout)
    outputs = np.zeros((batch, steps, op.state_widths[0]), dtype) if traversal.sequences else None
    y = zeros[0] if steps else state[0]
    for place, t in enumerate(reversed(range(steps)) if traversal.go_backwards else range(steps)):
        after = op.cell.step(z[:, t], state, parts)
        if traversal.mask is None:
            state, y = after, after[0]
        else:
            real = traversal.mask[:, t, None]
            state = tuple(np.where(real, new, old) for new, old in zip(after, state, strict=True))
            y = np.where(real, after[0], zeros[0] if traversal.zero_masked else y)
        if outputs is not None:
            outputs[:, place] = y
    return (y.astype(dtype) if outputs is None else outputs), tuple(np.array(s) for s in state)
