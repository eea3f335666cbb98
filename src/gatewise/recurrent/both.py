"""Two recurrent layers over the same sequences as one call of the engine, which runs them at once."""

from __future__ import annotations

from typing import Any, TypeAlias

from gatewise.base import masks
from gatewise.base.arrays import shape_of
from gatewise.base.typing import Array
from gatewise.engine import native
from gatewise.engine.op import Call, Op, Traversal
from gatewise.inside import watching
from gatewise.layer import Layer
from gatewise.recurrent.base import RecurrentLayer


def can_run_both(one: Layer, other: Layer) -> bool:
    """Whether calls of the two layers come to no more than their recurrences.

    >>> from gatewise.recurrent import GRU, LSTM
    >>> can_run_both(LSTM(2), GRU(3)), can_run_both(LSTM(2), LSTM(2, activity_regularizer="l2"))
    (True, False)
    """
    return all(
        isinstance(layer, RecurrentLayer)
        and type(layer).call is RecurrentLayer.call
        and type(layer).__call__ is RecurrentLayer.__call__
        and layer.activity_regularizer is None
        for layer in (one, other)
    )


def run_both(
    layers: tuple[RecurrentLayer, RecurrentLayer],
    inputs: Array,
    mask: Any,
    training: bool,
    states: tuple[Any, Any],
) -> list[Any]:
    """What each layer gives, for layers that `can_run_both` takes."""
    one, other = (_prepared(layer, inputs, mask, training, state) for layer, state in zip(layers, states, strict=True))
    made = watching.run_both(layers, (one, other))
    return [layer._given(call, *outputs) for layer, call, outputs in zip(layers, (one, other), made, strict=True)]


def _prepared(layer: RecurrentLayer, inputs: Array, mask: Any, training: bool, state: Any) -> Call:
    """What `layer(inputs, ...)` would call the engine with."""
    x = layer._converted(inputs)
    layer._check(shape_of(x))
    layer._build_once(shape_of(x))
    given: dict[str, Any] = {"mask": mask}
    if state:
        given["initial_state"] = layer._checked_states("initial_state", state, layer._batch_of(x))
    layer._resolve_mask(x, masks.of(x), given)
    return layer._prepared(x, given["mask"], training, given.get("initial_state"))


NativeCall: TypeAlias = tuple[Op, Traversal, bool]
"""What inference on one layer comes to: its op, how to go over the sequences, and whether it gives its state."""


def native_calls(one: Any, other: Any) -> tuple[NativeCall, NativeCall] | None:
    """The calls of two layers' `inference`, where the native engine takes both."""
    layers = one, other
    if any(layer.stateful or layer.time_major or not layer.built for layer in layers):
        return None
    ops = [layer.current_op() for layer in layers]
    if any(native.packed(op) is None for op in ops) or ops[0].kernel.dtype != ops[1].kernel.dtype:
        return None
    first, second = (
        (
            op,
            Traversal(
                go_backwards=layer.go_backwards,
                sequences=layer.return_sequences,
                zero_masked=layer.zero_output_for_mask,
            ),
            layer.return_state,
        )
        for op, layer in zip(ops, layers, strict=True)
    )
    return first, second


def native_outputs(calls: tuple[NativeCall, NativeCall], x: Array) -> list[list[Array]]:
    """What both layers give for x (B, T, I), of the ops' dtype."""
    one, other = ((op, x, None, traversal) for op, traversal, _ in calls)
    made = native.forward_both(one, other)
    return [[y, *final] if gives else [y] for (y, final), (*_, gives) in zip(made, calls, strict=True)]
