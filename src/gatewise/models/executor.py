"""Inference on JAX: a model's pure function, compiled once for each shape of its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from gatewise.base import structure
from gatewise.recurrent.base import RecurrentLayer

if TYPE_CHECKING:
    from gatewise.models import Model

_compiled: WeakKeyDictionary[Model, tuple[Any, Any]] = WeakKeyDictionary()


def infer_on_jax(model: Model, batch: Any) -> Any:
    """The outputs for a batch of arrays, as JAX arrays; stateful layers move on."""
    import jax

    if not model.built or any(layer.stateful and not layer.states for layer in _recurrent(model)):
        model(batch)  # A first call on data makes the weights and the states.
        model.reset_states()
    design = _design(model)
    held = _compiled.get(model)
    if held is None or held[0] != design:
        held = _compiled[model] = (design, jax.jit(_function(model)))
    function = held[1]
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


def _design(model: Model) -> tuple[Any, ...]:
    """What a compiled function depends on beside the weights: the layers, and when an argument of each was last set."""
    return tuple((id(layer), vars(layer).get("_edited")) for layer in model._walk())


def _recurrent(model: Model) -> list[RecurrentLayer]:
    return [layer for layer in model._walk() if isinstance(layer, RecurrentLayer)]


def _function(model: Model) -> Any:
    from weakref import ref

    held = ref(model)

    def infer(trainable: Any, non_trainable: Any, batch: Any) -> Any:
        alive = held()
        assert alive is not None
        return alive.stateless_call(trainable, non_trainable, batch, training=False)

    return infer
