"""Keras on TensorFlow: `train_on_batch` and `fit`, with XLA as Keras chooses and without; a step in `tf.function`."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import Case, inputs
from benchmarks.lessons import targets
from benchmarks.trainers import keras_common
from benchmarks.trainers.keras_common import STEPS_PER_EXECUTION, model_of
from benchmarks.workers.serve import Prepare, Trial, serve, steps_of, threads


def _train(tensorflow: Any, keras: Any, case: Case) -> dict[str, Trial]:
    x, y = tensorflow.constant(inputs(case)), tensorflow.constant(targets(case))
    plain = model_of(keras, case, jit_compile=False)
    return {
        "model.train_on_batch(x, y)": keras_common.on_batch(model_of(keras, case), x, y),
        "model.train_on_batch(x, y), jit_compile=False": keras_common.on_batch(plain, x, y),
        "tf.function": _function(tensorflow, model_of(keras, case), x, y),
    }


def _function(tensorflow: Any, model: Any, x: Any, y: Any) -> Trial:
    """The loop of Keras's guide: a gradient tape inside a graph."""
    model.optimizer.build(model.trainable_variables)

    @tensorflow.function
    def step(x: Any, y: Any) -> Any:
        with tensorflow.GradientTape() as tape:
            loss = tensorflow.reduce_mean((model(x, training=True) - y) ** 2)
        model.optimizer.apply(tape.gradient(loss, model.trainable_weights), model.trainable_weights)
        return loss

    return steps_of(lambda: step(x, y).numpy())


def _epoch(keras: Any, case: Case) -> dict[str, Trial]:
    several = {"jit_compile": False, "steps_per_execution": STEPS_PER_EXECUTION}
    ways: dict[str, Any] = {"": {}, ", jit_compile=False": {"jit_compile": False}, f", {several}": several}
    return {f"model.fit(x, y){way}": keras_common.epoch(model_of(keras, case, **o), case) for way, o in ways.items()}


def load() -> tuple[Prepare, dict[str, str]]:
    import tensorflow

    count = threads()
    if count is not None:
        tensorflow.config.threading.set_intra_op_parallelism_threads(count)
        tensorflow.config.threading.set_inter_op_parallelism_threads(count)
    import keras

    def prepare(case: Case) -> dict[str, Trial]:
        keras.backend.clear_session()
        return _train(tensorflow, keras, case) if case.kind == "train" else _epoch(keras, case)

    return prepare, {"tensorflow": tensorflow.__version__, "keras": keras.__version__}


if __name__ == "__main__":
    serve(load)
