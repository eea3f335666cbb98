"""Loops and branches: under JAX as JAX traces them, on NumPy's arrays as Python runs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gatewise.base import structure
from gatewise.base.arrays import is_array, namespace
from gatewise.ops.declared import Arrays, also, op, result
from gatewise.ops.dtypes import tensor


def traced(*trees: Any) -> bool:
    """Whether some array among the leaves is JAX's."""
    leaves = [leaf for tree in trees for leaf in structure.flatten(tree)]
    leaves = [getattr(leaf, "value", leaf) for leaf in leaves]
    return namespace(*filter(is_array, leaves)) is not np


def _tensors(tree: Any) -> Any:
    return structure.map_structure(lambda leaf: None if leaf is None else tensor(leaf), tree)


def _stacked(trees: list[Any]) -> Any:
    """Structures of arrays as one, each leaf with an axis more in front."""
    if not trees or trees[0] is None:
        return None
    columns = zip(*(structure.flatten(tree) for tree in trees), strict=True)
    leaves = []
    for column in columns:
        arrays = [tensor(each) for each in column]
        leaves.append(None if column[0] is None else namespace(*arrays).stack(arrays))
    return structure.rebuild(trees[0], iter(leaves))


def _part(tree: Any, place: int) -> Any:
    return structure.map_structure(lambda leaf: leaf[place], tree)


@op("core")
def scan(
    f: Callable[..., Any],
    init: Arrays,
    xs: Arrays = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> Any:
    """`carry, y = f(carry, x)` for each x along the first axis; the last carry, and all y as arrays."""
    init, xs = _tensors(init), _tensors(xs)
    leaves = [leaf for leaf in structure.flatten(xs) if leaf is not None]
    count = length if length is not None or not leaves else len(leaves[0])
    if count is None:
        raise ValueError("ops.scan: give xs to go over, or length, how many steps to make.")
    if traced(init, xs):
        from jax import lax

        return tuple(lax.scan(lambda carry, x: tuple(f(carry, x)), init, xs, count, reverse, unroll))
    carry, made = init, []
    for place in reversed(range(count)) if reverse else range(count):
        carry, y = f(carry, _part(xs, place) if leaves else None)
        made.append(y)
    return carry, _stacked(made[::-1] if reverse else made)


@op("core")
def map(f: Callable[..., Any], xs: Arrays) -> Any:
    """`f` of each part along the first axis, as arrays."""
    return scan.__wrapped__(lambda carry, x: (carry, f(x)), (), xs)[1]  # type: ignore[attr-defined]


@op("core")
def vectorized_map(function: Callable[..., Any], elements: Arrays) -> Any:
    """`function` of each part along the first axis, as arrays."""
    if traced(elements):
        import jax

        return jax.vmap(function)(_tensors(elements))
    return map.__wrapped__(function, elements)  # type: ignore[attr-defined]


@op("core")
def associative_scan(f: Callable[..., Any], elems: Arrays, reverse: bool = False, axis: int = 0) -> Any:
    """What `f`, which must be associative, makes of all the parts up to each place along an axis."""
    elems = _tensors(elems)
    if traced(elems):
        from jax import lax

        return lax.associative_scan(f, elems, reverse, axis)
    moved = structure.map_structure(lambda leaf: np.moveaxis(leaf, axis, 0), elems)
    parts = [_part(moved, slice(k, k + 1)) for k in range(len(structure.flatten(moved)[0]))]  # type: ignore[arg-type]
    parts = parts[::-1] if reverse else parts
    turned = [structure.map_structure(lambda leaf: np.moveaxis(leaf, 0, axis), part) for part in parts]
    made = turned[:1]
    for part in turned[1:]:
        made.append(f(made[-1], part))
    made = made[::-1] if reverse else made
    columns = zip(*(structure.flatten(each) for each in made), strict=True)
    return structure.rebuild(elems, iter([np.concatenate(column, axis=axis) for column in columns]))


@op("core")
def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Arrays, maximum_iterations: int | None = None
) -> Any:
    """`loop_vars = body(*loop_vars)` as long as `cond(*loop_vars)` holds, and at most so many times."""
    several = isinstance(loop_vars, (list, tuple))
    state = _tensors(tuple(loop_vars) if several else (loop_vars,))

    def next_one(now: Any) -> Any:
        made = body(*now)
        return tuple(made) if isinstance(made, (list, tuple)) else (made,)

    if traced(state):
        state = _while_on_jax(cond, next_one, state, maximum_iterations)
    else:
        count = 0
        while (maximum_iterations is None or count < maximum_iterations) and bool(cond(*state)):
            state, count = next_one(state), count + 1
    return type(loop_vars)(state) if several else state[0]


def _while_on_jax(cond: Callable[..., Any], body: Callable[..., Any], state: Any, most: int | None) -> Any:
    from jax import lax
    from jax import numpy as jnp

    state = structure.map_structure(jnp.asarray, state)
    if most is None:
        return lax.while_loop(lambda now: cond(*now), body, state)
    counted = lax.while_loop(
        lambda now: jnp.logical_and(now[0] < most, cond(*now[1])), lambda now: (now[0] + 1, body(now[1])), (0, state)
    )
    return counted[1]


@op("core")
def fori_loop(lower: int, upper: int, body_fun: Callable[..., Any], init_val: Arrays) -> Any:
    """`value = body_fun(i, value)` for each i from `lower` up to `upper`, that one left out."""
    value = _tensors(init_val)
    if traced(value, lower, upper):
        from jax import lax

        return lax.fori_loop(lower, upper, body_fun, value)
    for place in range(int(lower), int(upper)):
        value = body_fun(place, value)
    return value


@op("core")
def cond(pred: Arrays, true_fn: Callable[..., Any], false_fn: Callable[..., Any]) -> Any:
    """`true_fn()` where `pred` holds, else `false_fn()`."""
    if traced(pred):
        from jax import lax

        return lax.cond(tensor(pred), lambda: result(true_fn()), lambda: result(false_fn()))
    return true_fn() if bool(tensor(pred)) else false_fn()


@op("core")
def switch(index: Arrays, branches: Any, *operands: Arrays) -> Any:
    """`branches[index](*operands)`; an index beyond the ends takes the branch there."""
    if traced(index):
        from jax import lax

        return lax.switch(tensor(index), branches, *operands)
    return branches[min(max(int(tensor(index)), 0), len(branches) - 1)](*operands)


@also
def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator: `f` gives a value and a function that computes its gradients, which JAX then uses.

    The function takes `upstream`, by name or by place, and gives the gradient of each argument.
    """

    def forward(*args: Any) -> Any:
        return result(f(*args)[0])

    def call(*args: Any) -> Any:
        if not traced(args):
            return forward(*args)
        import jax

        differentiable = jax.custom_vjp(forward)
        # The second pass computes the value anew: what `f` closes over then belongs to the same trace.
        differentiable.defvjp(
            lambda *given: (forward(*given), given), lambda given, upstream: _gradients(f, given, upstream)
        )
        return differentiable(*args)

    return call


def _gradients(f: Callable[..., Any], args: Any, upstream: Any) -> Any:
    import inspect

    gradient = f(*args)[1]
    names = inspect.signature(gradient).parameters
    made = gradient(*args, upstream=upstream) if "args" in names else gradient(upstream)
    return tuple(made) if isinstance(made, (list, tuple)) else (made,)
