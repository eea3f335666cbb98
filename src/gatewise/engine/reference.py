"""The recurrence in plain NumPy: the definition that the other executors are held to, and the fallback everywhere."""

from __future__ import annotations

import numpy as np

from gatewise.base.typing import Array
from gatewise.engine.cells import State
from gatewise.engine.recurrence import Recurrence, Way


def forward(op: Recurrence, x: Array, state: State | None, way: Way) -> tuple[Array, State]:
    """The contract of `recurrence.forward`, one step after the other."""
    batch, steps, _features = x.shape
    dtype = np.result_type(x.dtype, op.kernel.dtype)
    zeros = np.zeros((batch, op.units), dtype)
    state = (
        tuple(np.broadcast_to(np.asarray(s, dtype), zeros.shape) for s in state) if state else (zeros,) * op.cell.states
    )
    z = op.project_input(x, way.dropout)
    parts = op.parts(np, way.recurrent_dropout)
    outputs = np.zeros((batch, steps, op.units), dtype) if way.sequences else None
    y = zeros if steps else state[0]
    for place, t in enumerate(reversed(range(steps)) if way.go_backwards else range(steps)):
        after = op.cell.step(z[:, t], state, parts)
        if way.mask is None:
            state, y = after, after[0]
        else:
            real = way.mask[:, t, None]
            state = tuple(np.where(real, new, old) for new, old in zip(after, state, strict=True))
            y = np.where(real, after[0], zeros if way.zero_masked else y)
        if outputs is not None:
            outputs[:, place] = y
    return (y.astype(dtype) if outputs is None else outputs), tuple(np.array(s) for s in state)
