"""The published models in plain NumPy, float64, straight from the arrays in their files.

Nothing of Gatewise is used: this is a second opinion. Each function is a layer as Keras 2 defines it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Weights = list[np.ndarray]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "softmax": softmax,
    "tanh": np.tanh,
}


def same(x: np.ndarray, config: dict[str, Any], weights: Weights) -> np.ndarray:
    return x


def embedding(x: np.ndarray, config: dict[str, Any], weights: Weights) -> np.ndarray:
    assert not config["mask_zero"]
    return weights[0][x]


def conv1d(x: np.ndarray, config: dict[str, Any], weights: Weights) -> np.ndarray:
    kernel, bias = weights
    assert config["strides"] == [1] == config["dilation_rate"]
    size = len(kernel)
    if config["padding"] == "same":
        x = np.pad(x, [(0, 0), ((size - 1) // 2, size // 2), (0, 0)])
    steps = x.shape[1] - size + 1
    y = sum(x[:, k : k + steps] @ kernel[k] for k in range(size)) + bias
    return ACTIVATIONS[config["activation"]](y)


def max_pooling1d(x: np.ndarray, config: dict[str, Any], weights: Weights) -> np.ndarray:
    (size,), (stride,) = np.ravel([config["pool_size"]]), np.ravel([config["strides"]])
    assert size == stride
    extra = -x.shape[1] % size
    if config["padding"] == "same":
        x = np.pad(x, [(0, 0), (extra // 2, extra - extra // 2), (0, 0)], constant_values=-np.inf)
    steps = x.shape[1] // size
    return x[:, : steps * size].reshape(len(x), steps, size, -1).max(2)


def lstm(x: np.ndarray, config: dict[str, Any], weights: Weights) -> np.ndarray:
    assert not any(config[flag] for flag in ("return_sequences", "go_backwards", "stateful"))
    kernel, recurrent_kernel, bias = weights
    sigma, phi = ACTIVATIONS[config["recurrent_activation"]], ACTIVATIONS[config["activation"]]
    h = c = np.zeros((len(x), config["units"]))
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent_kernel + bias, 4, axis=1)
        c = sigma(f) * c + sigma(i) * phi(g)
        h = sigma(o) * phi(c)
    return h


def dense(x: np.ndarray, config: dict[str, Any], weights: Weights) -> np.ndarray:
    kernel, bias = weights
    return ACTIVATIONS[config["activation"]](x @ kernel + bias)


LAYERS = {
    "InputLayer": same,
    "Embedding": embedding,
    "Conv1D": conv1d,
    "MaxPooling1D": max_pooling1d,
    "LSTM": lstm,
    "Dropout": same,
    "Dense": dense,
}


def predict(path: Path, x: np.ndarray) -> np.ndarray:
    """The outputs for ids (B, T): every published model is a chain of layers."""
    with h5py.File(path) as file:
        config = json.loads(file.attrs["model_config"])["config"]
        for layer in config if isinstance(config, list) else config["layers"]:
            weights = []
            if layer["class_name"] != "InputLayer":  # A Sequential's input is not among its layers.
                group = file["model_weights"][layer["config"]["name"]]
                weights = [group[name][...].astype(np.float64) for name in group.attrs["weight_names"]]
            x = LAYERS[layer["class_name"]](x, layer["config"], weights)
    return x
