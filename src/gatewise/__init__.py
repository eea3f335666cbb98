"""Gatewise: recurrent networks under the Keras API, with a native engine for the CPU.

import gatewise as tf

model = tf.keras.Sequential([tf.keras.layers.LSTM(6, input_shape=(5, 3))])
model.predict(x)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gatewise import activations, constraints, initializers, layers, models, regularizers
from gatewise.arrays import Tensor
from gatewise.config import config
from gatewise.graph import Input
from gatewise.models import Model, Sequential
from gatewise.variable import Variable

if TYPE_CHECKING:
    from gatewise import keras

__version__ = "0.1.0"

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "Tensor",
    "Variable",
    "__version__",
    "activations",
    "config",
    "constraints",
    "initializers",
    "keras",
    "layers",
    "models",
    "regularizers",
]


def __getattr__(name: str) -> Any:
    """`keras`, and the names that programs with `import gatewise as tf` use beside it: loaded when first used."""
    if name == "keras":
        return importlib.import_module("gatewise.keras")
    if name.startswith("__"):
        raise AttributeError(f"module 'gatewise' has no attribute {name!r}")
    return getattr(importlib.import_module("gatewise.compat.tensorflow"), name)
