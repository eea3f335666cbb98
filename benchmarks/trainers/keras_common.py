"""What the two Keras workers share: the model with the weights of a case, and its epochs."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import Case, inputs, weights
from benchmarks.lessons import head, learning_rate, targets
from benchmarks.workers.serve import Trial, steps_of

STEPS_PER_EXECUTION = 8


def model_of(keras: Any, case: Case, **options: Any) -> Any:
    """The model of a case; options go to `compile`. Sequences that end early are padded with zeros, and masked."""
    kind = keras.layers.LSTM if case.cell == "lstm" else keras.layers.GRU
    whole = case.kind == "train"
    layers = [keras.Input((case.time, case.features)), kind(case.units, return_sequences=whole)]
    if case.kind == "unequal":
        layers.insert(1, keras.layers.Masking())
    model = keras.Sequential(layers if whole else [*layers, keras.layers.Dense(1)])
    weight = weights(case)
    model.set_weights([weight.kernel, weight.recurrent_kernel, weight.bias, *(() if whole else head(case))])
    model.compile(keras.optimizers.SGD(learning_rate(case)), "mse", **options)
    return model


def on_batch(model: Any, x: Any, y: Any) -> Trial:
    """`train_on_batch`."""

    def loss() -> Any:
        model.reset_metrics()  # The loss it gives is a mean of all batches since.
        return model.train_on_batch(x, y)

    return steps_of(loss, lambda: model.train_on_batch(x, y))


def epoch(model: Any, case: Case) -> Trial:
    """An epoch of `fit`."""
    x, y, options = inputs(case), targets(case), {"batch_size": case.batch, "verbose": 0}

    def loss() -> Any:
        return model.fit(x[: case.batch], y[: case.batch], **options).history["loss"][0]

    return steps_of(loss, lambda: model.fit(x, y, **options))
