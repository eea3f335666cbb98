"""Models, data and arguments of `fit`, which the real Kerases and Gatewise train alike: `fits.json` has the histories.

Weights and data come from seeds, nothing is shuffled, and there is no dropout. On TensorFlow, Keras 3 does not know the
size of a batch when it averages the losses of several outputs: there all batches have one size. And where a batch uses
a row of an embedding twice, its Adam gave that row another step than the equation does for the sum of both gradients
(measured with 3.15 on TensorFlow; rows used once, and all rows in tf_keras, had the equation's): there the optimizer is
SGD.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

N, T, FEATURES, UNITS = 18, 6, 3, 4
CASES: dict[str, Callable[[Any], tuple[Any, Any, Any, dict[str, Any]]]] = {}


def case(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    CASES[function.__name__] = function
    return function


def history(keras: Any, name: str) -> dict[str, Any]:
    """The history of a case, and the sum of the squares of the weights that it ends with."""
    model, x, y, options = CASES[name](keras)
    rng = np.random.RandomState(5)
    model.set_weights([0.5 * np.abs(rng.standard_normal(w.shape)).astype("float32") for w in model.get_weights()])
    options = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0, **options}
    found = model.fit(x, y, **options).history
    weights = sum(float((w.astype("float64") ** 2).sum()) for w in model.get_weights())
    return {**{key: [float(v) for v in values] for key, values in found.items()}, "weights": weights}


def sequences(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(seed)
    x = rng.standard_normal((N, T, FEATURES)).astype("float32")
    return x, x.mean(axis=(1, 2))[:, None] + 0.5


def ids(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(seed)
    x = rng.randint(1, 9, (N, T))
    for row, length in zip(x, rng.randint(2, T + 1, N), strict=True):
        row[length:] = 0
    return x, rng.standard_normal((N, T, 1)).astype("float32")


@case
def validation_split(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential([layers.Input((T, FEATURES)), layers.LSTM(UNITS), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model, *sequences(), {"validation_split": 0.2}


@case
def validation_data_and_freq(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential([layers.Input((T, FEATURES)), layers.GRU(UNITS), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "huber", metrics=["mse"])
    return model, *sequences(), {"validation_data": sequences(3), "validation_freq": 2}


@case
def class_weight(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential([layers.Input((T, FEATURES)), layers.LSTM(UNITS), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    return model, sequences()[0], np.arange(N) % 3, {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}}


@case
def sample_weight(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential([layers.Input((T, FEATURES)), layers.LSTM(UNITS), layers.Dense(1)])
    model.compile("rmsprop", "mse", metrics=["mae"], weighted_metrics=["mse"])
    return model, *sequences(), {"sample_weight": np.linspace(0.0, 2.0, N).astype("float32")}


@case
def masks(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((T,)),
            layers.Embedding(9, 3, mask_zero=True),
            layers.LSTM(UNITS, return_sequences=True),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return model, *ids(), {}


@case
def masks_and_temporal_weights(keras: Any) -> Any:
    model, x, y, _ = masks(keras)
    model.compile(keras.optimizers.SGD(0.1), "mae", weighted_metrics=["mse"])
    return model, x, y, {"sample_weight": np.linspace(0.5, 1.5, N * T).reshape(N, T).astype("float32")}


@case
def several_outputs(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input((T, FEATURES))
    h = layers.LSTM(UNITS)(x)
    outputs = [layers.Dense(1, name="level")(h), layers.Dense(3, activation="softmax", name="kind")(h)]
    model = keras.Model(x, outputs)
    model.compile(
        "adam",
        {"level": "mse", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"level": 0.5, "kind": 2.0},
        metrics={"kind": ["accuracy"]},
    )
    inputs, y = sequences()
    return model, inputs, {"level": y, "kind": np.arange(N) % 3}, {"batch_size": 6, "validation_split": 1 / 3}


@case
def two_inputs_and_a_list_of_losses(keras: Any) -> Any:
    layers = keras.layers
    x, z = keras.Input((T, FEATURES), name="x"), keras.Input((2,), name="z")
    h = layers.concatenate([layers.GRU(UNITS)(x), z])
    model = keras.Model([x, z], [layers.Dense(1, name="a")(h), layers.Dense(2, name="b")(h)])
    model.compile("sgd", ["mse", "mae"], metrics=[["mae"], ["mse"]])
    inputs, y = sequences()
    return model, [inputs, inputs[:, 0, :2]], [y, inputs[:, 1, :2]], {"batch_size": 6}


@case
def regularizers_and_constraints(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((T, FEATURES)),
            layers.LSTM(UNITS, kernel_regularizer="l2", recurrent_regularizer="l1", kernel_constraint="max_norm"),
            layers.Dense(1, activity_regularizer="l2", bias_regularizer="l1"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return model, *sequences(), {"batch_size": 6, "validation_split": 1 / 3}


@case
def batch_normalization(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((T, FEATURES)), layers.LSTM(UNITS), layers.BatchNormalization(momentum=0.8), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    return model, *sequences(), {"validation_split": 0.3}


@case
def stateful(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [layers.Input(batch_shape=(6, T, FEATURES)), layers.LSTM(UNITS, stateful=True), layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model, *sequences(), {"batch_size": 6}


@case
def frozen(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((T, FEATURES)), layers.LSTM(UNITS, trainable=False), layers.BatchNormalization(trainable=False),
         layers.Dense(1)]
    )  # fmt: skip
    model.compile("adam", "mse")
    return model, *sequences(), {}


@case
def pictures_over_time(keras: Any) -> Any:
    """A convolution of each picture, and an LSTM of what it finds."""
    layers = keras.layers
    each = [layers.Conv2D(2, 3, activation="relu"), layers.MaxPooling2D(2), layers.Flatten()]
    model = keras.Sequential(
        [layers.Input((3, 6, 8, 1)), *map(layers.TimeDistributed, each), layers.LSTM(UNITS), layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(0.05), "mse", metrics=["mae"])
    rng = np.random.RandomState(7)
    x = rng.standard_normal((N, 3, 6, 8, 1)).astype("float32")
    return model, x, x.mean(axis=(1, 2, 3, 4))[:, None] + 0.5, {"validation_split": 0.2}


@case
def longer_and_shorter_again(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((T, FEATURES)),
            layers.Conv1DTranspose(3, 3, strides=2, padding="same", activation="tanh"),
            layers.AveragePooling1D(3, strides=1, padding="same"),
            layers.SeparableConv1D(4, 3, depthwise_regularizer="l2", pointwise_constraint="max_norm"),
            layers.DepthwiseConv1D(2, bias_regularizer="l1"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    return model, *sequences(), {}
