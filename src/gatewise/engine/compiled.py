"""The recurrence under JAX in the compiled engine: forward and backward are functions that XLA calls on a CPU.

JAX sees one operation with a derivative of its own (`jax.custom_vjp`), for one recurrence, or for two that are done at
once (the directions of a layer: XLA would call them one after the other). Forward keeps a reserve, the activated gates
and the states of every step; the way back in time makes of it the gradients of the sums; the gradients of weights and
inputs are then products of whole sequences: calls of their own. Mapped axes (`jax.vmap`) join the batch.

What it cannot do goes to `scan`: other devices, bfloat16 and float16, forward-mode and second derivatives
(these two are not known beforehand: `gatewise.config.recurrence = "scan"` chooses it for all).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from gatewise.base.typing import Array
from gatewise.engine import native, over_devices
from gatewise.engine.cells import NATIVE, Cell, State
from gatewise.engine.op import PRODUCTS, Call, Op, Traversal

Arrays: TypeAlias = tuple[Array, ...]
Specs: TypeAlias = tuple["Spec", ...]

FIRST, BEYOND = (0, 6), (0, 12)
"""The jaxlib releases that are taken: from the first on, and before the last. `make test-jax` runs both ends."""

_LINE: Final = 64  # Bytes to which the fields of a reserve are rounded up.


def in_words() -> str:
    """The jaxlib releases that are taken.

    >>> in_words()
    'from 0.6 on, and below 0.12'
    """
    return f"from {_dotted(FIRST)} on, and below {_dotted(BEYOND)}"


def specifier() -> str:
    """The same as pip takes it: `pip install "jax>=..."`."""
    return f">={_dotted(FIRST)},<{_dotted(BEYOND)}"


def _dotted(release: tuple[int, int]) -> str:
    return ".".join(map(str, release))


_switch = {"on": True}


def is_on() -> bool:
    """Whether this executor may be taken at all: see `gatewise.config.recurrence`."""
    return _switch["on"]


def turn(on: bool) -> None:
    """Allow or forbid it, for the process; what is traced already stays as it is."""
    _switch["on"] = on


class Spec(NamedTuple):
    """What is fixed when a recurrence is traced."""

    cell: str
    activation: str
    recurrent_activation: str
    go_backwards: bool
    sequences: bool
    zero_masked: bool
    masked: bool
    bias: bool
    fills: bool
    """Whether more is read of padding than the engine reads: what is kept of it, and the gradients of its sums."""


class Operands(NamedTuple):
    """What a recurrence is given beside its weights; the batch comes first, and what is not there has no numbers.

    Attributes:
        x: (B, T, I).
        states: (B, H) each.
        mask: (B, T) or (B, 0), integers.
        input_factors: (B, gates, I) or (B, 0, I), what each gate multiplies x by first: dropout.
        factors: (B, gates, H) or (B, 0, H), the same of the state.
    """

    x: Array
    states: Arrays
    mask: Array
    input_factors: Array
    factors: Array


class Passed(NamedTuple):
    """What a recurrence gives: y, the final states, and the reserve, (B, T, fields, units) or (B, 0)."""

    y: Array
    last: Arrays
    reserve: Array


def can_run(op: Op, x: Array, state: State | None, traversal: Traversal) -> bool:
    """Whether this executor computes what the op says."""
    return (
        is_on()
        and native.has_equation(op)
        and not op.bfloat16
        and traversal.stays is None
        and native.keeps_reserves(op.cell)
        and x.shape[1] > 0
        and x.dtype in (np.float32, np.float64)
        and all(array.dtype == x.dtype for array in (*op.weights.values(), *(state or ())))
        and _is_at_hand()
    )


def forward(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Array, State]:
    """The contract of `recurrence.forward`, for an op that `can_run` takes."""
    ((y, final),) = _forward_all([(op, x, state, traversal)])
    return y, final


def forward_both(one: Call, other: Call) -> tuple[tuple[Array, State], tuple[Array, State]]:
    """The contract of `recurrence.forward_both`, for two calls that `can_run` takes and `fit`: one call of XLA's."""
    first, second = _forward_all([one, other])
    return first, second


def fit(one: Call, other: Call) -> bool:
    """Whether two calls can be one: they have the same dtype, and sequences both or neither."""
    x, other_x = one[1], other[1]
    return bool(x.dtype == other_x.dtype and (x.shape[0] > 0) == (other_x.shape[0] > 0))


def _forward_all(calls: list[Call]) -> tuple[tuple[Array, State], ...]:
    _is_at_hand()
    specs, weights, operands = zip(*[_prepared(*call) for call in calls], strict=True)
    call = partial(_recurrence(), specs)
    made: tuple[tuple[Array, State], ...] = over_devices.on_each_device(call, weights, operands)
    return made


def _prepared(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Spec, Arrays, Operands]:
    """A call as XLA takes it."""
    import jax.numpy as jnp

    assert op.names is not None
    batch, _, inputs = x.shape
    gates, widths = len(op.cell.gates), op.state_widths

    def by_gate(masks: Array | None, width: int) -> Array:
        """Masks (gates or 1, B, width) with the batch first; none where there is nothing to multiply."""
        if masks is None:
            return jnp.zeros((batch, 0, width), x.dtype)
        return jnp.swapaxes(jnp.broadcast_to(masks, (gates, batch, width)), 0, 1).astype(x.dtype)

    drops = traversal.dropout
    if drops is not None and drops.shape[0] == 1:
        x, drops = x * drops[0], None
    if state:
        states = tuple(jnp.broadcast_to(s, (batch, width)) for s, width in zip(state, widths, strict=True))
    else:
        states = tuple(jnp.zeros((batch, width), x.dtype) for width in widths)
    nothing = jnp.zeros((0,), x.dtype)
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
        fills=_reads_padding(op, drops is not None or traversal.recurrent_dropout is not None),
    )
    operands = Operands(
        x,
        states,
        jnp.asarray(mask, jnp.uint8),
        by_gate(None if drops is None else drops[:, :, 0], inputs),
        by_gate(traversal.recurrent_dropout, widths[0]),
    )
    weights = native.laid_out(op, jnp)
    return spec, tuple(weights.get(name, nothing) for name in native.layout(op.cell)), operands


@cache
def _is_at_hand() -> bool:
    """Whether JAX computes on the CPU, with a jaxlib that takes the handlers; registers them."""
    from importlib.metadata import version

    import jax

    if jax.default_backend() != "cpu":
        return False
    found = version("jaxlib")
    if not FIRST <= tuple(int(number) for number in found.split(".")[:2]) < BEYOND:
        warnings.warn(
            f"jaxlib {found} is not among the releases that the native recurrence is tested with: {in_words()}. Under "
            "JAX, recurrent layers run as lax.scan instead, which gives the same results and takes longer. Install "
            f'one of those, pip install "jax{specifier()}", or say gatewise.config.recurrence = "scan" if this is '
            "meant.",
            stacklevel=2,
        )
        return False
    from gatewise.engine import _native

    for name, handler in _native.xla_handlers().items():
        jax.ffi.register_ffi_target(f"gatewise_{name}", handler, platform="cpu")
    return True


def _reads_padding(op: Op, by_gate: bool) -> bool:
    """Whether XLA makes products of what the engine keeps of each step, or looks for NaN in it."""
    import jax

    of_units = set(op.cell.weights) - {*PRODUCTS, "bias"} - set(op.cell.settings)
    return by_gate or bool(of_units) or bool(jax.config.jax_debug_nans)


@cache
def _places() -> tuple[dict[str, int], dict[str, int]]:
    """The numbers under which the engine knows its cells and activations."""
    from gatewise.engine import _native

    return (
        {name: place for place, name in enumerate(_native.cells())},
        {name: place for place, name in enumerate(_native.activations())},
    )


def _attributes(specs: Specs, units: list[int]) -> dict[str, Any]:
    """Those of all recurrences of a call, whose place ends their names."""
    cells, activations = _places()
    attributes = {"recurrences": np.int64(len(specs))}
    for place, (spec, width) in enumerate(zip(specs, units, strict=True)):
        own = {
            "units": width,
            "cell": cells[spec.cell],
            "activation": activations[spec.activation],
            "recurrent_activation": activations[spec.recurrent_activation],
            "go_backwards": spec.go_backwards,
            "sequences": spec.sequences,
            "zero_masked": spec.zero_masked,
            "fills": spec.fills,
        }
        attributes.update({f"{name}{place}": np.int64(value) for name, value in own.items()})
    return attributes


def _fields(cell: type[Cell]) -> int:
    """The sums of a step: the gates, and the state's share of the last where that stays apart."""
    return len(cell.gates) + (1 if cell.weights["bias"].startswith("(2") else 0)


def reserve_units(units: int, dtype: Any) -> int:
    """Numbers that a field takes in a row of a reserve."""
    numbers: int = _LINE // np.dtype(dtype).itemsize
    return -(-units // numbers) * numbers


def _call_forward(specs: Specs, keeps: bool, weights: tuple[Arrays, ...], operands: tuple[Operands, ...]) -> Any:
    """A `Passed` of each recurrence."""
    results = []
    for spec, own in zip(specs, operands, strict=True):
        shape = partial(over_devices.result, like=own.x)
        batch, steps, _ = own.x.shape
        units, dtype = own.states[0].shape[1], own.x.dtype
        fields = _fields(NATIVE[spec.cell]) + len(own.states)
        results.append(
            Passed(
                shape((batch, steps, units) if spec.sequences else (batch, units)),
                tuple(shape(s.shape) for s in own.states),
                shape((batch, steps, fields, reserve_units(units, dtype)) if keeps else (batch, 0)),
            )
        )
    given = [(own.x, mine, own.states, *own[2:]) for mine, own in zip(weights, operands, strict=True)]
    return _ffi_call("forward", specs, results, given, [own.states[0].shape[1] for own in operands])


def _call_backward(
    specs: Specs,
    weights: tuple[Arrays, ...],
    kept: tuple[tuple[Operands, Array], ...],
    gradients: tuple[tuple[Array, Arrays], ...],
) -> Any:
    """Of each recurrence the gradients of the sums (B, T, sums, H) and of the first states."""
    results, given = [], []
    for spec, mine, (own, reserve), d_outputs in zip(specs, weights, kept, gradients, strict=True):
        shape = partial(over_devices.result, like=reserve)
        dz = shape((*own.x.shape[:2], _fields(NATIVE[spec.cell]), own.states[0].shape[1]))
        results.append((dz, tuple(shape(s.shape) for s in own.states)))
        given.append((reserve, mine, own.states, own.mask, own.factors, d_outputs))
    return _ffi_call("backward", specs, results, given, [own.states[0].shape[1] for own, _ in kept])


def _ffi_call(name: str, specs: Specs, results: Any, given: Any, units: list[int], **options: Any) -> Any:
    """Call a handler with the leaves of `given`; what it gives in the form of `results`."""
    import jax

    shapes, form = jax.tree_util.tree_flatten(results)
    call = jax.ffi.ffi_call(f"gatewise_{name}", shapes, **options)
    return form.unflatten(call(*jax.tree_util.tree_leaves(given), **_attributes(specs, units)))


@lru_cache(maxsize=256)
def _mapped(function: Callable[..., Any], specs: Specs, *fixed: Any) -> Callable[..., Any]:
    """`function(specs, *fixed, weights, *arrays)` with a rule for `jax.vmap`.

    A mapped axis joins the batch, or the calls come one after the other where each has weights of its own.
    """
    import jax
    import jax.numpy as jnp

    tree = jax.tree_util

    def plain(weights: Any, *arrays: Any) -> Any:
        return function(specs, *fixed, weights, *arrays)

    call: Any = jax.custom_batching.custom_vmap(plain)

    def rule(size: int, mapped: Any, weights: Any, *arrays: Any) -> tuple[Any, Any]:
        weights_mapped, *arrays_mapped = mapped

        def spread(array: Array, is_mapped: bool) -> Array:
            return array if is_mapped else jnp.broadcast_to(array, (size, *array.shape))

        every = tree.tree_map(spread, arrays, tuple(arrays_mapped))
        if any(tree.tree_leaves(weights_mapped)):
            own = tree.tree_map(spread, weights, weights_mapped)
            outputs = jax.lax.map(lambda both: call(both[0], *both[1]), (own, every))
        else:
            joined = tree.tree_map(lambda a: a.reshape(a.shape[0] * a.shape[1], *a.shape[2:]), every)
            made = call(weights, *joined)
            outputs = tree.tree_map(lambda a: a.reshape(size, a.shape[0] // size, *a.shape[1:]), made)
        return outputs, tree.tree_map(lambda _: True, outputs)

    call.def_vmap(rule)
    return call  # type: ignore[no-any-return]


@cache
def _recurrence() -> Callable[..., Any]:
    """The operation that JAX sees: (specs, weights, operands) to y and the final states of each recurrence."""
    import jax

    def run(specs: Specs, weights: Any, operands: Any) -> Any:
        passed = _mapped(_call_forward, specs, False)(weights, operands)
        return tuple((each.y, each.last) for each in passed)

    def forward(specs: Specs, weights: Any, operands: Any) -> tuple[Any, Any]:
        passed = _mapped(_call_forward, specs, True)(weights, operands)
        kept = tuple((own, each.reserve) for own, each in zip(operands, passed, strict=True))
        return tuple((each.y, each.last) for each in passed), (weights, kept)

    def backward(specs: Specs, residuals: Any, gradients: Any) -> tuple[Any, Any]:
        weights, kept = residuals
        made = _mapped(_call_backward, specs)(weights, kept, gradients)
        each = zip(specs, weights, kept, made, strict=True)
        d_weights, d_operands = zip(*[_products(*one) for one in each], strict=True)
        return d_weights, d_operands

    recurrence: Any = jax.custom_vjp(run, nondiff_argnums=(0,))
    recurrence.defvjp(forward, backward)
    return recurrence  # type: ignore[no-any-return]


def _products(
    spec: Spec, weights: Arrays, kept: tuple[Operands, Array], made: tuple[Array, Arrays]
) -> tuple[Arrays, Operands]:
    """The gradients of weights and operands, from those of the sums dz (B, T, sums, H)."""
    import jax
    import jax.numpy as jnp

    (own, reserve), (dz, d_states) = kept, made
    cell = NATIVE[spec.cell]
    units = dz.shape[-1]
    after = tuple(reserve[:, :, dz.shape[2] + k, :units] for k in range(len(own.states)))
    earlier = tuple(jnp.concatenate([s[:, None], a[:, :-1]], axis=1) for s, a in zip(own.states, after, strict=True))
    multiply = _with_factors if own.input_factors.shape[1] or own.factors.shape[1] else _without_factors
    gradients, dx, d_factors = multiply(spec, weights, own, reserve, dz, earlier)
    if not spec.bias:
        gradients["bias"] = weights[2] * 0  # It varies along the same axes of a mesh.
    sums = {gate: dz[:, :, k] for k, gate in enumerate(cell.gates)}
    gradients.update(cell.unit_gradients(sums, earlier, after))
    d_operands = Operands(dx, tuple(d_states), np.zeros(own.mask.shape, jax.dtypes.float0), *d_factors)
    named = zip(native.layout(cell), weights, strict=True)  # Nobody asks for the gradient of a setting.
    return tuple(gradients.get(name, weight * 0) for name, weight in named), d_operands


Products: TypeAlias = tuple[dict[str, Array], Array, tuple[Array, Array]]
"""The gradients of the kernels and the bias by name, of x, and of both kinds of factors."""


def _without_factors(
    spec: Spec, weights: Arrays, own: Operands, reserve: Array, dz: Array, _earlier: Arrays
) -> Products:
    """By the engine: a call for the weights, and one for x, which XLA leaves out where nobody asks for it."""
    cell = NATIVE[spec.cell]
    units = [dz.shape[-1]]
    columns = weights[0].shape[1]
    bias = (2, columns) if cell.weights["bias"].startswith("(2") else (columns,)
    results = [over_devices.result(shape, like=dz) for shape in (weights[0].shape, weights[1].shape, bias)]
    given = (own.x, reserve, own.states[0], own.mask, dz)
    gradients = _ffi_call("weight_gradients", (spec,), results, given, units, vmap_method="sequential")
    dx = _mapped(_call_input_gradient, (spec,))(weights[0], dz, own.mask)
    named = dict(zip(("kernel", "recurrent_kernel", "bias"), gradients, strict=True))
    return named, dx, (own.input_factors * 0, own.factors * 0)


def _call_input_gradient(specs: Specs, kernel: Array, dz: Array, mask: Array) -> Array:
    result = over_devices.result((*dz.shape[:2], kernel.shape[0]), like=dz)
    return _ffi_call("input_gradient", specs, result, (dz, mask, kernel), [dz.shape[-1]])


def _with_factors(spec: Spec, weights: Arrays, own: Operands, reserve: Array, dz: Array, earlier: Arrays) -> Products:
    """By XLA, gate by gate."""
    import jax.numpy as jnp

    cell = NATIVE[spec.cell]
    count, units = len(cell.gates), dz.shape[-1]
    of_inputs = dz[:, :, :count]
    of_states = (
        of_inputs if dz.shape[2] == count else jnp.concatenate([dz[:, :, : count - 1], dz[:, :, count:]], axis=2)
    )
    gates = {gate: reserve[:, :, k, :units] for k, gate in enumerate(cell.gates)}
    read = jnp.flip(own.x, axis=1) if spec.go_backwards else own.x
    d_kernel, dx, d_input_factors = _product(read, own.input_factors, weights[0], of_inputs)
    columns = weights[1].reshape(-1, count, units)
    parts = [
        _product(source, own.factors[:, part], columns[:, part].reshape(units, -1), of_states[:, :, part])
        for part, source in cell.multiplied(earlier, gates)
    ]
    gradients: dict[str, Array] = {
        "kernel": d_kernel,
        "recurrent_kernel": jnp.concatenate([d_columns for d_columns, _, _ in parts], axis=1) if parts else weights[1],
        "bias": _flat(of_inputs).sum(0),
    }
    if cell.weights["bias"].startswith("(2"):
        gradients["bias"] = jnp.stack([gradients["bias"], _flat(of_states).sum(0)])
    d_factors = jnp.concatenate([d_factors for *_, d_factors in parts], axis=1) if parts else own.factors * 0
    return gradients, jnp.flip(dx, axis=1) if spec.go_backwards else dx, (d_input_factors, d_factors)


def _product(source: Array, factors: Array, kernel: Array, dz: Array) -> tuple[Array, Array, Array]:
    """Back through z = (source * factors) kernel, for source (B, T, n), factors (B, gates or 0, n) and dz (B, T, gates,
    H): the gradients of the kernel (n, gates H), of the source and of the factors, which nothing computes that asks for
    no more than the others.
    """
    import jax.numpy as jnp

    gates, units = dz.shape[2:]
    if not factors.shape[1]:
        d_source = (_flat(dz) @ kernel.T).reshape(source.shape)
        return _flat(source).T @ _flat(dz), d_source, jnp.zeros_like(factors)
    d_columns, d_sources, d_factors = [], [], []
    for k in range(gates):
        own, d_gate = factors[:, k, None], _flat(dz[:, :, k])
        d_columns.append(_flat(source * own).T @ d_gate)
        d_product = (d_gate @ kernel[:, k * units : (k + 1) * units].T).reshape(source.shape)
        d_sources.append(d_product * own)
        d_factors.append((d_product * source).sum(1))
    return jnp.concatenate(d_columns, axis=1), sum(d_sources[1:], d_sources[0]), jnp.stack(d_factors, axis=1)


def _flat(array: Array) -> Array:
    return array.reshape(array.shape[0] * array.shape[1], -1)
