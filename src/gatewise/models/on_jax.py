"""Inference on JAX: a model's pure function, compiled once for each shape of its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from gatewise.base import structure
from gatewise.base.wide import wide_enough
from gatewise.distribution.placing import Placing, filled_up, placing_now
from gatewise.engine.over_devices import divided
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
    placing = placing_now()
    if placing is not None and placing.own_shares:
        placing = None  # Each process predicts for its own samples, alone.
    function = model._cache.get("jax", lambda: (model._stamp(weights=False), placing), _compiled, model, placing)
    others = model.non_trainable_variables
    put = jax.numpy.asarray if placing is None else placing.on_all
    with wide_enough(model.variables):
        batch, rows = _placed(model, batch, placing)
        trainable = [put(v.value) for v in model.trainable_variables]
        outputs, after = function(trainable, [put(v.value) for v in others], batch)
    if rows is not None:
        outputs = structure.map_structure(lambda leaf: leaf[:rows], outputs)
    states = {id(variable) for variable in model.state_variables}
    for variable, value in zip(others, after, strict=True):
        if id(variable) in states:
            variable.assign(value)
    return outputs


def _placed(model: Model, batch: Any, placing: Placing | None) -> tuple[Any, int | None]:
    """The batch on the device, or divided among all; and how many of its rows are real where some were added."""
    import jax

    if placing is None:
        return structure.map_structure(jax.numpy.asarray, batch), None
    rows = structure.flatten(batch)[0].shape[0]
    added = rows % placing.parts > 0 and not any(layer.stateful for layer in _recurrent(model))
    if added and all(type(layer).__module__.startswith("gatewise.") for layer in model._walk()):
        return placing.rows(filled_up(batch, 0, placing.parts), 0), rows
    return placing.rows(batch, 0), None


def _recurrent(model: Model) -> list[RecurrentLayer]:
    return [layer for layer in model._walk() if isinstance(layer, RecurrentLayer)]


def _compiled(model: Model, placing: Placing | None) -> Any:
    import jax

    held = ref(model)  # The model keeps the function, which must not keep the model.

    def infer(trainable: Any, non_trainable: Any, batch: Any) -> Any:
        alive = held()
        assert alive is not None
        with divided(None if placing is None else placing.division):
            return alive.stateless_call(trainable, non_trainable, batch, training=False)

    return jax.jit(infer) if placing is None else jax.jit(infer, out_shardings=placing.everywhere)
