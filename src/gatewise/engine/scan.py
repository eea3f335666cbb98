"""The recurrence on JAX: `lax.scan` over the same equations, differentiable and traceable."""

from __future__ import annotations

from typing import Any

from gatewise.base.typing import Array
from gatewise.engine.cells import State
from gatewise.engine.op import Op, Traversal


def forward(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Array, State]:
    """The contract of `recurrence.forward`."""
    import jax
    import jax.numpy as jnp

    batch, steps, _ = x.shape
    dtype = jnp.result_type(x, op.kernel)
    empty = [jnp.zeros((batch, width), dtype) for width in op.state_widths]
    zeros = empty[0]
    if state:
        start = tuple(jnp.broadcast_to(jnp.asarray(s, dtype), zero.shape) for s, zero in zip(state, empty, strict=True))
    else:
        start = tuple(empty)
    if not steps:
        return (jnp.zeros((batch, 0, op.state_widths[0]), dtype) if traversal.sequences else start[0]), start
    z = op.project_input(x, traversal.dropout)
    parts = op.parts(jnp, traversal.recurrent_dropout)

    def step(carry: tuple[State, Array], at: tuple[Array, Array | None]) -> tuple[tuple[State, Array], Array | None]:
        (before, y), (z_t, real) = carry, at
        after = op.cell.step(z_t, before, parts)
        if real is None:
            y = after[0]
        else:
            after = tuple(jnp.where(real, new, old) for new, old in zip(after, before, strict=True))
            y = jnp.where(real, after[0], zeros if traversal.zero_masked else y)
        return (after, y), (y if traversal.sequences else None)

    mask = None if traversal.mask is None else jnp.swapaxes(traversal.mask, 0, 1)[..., None]
    in_time: Any = (jnp.swapaxes(z, 0, 1), mask)
    (final, last), outputs = jax.lax.scan(
        step, (start, zeros), in_time, reverse=traversal.go_backwards, unroll=steps if traversal.unroll else 1
    )
    if not traversal.sequences:
        return last, final
    outputs = jnp.swapaxes(outputs, 0, 1)
    # A reversed scan stacks its outputs in the input's order; Keras leaves them in the order computed.
    return (jnp.flip(outputs, axis=1) if traversal.go_backwards else outputs), final
