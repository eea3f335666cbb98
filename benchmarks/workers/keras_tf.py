"""Keras on TensorFlow: the model inside tf.function, as a graph and compiled by XLA."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case, inputs, mask
from benchmarks.workers import keras_common
from benchmarks.workers.serve import Prepare, Trial, serve, threads, trial_of


def _whole(tensorflow: Any, keras: Any, case: Case) -> dict[str, Trial]:
    model = keras_common.model(keras, case)
    arguments = [tensorflow.constant(inputs(case))]
    if case.kind == "mixed":
        arguments.append(tensorflow.constant(mask(case)))

    def compiled(**options: Any) -> Trial:
        run = tensorflow.function(lambda x, steps=None: model(x, training=False, mask=steps), **options)
        return trial_of(lambda: run(*arguments), lambda y: y.numpy())

    return {"tf.function": compiled(), "tf.function, XLA": compiled(jit_compile=True)}


def _step(tensorflow: Any, keras: Any, case: Case) -> dict[str, Trial]:
    cell, sequence = keras_common.cell(keras, case), inputs(case)
    zeros = [tensorflow.zeros((case.batch, case.units)) for _ in range(keras_common.state_count(case))]
    x = tensorflow.constant(sequence[:, 0])

    def compiled(**options: Any) -> Trial:
        run = tensorflow.function(lambda x, state: cell(x, state, training=False), **options)
        kept = [zeros]

        def step(x_t: Any) -> Any:
            y, kept[0] = run(x_t, kept[0])
            return y

        def result() -> Any:
            kept[0] = zeros
            return np.stack(
                [step(tensorflow.constant(sequence[:, t])).numpy() for t in range(sequence.shape[1])], axis=1
            )

        return Trial(lambda: step(x), result)

    return {"tf.function of the cell": compiled(), "tf.function of the cell, XLA": compiled(jit_compile=True)}


def load() -> tuple[Prepare, dict[str, str]]:
    import tensorflow

    count = threads()
    if count is not None:
        tensorflow.config.threading.set_intra_op_parallelism_threads(count)
        tensorflow.config.threading.set_inter_op_parallelism_threads(count)
    import keras

    def prepare(case: Case) -> dict[str, Trial]:
        keras.backend.clear_session()
        return (_step if case.kind == "step" else _whole)(tensorflow, keras, case)

    return prepare, {"tensorflow": tensorflow.__version__, "keras": keras.__version__}


if __name__ == "__main__":
    serve(load)
