"""Gatewise: `train_on_batch` and `fit`, NumPy arrays in; and the compiled step by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case, inputs, lengths, weights
from benchmarks.lessons import head, learning_rate, targets
from benchmarks.trainers.jax_common import compiled_step
from benchmarks.workers.serve import Prepare, Trial, serve, steps_of


def _model(gatewise: Any, case: Case) -> Any:
    kind = gatewise.layers.LSTM if case.cell == "lstm" else gatewise.layers.GRU
    whole = case.kind == "train"
    steps = None if case.kind == "unequal" else case.time
    layers = [gatewise.Input((steps, case.features)), kind(case.units, return_sequences=whole)]
    model = gatewise.Sequential(layers if whole else [*layers, gatewise.layers.Dense(1)])
    weight = weights(case)
    model.set_weights([weight.kernel, weight.recurrent_kernel, weight.bias, *(() if whole else head(case))])
    model.compile(gatewise.optimizers.SGD(learning_rate(case)), "mse")
    return model


def _train(gatewise: Any, case: Case) -> dict[str, Trial]:
    model, x, y = _model(gatewise, case), inputs(case), targets(case)

    def loss() -> Any:
        model.reset_metrics()  # The loss it gives is a mean of all batches since.
        return model.train_on_batch(x, y)

    on_batch = steps_of(loss, lambda: model.train_on_batch(x, y))
    return {"model.train_on_batch(x, y)": on_batch, "compiled step": compiled_step(_model(gatewise, case), x, y)}


def _epoch(gatewise: Any, case: Case) -> dict[str, Trial]:
    model, y = _model(gatewise, case), targets(case)
    x: Any = inputs(case)
    if case.kind == "unequal":
        x = [np.ascontiguousarray(row[:count]) for row, count in zip(x, lengths(case), strict=True)]
    options = {"batch_size": case.batch, "verbose": 0}

    def loss() -> Any:
        return model.fit(x[: case.batch], y[: case.batch], **options).history["loss"][0]

    return {"model.fit(x, y)": steps_of(loss, lambda: model.fit(x, y, **options))}


def load() -> tuple[Prepare, dict[str, str]]:
    import jax

    import gatewise

    def prepare(case: Case) -> dict[str, Trial]:
        jax.clear_caches()
        return (_train if case.kind == "train" else _epoch)(gatewise, case)

    versions = {"gatewise": gatewise.__version__, "numpy": np.__version__, "jax": jax.__version__}
    return prepare, versions


if __name__ == "__main__":
    serve(load)
