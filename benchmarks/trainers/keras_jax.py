"""Keras on JAX: `train_on_batch` and `fit`; and the loop of its guide, a step under `jax.jit`."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import Case, inputs
from benchmarks.lessons import targets
from benchmarks.trainers import keras_common
from benchmarks.trainers.jax_common import compiled_step
from benchmarks.trainers.keras_common import STEPS_PER_EXECUTION, model_of
from benchmarks.workers.jax_common import one_thread
from benchmarks.workers.serve import Prepare, Trial, serve


def _train(jax: Any, keras: Any, case: Case) -> dict[str, Trial]:
    x, y = jax.device_put(inputs(case)), jax.device_put(targets(case))
    return {
        "model.train_on_batch(x, y)": keras_common.on_batch(model_of(keras, case), x, y),
        "jit of stateless_call": compiled_step(model_of(keras, case), x, y),
    }


def _epoch(keras: Any, case: Case) -> dict[str, Trial]:
    several = {"steps_per_execution": STEPS_PER_EXECUTION}
    return {
        "model.fit(x, y)": keras_common.epoch(model_of(keras, case), case),
        f"model.fit(x, y), {several}": keras_common.epoch(model_of(keras, case, **several), case),
    }


def load() -> tuple[Prepare, dict[str, str]]:
    one_thread()
    import jax
    import keras

    def prepare(case: Case) -> dict[str, Trial]:
        keras.backend.clear_session()
        jax.clear_caches()
        return _train(jax, keras, case) if case.kind == "train" else _epoch(keras, case)

    return prepare, {"keras": keras.__version__, "jax": jax.__version__}


if __name__ == "__main__":
    serve(load)
