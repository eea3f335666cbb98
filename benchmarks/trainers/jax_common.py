"""One step of training under `jax.jit`, for what has Keras 3's `stateless_call` and `stateless_apply`: ours too."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.workers.serve import Trial, steps_of


def compiled_step(model: Any, x: Any, y: Any) -> Trial:
    """The step as Keras's guide to loops in JAX writes it; arrays stay on the device, and old ones are given up."""
    import jax

    model.optimizer.build(model.trainable_variables)

    def loss_of(trainable: Any, others: Any, x: Any, y: Any) -> Any:
        outputs, others = model.stateless_call(trainable, others, x, training=True)
        return ((outputs - y) ** 2).mean(), others

    @partial(jax.jit, donate_argnums=0)
    def step(state: Any, x: Any, y: Any) -> Any:
        trainable, others, optimizer = state
        (loss, others), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable, others, x, y)
        trainable, optimizer = model.optimizer.stateless_apply(optimizer, gradients, trainable)
        return loss, (trainable, others, optimizer)

    variables = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
    values = jax.tree.map(
        lambda value: jax.numpy.array(value, copy=True), [[v.value for v in part] for part in variables]
    )
    kept, x, y = [tuple(values)], jax.device_put(x), jax.device_put(y)

    def call() -> Any:
        loss, kept[0] = step(kept[0], x, y)
        jax.block_until_ready(kept[0])
        return loss

    return steps_of(call)
