"""Cases for every layer that is not itself recurrent, called directly."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from case import Case, Cases, ids, values
from recurrent_cases import mask
from systems import System

X2, X3 = values(3, 4, seed=2), values(3, 5, 4, seed=3)


def cases(system: System) -> Cases:
    families = (dense, embedding, convolution, pooling, global_pooling, shaping, activation, merging, normalization)
    for family in (activation,) if system.name == "tf1" else families:  # tf1 differs in activations alone
        yield from family(system)


def layer(system: System, name: str, label: str, inputs: Any, *args: Any, call: Any = None, **given: Any) -> Case:
    build = lambda: system.layer(name)(*args, **given)  # noqa: E731
    return Case.once(f"{name}_{label}", build, inputs, **(call or {}))


def dense(system: System) -> Cases:
    yield layer(system, "Dense", "2d", X2, 6)
    yield layer(system, "Dense", "3d", X3, 6)
    yield layer(system, "Dense", "4d", values(2, 3, 2, 4), 3)
    yield layer(system, "Dense", "relu_no_bias", X2, 6, activation="relu", use_bias=False)
    yield layer(system, "Dense", "softmax_3d", X3, 5, activation="softmax")
    yield layer(system, "Dense", "hard_sigmoid", 4 * X2, 5, activation="hard_sigmoid")
    yield layer(system, "Dense", "float64", X2.astype("float64"), 5, dtype="float64")
    yield layer(system, "Dense", "regularized", X2, 5, kernel_regularizer="l2", bias_constraint="non_neg")


def embedding(system: System) -> Cases:
    tokens = ids(3, 5, high=7)
    yield layer(system, "Embedding", "2d", tokens, 7, 4)
    yield layer(system, "Embedding", "int64", tokens.astype("int64"), 7, 4)
    yield layer(system, "Embedding", "floats", tokens.astype("float32"), 7, 4)
    yield layer(system, "Embedding", "1d", tokens[0], 7, 4)
    yield layer(system, "Embedding", "3d", ids(2, 3, 2, high=7), 7, 4)
    yield layer(system, "Embedding", "mask_zero", tokens, 7, 4, mask_zero=True)
    yield layer(system, "Embedding", "constraint", tokens, 7, 4, embeddings_constraint="unit_norm")
    if not system.is_keras3:
        yield layer(system, "Embedding", "input_length", tokens, 7, 4, input_length=5)


def convolution(system: System) -> Cases:
    long = values(2, 11, 4)
    for padding, strides, dilation in itertools.product(("valid", "same", "causal"), (1, 2, 3), (1, 2)):
        if strides == 1 or dilation == 1:
            label = f"{padding}_s{strides}_d{dilation}"
            yield layer(system, "Conv1D", label, long, 3, 3, padding=padding, strides=strides, dilation_rate=dilation)
    for size in (1, 2, 4, 5):
        yield layer(system, "Conv1D", f"same_k{size}", long, 2, size, padding="same")
    yield layer(system, "Conv1D", "same_k4_s2", long, 2, 4, padding="same", strides=2)
    yield layer(system, "Conv1D", "tuple_kernel", long, 2, (3,), strides=(2,), dilation_rate=(1,))
    yield layer(system, "Conv1D", "relu_no_bias", long, 3, 3, activation="relu", use_bias=False)
    yield layer(system, "Conv1D", "groups", long, 6, 3, groups=2)
    yield layer(system, "Conv1D", "float64", long.astype("float64"), 3, 3, dtype="float64")


def pooling(system: System) -> Cases:
    long = values(2, 11, 4)
    for name in ("MaxPooling1D", "AveragePooling1D"):
        yield layer(system, name, "defaults", long, 2)
        for padding, size, strides in itertools.product(("valid", "same"), (2, 3), (None, 1, 2)):
            label = f"{padding}_p{size}_s{strides}"
            yield layer(system, name, label, long, pool_size=size, strides=strides, padding=padding)
        yield layer(system, name, "bigger_than_stride", long, pool_size=2, strides=4)
        yield layer(system, name, "channels_first", values(2, 4, 11), 3, data_format="channels_first")


def global_pooling(system: System) -> Cases:
    for name in ("GlobalMaxPooling1D", "GlobalAveragePooling1D"):
        yield layer(system, name, "defaults", X3)
        yield layer(system, name, "keepdims", X3, keepdims=True)
        yield layer(system, name, "channels_first", X3, data_format="channels_first")
    for which in ("right", "left", "middle"):  # a row with no steps at all is 0 / 0
        yield layer(system, "GlobalAveragePooling1D", f"mask_{which}", X3, call={"mask": mask(which)})
    yield layer(system, "GlobalAveragePooling1D", "mask_keepdims", X3, keepdims=True, call={"mask": mask("right")})


def shaping(system: System) -> Cases:
    yield layer(system, "Flatten", "3d", X3)
    yield layer(system, "Flatten", "2d", X2)
    yield layer(system, "Flatten", "1d", X2[0])
    yield layer(system, "Flatten", "channels_first", values(2, 3, 4, 2), data_format="channels_first")
    yield layer(system, "Reshape", "to_2d", X3, (20,))
    yield layer(system, "Reshape", "to_3d", X3, (2, 10))
    yield layer(system, "Reshape", "unknown", X3, (-1, 2))
    yield layer(system, "Reshape", "to_4d", X3, (5, 2, 2))
    yield layer(system, "RepeatVector", "4", X2, 4)
    yield layer(system, "Permute", "21", X3, (2, 1))
    yield layer(system, "Permute", "312", values(2, 3, 4, 5), (3, 1, 2))
    yield layer(system, "Dropout", "inference", X3, 0.5)
    yield layer(system, "Dropout", "not_training", X3, 0.5, noise_shape=(3, 1, 4), seed=3, call={"training": False})
    yield layer(system, "Dropout", "rate_zero", X3, 0.0, call={"training": True})
    yield layer(system, "SpatialDropout1D", "inference", X3, 0.5)
    yield layer(system, "Masking", "defaults", X3 * mask("middle")[:, :, None])
    yield layer(system, "Masking", "value", np.where(mask("left")[:, :, None], X3, np.float32(-1)), mask_value=-1.0)
    yield layer(system, "TimeDistributed", "dense", X3, system.layer("Dense")(2, activation="tanh"))
    yield layer(system, "TimeDistributed", "conv", values(2, 3, 6, 4), system.layer("Conv1D")(2, 3))
    yield layer(system, "TimeDistributed", "flatten", values(2, 3, 6, 4), system.layer("Flatten")())


# glu halves an axis, threshold has arguments without defaults: both are among the functions. Keras 3.15's sparsemax
# does not sum to 1 (keras #23469, mended since), and nothing should agree with that.
NOT_HERE = ("glu", "threshold", "sparsemax")


def activation(system: System) -> Cases:
    x = 3 * X3
    for name in system.activation_names():
        if name not in NOT_HERE:
            yield layer(system, "Activation", name, x, name)
    yield layer(system, "Softmax", "defaults", x)
    yield layer(system, "Softmax", "axis", x, axis=1)
    yield layer(system, "ReLU", "defaults", x)
    yield layer(system, "ReLU", "all", x, max_value=1.5, negative_slope=0.1, threshold=0.2)
    yield layer(system, "LeakyReLU", "defaults", x)
    yield layer(system, "ELU", "alpha", x, alpha=0.7)
    yield layer(system, "PReLU", "shared", x, shared_axes=[1])


def merging(system: System) -> Cases:
    a, b, c = (values(3, 5, 4, seed=10 + i) for i in range(3))
    for name in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
        yield layer(system, name, "three", [a, b, c])
        yield layer(system, name, "broadcast", [a, b[:, :1]])
        yield layer(system, name, "ranks", [a, X2[:, :4]]) if system.is_keras3 else layer(system, name, "two", [a, b])
    yield layer(system, "Subtract", "two", [a, b])
    for axis in (-1, 1, 2, 0):
        yield layer(system, "Concatenate", f"axis_{axis}", [a, b, c], axis=axis)
    yield layer(system, "Concatenate", "widths", [a, b[:, :, :2]])
    yield layer(system, "Dot", "axes", [a, b], axes=2)
    yield layer(system, "Dot", "normalize", [X2, 2 * X2 + 1], axes=1, normalize=True)


def normalization(system: System) -> Cases:
    for axis in (-1, 1):
        yield layer(system, "BatchNormalization", f"axis_{axis}", X3, axis=axis)
    yield layer(system, "BatchNormalization", "2d", X2, epsilon=0.01, momentum=0.9)
    yield layer(system, "BatchNormalization", "plain", X3, center=False, scale=False, call={"training": False})
    yield layer(system, "LayerNormalization", "defaults", X3)
    yield layer(system, "LayerNormalization", "axis", X3, axis=1, epsilon=0.1)
    yield layer(system, "LayerNormalization", "two_axes", X3, axis=[1, 2])
    yield layer(system, "LayerNormalization", "plain", X3, center=False, scale=False)
    yield layer(system, "UnitNormalization", "defaults", X3)
