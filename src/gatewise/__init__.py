"""Gatewise: recurrent networks under the Keras API, with a native engine for the CPU.

import gatewise as tf

model = tf.keras.Sequential([tf.keras.layers.LSTM(6, input_shape=(5, 3))])
model.predict(x)
"""

from __future__ import annotations

import importlib
import os.path
from typing import TYPE_CHECKING, Any

from gatewise.base.version import __version__
from gatewise.config import config

if TYPE_CHECKING:
    from gatewise import (
        activations,
        callbacks,
        constraints,
        distribution,
        dtype_policies,
        initializers,
        keras,
        layers,
        losses,
        metrics,
        mixed_precision,
        models,
        ops,
        optimizers,
        regularizers,
    )
    from gatewise import compat as compat
    from gatewise import data as data
    from gatewise import random as random
    from gatewise import utils as utils
    from gatewise.base.arrays import Tensor
    from gatewise.base.variable import Variable
    from gatewise.compat.names_of_tf import *  # noqa: F403
    from gatewise.graph import Input
    from gatewise.models import Model, Sequential


__all__ = [
    "Input",
    "Model",
    "Sequential",
    "Tensor",
    "Variable",
    "__version__",
    "activations",
    "callbacks",
    "config",
    "constraints",
    "distribution",
    "dtype_policies",
    "initializers",
    "keras",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "optimizers",
    "regularizers",
]


# Test suites import a few modules by the addresses that they had before they stood in rooms: compat/moved/.
__path__.append(os.path.join(os.path.dirname(__file__), "compat", "moved"))  # noqa: F405


def _of_tf_config(name: str) -> Any:
    return getattr(importlib.import_module("gatewise.compat.tensorflow").NAMES["config"], name)


config.elsewhere = _of_tf_config

# Where the names above come from. They load with the first use of any of them, so that `import gatewise` costs little.
_HOMES = {
    "Input": "gatewise.graph",
    "Model": "gatewise.models",
    "Sequential": "gatewise.models",
    "Tensor": "gatewise.base.arrays",
    "Variable": "gatewise.base.variable",
}


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """A public name, a submodule, or a name that programs with `import gatewise as tf` use, loaded at first use."""
        if name.startswith("__"):
            raise AttributeError(f"module 'gatewise' has no attribute {name!r}")
        if name in _HOMES:
            importlib.import_module("gatewise.layers")  # A model's layers are all known before the first model is made.
            globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
            return globals()[name]
        try:
            return importlib.import_module(f"gatewise.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"gatewise.{name}":
                raise
        from gatewise.base.absent import absent
        from gatewise.base.words import like

        tensorflow = importlib.import_module("gatewise.compat.tensorflow")
        if name not in dir(tensorflow) and like(name, [*__all__, *dir(tensorflow)]) in __all__:
            return absent(__name__, "gatewise")(name)
        return getattr(tensorflow, name)


def __dir__() -> list[str]:
    return __all__
