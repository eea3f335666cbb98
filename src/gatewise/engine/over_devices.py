"""What the compiled recurrence does where JAX computes on several devices: XLA cannot divide a call, so we say how.

Inside `jax.shard_map` each array has a type that names the axes of the mesh along which it differs from device to
device. A call's results differ along all axes along which any argument does; an argument that is the same on all
devices is first said to vary, and by transposition its gradient is then the sum over the devices.

The names are those of JAX 0.6 and later; before, `shard_map` wants `check_rep=False`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple


class Division(NamedTuple):
    """A mesh of JAX's, and the name of its axis along which batches are divided."""

    mesh: Any
    axis: str


_division: ContextVar[Division | None] = ContextVar("gatewise_division", default=None)


@contextmanager
def divided(division: Division | None) -> Iterator[None]:
    """What is traced inside the block divides its batches so; None divides nothing."""
    token = _division.set(division)
    try:
        yield
    finally:
        _division.reset(token)


def axes_of(array: Any) -> frozenset[str]:
    """The axes of a mesh along which an array differs from device to device, as its type says."""
    import jax

    kind = jax.typeof(array) if hasattr(jax, "typeof") else None
    varying = getattr(getattr(kind, "manual_axis_type", None), "varying", None)
    return frozenset(getattr(kind, "vma", ()) if varying is None else varying)


def alike(tree: Any) -> Any:
    """The arrays, all said to vary along every axis along which one does."""
    import jax

    every = frozenset().union(*map(axes_of, jax.tree.leaves(tree)))
    return jax.tree.map(lambda array: _varying(array, every - axes_of(array)), tree) if every else tree


def _varying(array: Any, axes: frozenset[str]) -> Any:
    from jax import lax

    if not axes:
        return array
    if hasattr(lax, "pcast"):
        return lax.pcast(array, tuple(axes), to="varying")
    return lax.pvary(array, tuple(axes))


def result(shape: tuple[int, ...], like: Any) -> Any:
    """The type of a call's result: this shape, and the dtype and axes of an argument."""
    import jax
    import jax.numpy as jnp

    if not axes_of(like):
        return jax.ShapeDtypeStruct(shape, like.dtype)
    # Releases of JAX name a type's parts differently; that of an array, which nobody computes, has them all.
    return jax.typeof(jnp.broadcast_to(like.ravel()[:0].sum(), shape))


def on_each_device(call: Callable[[Any, Any], Any], weights: Any, operands: Any) -> Any:
    """`call(weights, operands)`, on each device with its part of the batch, the first axis of all operands.

    Outside a division, or where the batch does not divide, it is called as it is.
    """
    import jax
    from jax.sharding import PartitionSpec

    division = _division.get()
    x = jax.tree.leaves(operands)[0]
    if division is None or axes_of(x) or x.shape[0] == 0 or x.shape[0] % division.mesh.shape[division.axis]:
        return call(*alike((weights, operands)))
    shared, rows = PartitionSpec(), PartitionSpec(division.axis)
    divided_call = _shard_map(
        lambda *parts: call(*alike(parts)),
        mesh=division.mesh,
        in_specs=(shared, rows),
        out_specs=rows,
    )
    return divided_call(weights, operands)


def _shard_map(call: Callable[..., Any], **places: Any) -> Any:
    """`jax.shard_map`, or what it was before JAX 0.6."""
    import jax

    if hasattr(jax, "shard_map"):
        return jax.shard_map(call, **places)
    from jax.experimental.shard_map import shard_map

    return shard_map(call, **places, check_rep=False)
