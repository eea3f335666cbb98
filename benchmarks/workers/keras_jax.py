"""Keras on JAX: the model's stateless_call under jax.jit, device arrays in and out."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case, inputs, mask
from benchmarks.workers import keras_common
from benchmarks.workers.jax_common import one_thread
from benchmarks.workers.serve import Prepare, Trial, serve, trial_of


def _values(variables: Any) -> list[Any]:
    return [variable.value for variable in variables]


def _whole(jax: Any, keras: Any, case: Case) -> dict[str, Trial]:
    model = keras_common.model(keras, case)
    weights, others = _values(model.trainable_variables), _values(model.non_trainable_variables)
    x = jax.device_put(inputs(case))
    options = {"mask": jax.device_put(mask(case))} if case.kind == "mixed" else {}
    run = jax.jit(lambda w, n, x, options: model.stateless_call(w, n, x, training=False, **options)[0])

    def call() -> Any:
        return run(weights, others, x, options).block_until_ready()

    return {"jit of stateless_call": trial_of(call, np.asarray)}


def _step(jax: Any, keras: Any, case: Case) -> dict[str, Trial]:
    cell, sequence = keras_common.cell(keras, case), inputs(case)
    weights, others = _values(cell.trainable_variables), _values(cell.non_trainable_variables)
    zeros = [jax.numpy.zeros((case.batch, case.units)) for _ in range(keras_common.state_count(case))]
    run = jax.jit(lambda w, n, x, state: cell.stateless_call(w, n, x, state, training=False)[0])
    kept, x = [zeros], jax.device_put(sequence[:, 0])

    def step(x_t: Any) -> Any:
        y, kept[0] = run(weights, others, x_t, kept[0])
        return y.block_until_ready()

    def result() -> Any:
        kept[0] = zeros
        return np.stack([np.asarray(step(sequence[:, t])) for t in range(sequence.shape[1])], axis=1)

    return {"jit of the cell": Trial(lambda: step(x), result)}


def load() -> tuple[Prepare, dict[str, str]]:
    one_thread()
    import jax
    import keras

    def prepare(case: Case) -> dict[str, Trial]:
        keras.backend.clear_session()
        jax.clear_caches()
        return (_step if case.kind == "step" else _whole)(jax, keras, case)

    return prepare, {"keras": keras.__version__, "jax": jax.__version__}


if __name__ == "__main__":
    serve(load)
