"""`tf.compat.v1`: the names of `tf`, and layers with the defaults of TensorFlow 1.

Keras's layers under `tf.compat.v1.keras` are those of TensorFlow 1, in whichever TensorFlow: a GRU there has
`reset_after=False`.
"""

from __future__ import annotations

import importlib
from typing import Any

from gatewise.base import versions
from gatewise.compat import tensorflow

__path__: list[str] = []


def __getattr__(name: str) -> Any:
    if name == "keras":
        versions.take_layers_from("tf.compat.v1.keras")
        return importlib.import_module("gatewise.keras")
    return getattr(tensorflow, name)


__all__ = tensorflow.__all__
