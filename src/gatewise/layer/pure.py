"""A layer or model as a pure function of its weights, for JAX to trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewise.base import structure
from gatewise.base.arrays import is_array
from gatewise.base.typing import Array
from gatewise.base.variable import Scope, Variable, current_scope, next_key, reading

if TYPE_CHECKING:
    from gatewise.layer.layer import Layer


def stateless_call(
    layer: Layer,
    trainable: list[Array],
    non_trainable: list[Array],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    key: Any,
) -> tuple[Any, list[Array]]:
    """Call `layer` with these values in place of its variables; see `Layer.stateless_call`."""
    import jax.numpy as jnp

    def on_jax(leaf: Any) -> Any:
        return jnp.asarray(leaf) if is_array(leaf) else leaf

    changing = _paired(layer, "trainable", layer.trainable_variables, trainable)
    others = _paired(layer, "non-trainable", layer.non_trainable_variables, non_trainable)
    args, kwargs = structure.map_structure(on_jax, (args, kwargs))
    if key is None and (outer := current_scope()) is not None and outer.has_key:
        key = next_key()
    with reading(
        Scope(((variable, jnp.asarray(value)) for variable, value in changing + others), key, pure=True)
    ) as scope:
        outputs = layer(*args, **kwargs)
        return outputs, [scope.read(variable) for variable, _ in others]


def _paired(layer: Layer, kind: str, variables: list[Variable], values: list[Array]) -> list[tuple[Variable, Array]]:
    if len(variables) != len(values):
        raise ValueError(f"{layer.label} has {len(variables)} {kind} variables, but {len(values)} values came.")
    return list(zip(variables, values, strict=True))
