"""A recurrence whose step is any function: the steps one after the other, on NumPy's arrays and on JAX's.

The engine runs the cells that it knows; this runs all others. Sequences, states and outputs may be structures of
arrays. What a masked step does is what `engine.recurrence` says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from gatewise.base import structure
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.base.variable import at_step, current_scope
from gatewise.engine.op import Traversal

Step: TypeAlias = Callable[[Any, Any], tuple[Any, Any]]
"""From what stands at one step, and the state, to the output and the next state, in the state's structure."""


class Walk(NamedTuple):
    """What there is to do.

    Attributes:
        step: the step.
        sequences: arrays (B, T, ...) in a structure, with T above 0.
        start: the state before the first step, arrays (B, ...).
        traversal: mask, direction, what to give, and whether to unroll; it has no dropout.
        label: of the layer, for errors.
    """

    step: Step
    sequences: Any
    start: Any
    traversal: Traversal
    label: str


def run(walk: Walk) -> tuple[Any, Any]:
    """The output, of all steps or the last, and the final state."""
    leaves = structure.flatten((walk.sequences, walk.start))
    if namespace(*leaves) is np or walk.traversal.unroll:
        return _in_turn(walk)
    return _scanned(walk)


def _in_turn(walk: Walk) -> tuple[Any, Any]:
    """Step by step in Python."""
    traversal, state, y = walk.traversal, walk.start, None
    steps = range(structure.flatten(walk.sequences)[0].shape[1])
    made = []
    for t in reversed(steps) if traversal.go_backwards else steps:
        real = None if traversal.mask is None else traversal.mask[:, t]
        y, state = _masked(traversal, real, y, state, walk.step(_at(walk.sequences, t), state))
        made.append(y)
    if not traversal.sequences:
        return y, state
    columns = zip(*map(structure.flatten, made), strict=True)
    return structure.rebuild(y, iter([namespace(*column).stack(column, axis=1) for column in columns])), state


def _at(sequences: Any, t: int) -> Any:
    return structure.map_structure(lambda x: x[:, t], sequences)


def _masked(traversal: Traversal, real: Array | None, y: Any, before: Any, made: tuple[Any, Any]) -> tuple[Any, Any]:
    """The output and the state after a step that counts only where `real` (B,) says so; `y` is the output before it."""
    output, after = made
    if real is None:
        return output, after
    if y is None or traversal.zero_masked:
        y = structure.map_structure(lambda each: namespace(each).zeros_like(each), output)
    return _chosen(real, output, y), _chosen(real, after, before)


def _chosen(real: Array, new: Any, old: Any) -> Any:
    """`new` where a step counts, else `old`."""

    def choose(one: Array, other: Array) -> Array:
        xp = namespace(real, one, other)
        return xp.where(xp.reshape(real, (-1, *[1] * (one.ndim - 1))), one, other)

    pairs = zip(structure.flatten(new), structure.flatten(old), strict=True)
    return structure.rebuild(new, iter([choose(*pair) for pair in pairs]))


def _scanned(walk: Walk) -> tuple[Any, Any]:
    """By `lax.scan`, but for the first step.

    A cell may keep something from its first step on, such as dropout's masks. Made inside the loop it would be of no
    use outside, so the first step is traced by itself; it also shows the shapes of the output.
    """
    import jax
    import jax.numpy as jnp

    traversal = walk.traversal
    parts: tuple[Any, ...] = (walk.sequences,) if traversal.mask is None else (walk.sequences, traversal.mask)
    parts = structure.map_structure(lambda x: jnp.swapaxes(x, 0, 1), parts)  # (T, B, ...)
    if traversal.go_backwards:
        parts = structure.map_structure(lambda x: jnp.flip(x, axis=0), parts)
    x, *real = structure.map_structure(lambda each: each[0], parts)
    with at_step(0):
        y, state = _masked(traversal, real[0] if real else None, None, walk.start, walk.step(x, walk.start))

    def body(carry: tuple[Any, Any], at: tuple[Array, Any]) -> tuple[tuple[Any, Any], Any]:
        (y, before), (t, (x, *real)) = carry, at
        with at_step(t):
            output, after = _masked(traversal, real[0] if real else None, y, before, walk.step(x, before))
        return (_like(output, y), _like(after, before)), (output if traversal.sequences else None)

    scope = current_scope()
    written = set() if scope is None else scope.assignments()
    others = structure.map_structure(lambda each: each[1:], parts)
    count = structure.flatten(parts)[0].shape[0]
    (last, state), made = jax.lax.scan(body, (y, state), (jnp.arange(1, count), others))
    if scope is not None and scope.assignments() - written:
        raise ValueError(
            f"{walk.label}: its cell assigns to a variable in its steps, which a loop under JAX cannot take out. Keep "
            "such a value in the cell's state, or make the layer with unroll=True."
        )
    if not traversal.sequences:
        return last, state
    joined = [
        jnp.swapaxes(jnp.concatenate([one[None], following]), 0, 1)
        for one, following in zip(structure.flatten(y), structure.flatten(made), strict=True)
    ]
    return structure.rebuild(y, iter(joined)), state


def _like(new: Any, old: Any) -> Any:
    """`new` in the dtypes of `old`, as a loop's carry must be."""
    pairs = zip(structure.flatten(new), structure.flatten(old), strict=True)
    return structure.rebuild(old, iter([one.astype(other.dtype) for one, other in pairs]))
