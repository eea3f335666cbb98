"""The recurrence on JAX: `lax.scan` over the same equations, differentiable and traceable."""

from __future__ import annotations

from typing import Any

from gatewise.base.typing import Array
from gatewise.engine.cells import State
from gatewise.engine.cells.cell import forget
from gatewise.engine.op import Op, Reserve, Traversal


def forward(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Array, State]:
    """The contract of `recurrence.forward`."""
    y, final, _ = _run(op, x, state, traversal, reserves=False)
    return y, final


def forward_with_reserve(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Array, State, Reserve]:
    """The contract of `recurrence.forward_with_reserve`."""
    return _run(op, x, state, traversal, reserves=True)


def _run(op: Op, x: Array, state: State | None, traversal: Traversal, *, reserves: bool) -> tuple[Array, State, Any]:
    """Both: y, the final state, and the reserve or None."""
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
        none = [jnp.zeros((batch, 0, width), dtype) for width in op.state_widths]
        reserve = Reserve({}, dict(zip(op.cell.states, none, strict=True)), none[0])
        return (none[0] if traversal.sequences else start[0]), start, reserve
    z = op.project_input(x, traversal.dropout)
    kept: dict[str, Array] = {}
    parts = op.parts(jnp, traversal.recurrent_dropout, kept.update if reserves else forget)

    def step(carry: tuple[State, Array], at: tuple[Array, Array | None]) -> tuple[tuple[State, Array], Any]:
        (before, y), (z_t, real) = carry, at
        after = op.cell.step(z_t, before, parts)
        if real is None:
            y = after[0]
        else:
            after = tuple(jnp.where(real, new, old) for new, old in zip(after, before, strict=True))
            y = jnp.where(real, after[0], zeros if traversal.zero_masked else y)
        if reserves:
            return (after, y), Reserve(dict(kept), dict(zip(op.cell.states, after, strict=True)), y)
        return (after, y), (y if traversal.sequences else None)

    mask = None if traversal.mask is None else jnp.swapaxes(traversal.mask, 0, 1)[..., None]
    in_time: Any = (jnp.swapaxes(z, 0, 1), mask)
    (final, last), made = jax.lax.scan(
        step, (start, zeros), in_time, reverse=traversal.go_backwards, unroll=steps if traversal.unroll else 1
    )

    def as_computed(stacked: Array) -> Array:
        # A reversed scan stacks its outputs in the input's order; Keras leaves them in the order computed.
        stacked = jnp.swapaxes(stacked, 0, 1)
        return jnp.flip(stacked, axis=1) if traversal.go_backwards else stacked

    made = jax.tree.map(as_computed, made)
    if not reserves:
        return (made if traversal.sequences else last), final, None
    reserve = Reserve({name: made.gates[name] for name in kept}, made.states, made.outputs)  # JAX sorts its dicts.
    return (made.outputs if traversal.sequences else last), final, reserve
