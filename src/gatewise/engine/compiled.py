"""The recurrence under JAX in the compiled engine: forward and backward are functions that XLA calls on a CPU.

JAX sees one operation with a derivative of its own (`jax.custom_vjp`). Forward keeps a reserve, the activated gates and
the states of every step; the way back in time makes of it the gradients of the sums; the gradients of weights and
inputs are then products of whole sequences, one function each, so that XLA leaves out what nobody asks for. Mapped
axes (`jax.vmap`) join the batch.

What it cannot do goes to `scan`: other devices, bfloat16, dropout of the state, forward-mode and second derivatives
(these two are not known beforehand: `gatewise.config.recurrence = "scan"` chooses it for all).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from gatewise.base.typing import Array
from gatewise.engine import native, over_devices
from gatewise.engine.cells import NATIVE, Cell, State
from gatewise.engine.op import Op, Traversal

Arrays: TypeAlias = tuple[Array, ...]

FIRST, BEYOND = (0, 6), (0, 12)
"""The jaxlib releases that are taken: from the first, and before the last. The tests run the newest that pip finds."""

_LINE: Final = 64  # Bytes to which the fields of a reserve are rounded up.


_switch = {"on": True}


def is_on() -> bool:
    """Whether this executor may be taken at all: see `gatewise.config.recurrence`."""
    return _switch["on"]


def turn(on: bool) -> None:
    """Allow or forbid it, for the process; what is traced already stays as it is."""
    _switch["on"] = on


class Spec(NamedTuple):
    """What is fixed when a call is traced."""

    cell: str
    activation: str
    recurrent_activation: str
    go_backwards: bool
    sequences: bool
    zero_masked: bool
    masked: bool
    bias: bool


def can_run(op: Op, x: Array, state: State | None, traversal: Traversal) -> bool:
    """Whether this executor computes what the op says."""
    drops_once = traversal.dropout is None or traversal.dropout.shape[0] == 1
    return (
        is_on()
        and native.has_equation(op)
        and not op.bfloat16
        and traversal.recurrent_dropout is None
        and drops_once
        and x.shape[1] > 0
        and x.dtype in (np.float32, np.float64)
        and all(array.dtype == x.dtype for array in (*op.weights.values(), *(state or ())))
        and _is_at_hand()
    )


def forward(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Array, State]:
    """The contract of `recurrence.forward`, for an op that `can_run` takes."""
    import jax.numpy as jnp

    assert op.names is not None
    _is_at_hand()
    batch = x.shape[0]
    widths = op.state_widths
    if traversal.dropout is not None:
        x = x * traversal.dropout[0]
    if state:
        states = tuple(jnp.broadcast_to(s, (batch, width)) for s, width in zip(state, widths, strict=True))
    else:
        states = tuple(jnp.zeros((batch, width), x.dtype) for width in widths)
    nothing = jnp.zeros((0,), x.dtype)
    weights = tuple(op.weights.get(name, nothing) for name in op.cell.weights)
    masked = traversal.mask is not None
    mask = traversal.mask if masked else jnp.zeros((batch, 0), bool)
    spec = Spec(
        op.cell.name,
        *op.names,
        traversal.go_backwards,
        traversal.sequences,
        traversal.zero_masked,
        masked,
        "bias" in op.weights,
    )
    return over_devices.on_each_device(  # type: ignore[no-any-return]
        partial(_recurrence(), spec), weights, x, states, jnp.asarray(mask, jnp.uint8)
    )


@cache
def _is_at_hand() -> bool:
    """Whether JAX computes on the CPU, with a jaxlib that takes the handlers; registers them."""
    from importlib.metadata import version

    import jax

    major, minor = version("jaxlib").split(".")[:2]
    if jax.default_backend() != "cpu" or not FIRST <= (int(major), int(minor)) < BEYOND:
        return False
    from gatewise.engine import _native

    for name, handler in _native.xla_handlers().items():
        jax.ffi.register_ffi_target(f"gatewise_{name}", handler, platform="cpu")
    return True


@cache
def _places() -> tuple[dict[str, int], dict[str, int]]:
    """The numbers under which the engine knows its cells and activations."""
    from gatewise.engine import _native

    return (
        {name: place for place, name in enumerate(_native.cells())},
        {name: place for place, name in enumerate(_native.activations())},
    )


def _attributes(spec: Spec, units: int) -> dict[str, Any]:
    cells, activations = _places()
    return {
        "units": np.int64(units),
        "cell": np.int64(cells[spec.cell]),
        "activation": np.int64(activations[spec.activation]),
        "recurrent_activation": np.int64(activations[spec.recurrent_activation]),
        "go_backwards": np.int64(spec.go_backwards),
        "sequences": np.int64(spec.sequences),
        "zero_masked": np.int64(spec.zero_masked),
    }


def _fields(cell: type[Cell]) -> int:
    """The sums of a step: the gates, and the state's share of the last where that stays apart."""
    return len(cell.gates) + (1 if cell.weights["bias"].startswith("(2") else 0)


def _reserve_units(units: int, dtype: Any) -> int:
    numbers: int = _LINE // np.dtype(dtype).itemsize
    return -(-units // numbers) * numbers


def _call_forward(spec: Spec, keeps: bool, weights: Arrays, x: Array, states: Arrays, mask: Array) -> Arrays:
    import jax

    batch, steps, _ = x.shape
    units = states[0].shape[1]
    fields = _fields(NATIVE[spec.cell]) + len(states)
    shape = partial(over_devices.result, like=x)
    results = [
        shape((batch, steps, units) if spec.sequences else (batch, units)),
        *(shape(s.shape) for s in states),
        shape((batch, steps, fields, _reserve_units(units, x.dtype)) if keeps else (batch, 0)),
    ]
    call = jax.ffi.ffi_call("gatewise_forward", results)
    return tuple(call(x, *weights, *states, mask, **_attributes(spec, units)))


def _call_backward(
    spec: Spec, weights: Arrays, reserve: Array, states: Arrays, mask: Array, dy: Array, d_last: Arrays
) -> Arrays:
    import jax

    batch, steps = reserve.shape[:2]
    units = states[0].shape[1]
    shape = partial(over_devices.result, like=reserve)
    results = [shape((batch, steps, _fields(NATIVE[spec.cell]), units)), *(shape(s.shape) for s in states)]
    call = jax.ffi.ffi_call("gatewise_backward", results)
    return tuple(call(reserve, *weights, *states, mask, dy, *d_last, **_attributes(spec, units)))


@lru_cache(maxsize=256)
def _mapped(function: Callable[..., Arrays], spec: Spec, *fixed: Any) -> Callable[..., Arrays]:
    """`function(spec, *fixed, weights, *arrays)` with a rule for `jax.vmap`.

    A mapped axis joins the batch, or the calls come one after the other where each has weights of its own.
    """
    import jax
    import jax.numpy as jnp

    def plain(weights: Arrays, *arrays: Any) -> Arrays:
        return function(spec, *fixed, weights, *arrays)

    call: Any = jax.custom_batching.custom_vmap(plain)

    def rule(size: int, mapped: Any, weights: Arrays, *arrays: Any) -> tuple[Arrays, Any]:
        tree = jax.tree_util
        weights_mapped, *arrays_mapped = mapped

        def spread(array: Array, is_mapped: bool) -> Array:
            return array if is_mapped else jnp.broadcast_to(array, (size, *array.shape))

        every = tree.tree_map(spread, arrays, tuple(arrays_mapped))
        if any(tree.tree_leaves(weights_mapped)):
            own = tree.tree_map(spread, weights, weights_mapped)
            outputs = jax.lax.map(lambda both: call(both[0], *both[1]), (own, every))
        else:
            joined = tree.tree_map(lambda a: a.reshape(a.shape[0] * a.shape[1], *a.shape[2:]), every)
            outputs = tuple(a.reshape(size, a.shape[0] // size, *a.shape[1:]) for a in call(weights, *joined))
        return outputs, tree.tree_map(lambda _: True, outputs)

    call.def_vmap(rule)
    return call  # type: ignore[no-any-return]


@cache
def _recurrence() -> Callable[..., tuple[Array, State]]:
    """The operation that JAX sees."""
    import jax

    def run(spec: Spec, weights: Arrays, x: Array, states: Arrays, mask: Array) -> tuple[Array, State]:
        y, *last, _ = _mapped(_call_forward, spec, False)(weights, x, states, mask)
        return y, tuple(last)

    def forward(spec: Spec, weights: Arrays, x: Array, states: Arrays, mask: Array) -> tuple[Any, Any]:
        y, *last, reserve = _mapped(_call_forward, spec, True)(weights, x, states, mask)
        return (y, tuple(last)), (weights, x, states, mask, reserve)

    def backward(spec: Spec, kept: Any, gradients: tuple[Array, State]) -> tuple[Any, ...]:
        weights, x, states, mask, reserve = kept
        dy, d_last = gradients
        dz, *d_states = _mapped(_call_backward, spec)(weights, reserve, states, mask, dy, d_last)
        d_weights = _weight_gradients(spec, weights, x, states, reserve, dz)
        (dx,) = _mapped(_call_input_gradient, spec)(weights[:1], dz)
        return d_weights, dx, tuple(d_states), np.zeros(mask.shape, jax.dtypes.float0)

    recurrence: Any = jax.custom_vjp(run, nondiff_argnums=(0,))
    recurrence.defvjp(forward, backward)
    return recurrence  # type: ignore[no-any-return]


def _call_input_gradient(spec: Spec, weights: Arrays, dz: Array) -> Arrays:
    import jax

    (kernel,) = weights
    shape = over_devices.result((*dz.shape[:2], kernel.shape[0]), like=dz)
    return (jax.ffi.ffi_call("gatewise_input_gradient", shape)(dz, kernel, **_attributes(spec, dz.shape[-1])),)


def _weight_gradients(
    spec: Spec, weights: Arrays, x: Array, states: Arrays, reserve: Array, dz: Array
) -> tuple[Array, ...]:
    """The gradients of weights, from those of the sums dz (B, T, sums, H)."""
    import jax
    import jax.numpy as jnp

    cell = NATIVE[spec.cell]
    units = dz.shape[-1]
    columns = weights[0].shape[1]
    bias = (2, columns) if cell.weights["bias"].startswith("(2") else (columns,)
    shapes = [over_devices.result(shape, like=dz) for shape in (weights[0].shape, weights[1].shape, bias)]
    call = jax.ffi.ffi_call("gatewise_weight_gradients", shapes, vmap_method="sequential")
    gradients = dict(zip(cell.weights, call(x, reserve, states[0], dz, **_attributes(spec, units)), strict=False))
    if not spec.bias:
        gradients["bias"] = weights[2] * 0  # It varies along the same axes of a mesh.
    own = {gate: dz[:, :, k] for k, gate in enumerate(cell.gates)}
    after = tuple(reserve[:, :, dz.shape[2] + k, :units] for k in range(len(states)))
    earlier = tuple(jnp.concatenate([s[:, None], a[:, :-1]], axis=1) for s, a in zip(states, after, strict=True))
    gradients.update(cell.unit_gradients(own, earlier, after))
    return tuple(gradients[name] for name in cell.weights)
