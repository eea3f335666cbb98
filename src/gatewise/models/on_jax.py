"""Inference on JAX: a model's pure function, compiled once for each shape of its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from gatewise.base import structure
from gatewise.recurrent.base import RecurrentLayer

if TYPE_CHECKING:
    from gatewise.models import Model


def infer_on_jax(model: Model, batch: Any) -> Any:
    """The outputs for a batch of arrays, as JAX arrays; stateful layers move on."""
    import jax

    if not model.built or any(layer.stateful and not layer.states for layer in _recurrent(model)):
        model(batch)  # A first call on data makes the weights and the states.
        model.reset_states()
    # Weights are arguments of the compiled function: it outlives them.
    function = model._cache.get("jax", lambda: model._stamp(weights=False), _compiled, model)
    others = model.non_trainable_variables
    outputs, after = function(
        [v.value for v in model.trainable_variables],
        [v.value for v in others],
        structure.map_structure(jax.numpy.asarray, batch),
    )
    states = {id(variable) for variable in model.state_variables}
    for variable, value in zip(others, after, strict=True):
        if id(variable) in states:
            variable.assign(value)
    return outputs


def _recurrent(model: Model) -> list[RecurrentLayer]:
    return [layer for layer in model._walk() if isinstance(layer, RecurrentLayer)]


def _compiled(model: Model) -> Any:
    import jax

    held = ref(model)  # The model keeps the function, which must not keep the model.

    def infer(trainable: Any, non_trainable: Any, batch: Any) -> Any:
        alive = held()
        assert alive is not None
        return alive.stateless_call(trainable, non_trainable, batch, training=False)

    return jax.jit(infer)
