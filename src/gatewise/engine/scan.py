"""The recurrence on JAX: `lax.scan` over the same equations, differentiable and traceable.

Linear cells go by `lax.associative_scan`: all steps in about log2 T rounds (G. E. Blelloch, Prefix Sums and Their
Applications, 1990).
"""

from __future__ import annotations

from typing import Any

from gatewise.base.typing import Array
from gatewise.engine.cells import State
from gatewise.engine.cells.cell import Cell, LinearCell, Parts, forget, runs_in_parallel
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
    z = op.step_inputs(x, traversal)
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

    if runs_in_parallel(op.cell) and not (reserves or traversal.unroll):
        return (*_in_parallel(op.cell, z, start[0], traversal, parts), None)
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


def _in_parallel(
    cell: type[Cell], z: Array, start: Array, traversal: Traversal, parts: Parts
) -> tuple[Array, tuple[Array]]:
    """The output y and the final state of a `LinearCell`, whose sums are z (B, T, gH)."""
    import jax
    import jax.numpy as jnp

    assert issubclass(cell, LinearCell)
    a, b = cell.coefficients(z, parts)
    real = None if traversal.mask is None else traversal.mask[..., None]
    if traversal.go_backwards:
        a, b, real = (each if each is None else jnp.flip(each, axis=1) for each in (a, b, real))
    if real is not None:
        a, b = jnp.where(real, a, 1), jnp.where(real, b, 0)
    b = b.at[:, 0].add(a[:, 0] * start)

    def joined(one: tuple[Array, Array], then: tuple[Array, Array]) -> tuple[Array, Array]:
        return then[0] * one[0], then[0] * one[1] + then[1]

    _, states = jax.lax.associative_scan(joined, (a, b), axis=1)
    y = states
    if real is not None:  # Before its first real step a sequence has no output.
        shown = real if traversal.zero_masked else jax.lax.cummax(real.astype(jnp.int8), axis=1) > 0
        y = jnp.where(shown, y, 0)
    return (y if traversal.sequences else y[:, -1]), (states[:, -1],)
