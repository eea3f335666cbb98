"""`tf.compat.v1`: the names of `tf`, those that TensorFlow 1 had besides, and layers with its defaults.

Keras's layers under `tf.compat.v1.keras` are those of TensorFlow 1, in whichever TensorFlow: a GRU there has
`reset_after=False`.
"""

from __future__ import annotations

import importlib
from typing import Any

from gatewise.base import versions
from gatewise.compat import tensorflow
from gatewise.compat.old import OLD

__path__: list[str] = []


def __getattr__(name: str) -> Any:
    if name == "keras":
        versions.take_layers_from("tf.compat.v1.keras")
        return importlib.import_module("gatewise.keras")
    if name in OLD:
        return OLD[name]
    return getattr(tensorflow, name)


__all__ = [*tensorflow.__all__, *(name for name in OLD if name not in tensorflow.__all__)]  # noqa: PLE0604
