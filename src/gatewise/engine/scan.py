"""The recurrence on JAX: `lax.scan` over the same equations, differentiable and traceable."""

from __future__ import annotations

from typing import Any

from gatewise.base.typing import Array
from gatewise.engine.cells import State
from gatewise.engine.recurrence import Recurrence, Way


def forward(op: Recurrence, x: Array, state: State | None, way: Way) -> tuple[Array, State]:
    """The contract of `recurrence.forward`."""
    import jax
    import jax.numpy as jnp

    batch, steps, _ = x.shape
    dtype = jnp.result_type(x, op.kernel)
    zeros = jnp.zeros((batch, op.units), dtype)
    start = (
        tuple(jnp.broadcast_to(jnp.asarray(s, dtype), zeros.shape) for s in state)
        if state
        else (zeros,) * op.cell.states
    )
    if not steps:
        return (jnp.zeros((batch, 0, op.units), dtype) if way.sequences else start[0]), start
    z = op.project_input(x, way.dropout)
    parts = op.parts(jnp, way.recurrent_dropout)

    def step(carry: tuple[State, Array], at: tuple[Array, Array | None]) -> tuple[tuple[State, Array], Array | None]:
        (before, y), (z_t, real) = carry, at
        after = op.cell.step(z_t, before, parts)
        if real is None:
            y = after[0]
        else:
            after = tuple(jnp.where(real, new, old) for new, old in zip(after, before, strict=True))
            y = jnp.where(real, after[0], zeros if way.zero_masked else y)
        return (after, y), (y if way.sequences else None)

    in_time: Any = (jnp.swapaxes(z, 0, 1), None if way.mask is None else jnp.swapaxes(way.mask, 0, 1)[..., None])
    (final, last), outputs = jax.lax.scan(
        step, (start, zeros), in_time, reverse=way.go_backwards, unroll=steps if way.unroll else 1
    )
    if not way.sequences:
        return last, final
    outputs = jnp.swapaxes(outputs, 0, 1)
    # A reversed scan stacks its outputs in the input's order; Keras leaves them in the order computed.
    return (jnp.flip(outputs, axis=1) if way.go_backwards else outputs), final
