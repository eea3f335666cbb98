"""Keras's modules, under Keras's names: `import gatewise as tf`, then `tf.keras.layers.LSTM`.

Each file here is one public module of Keras. It says which of Gatewise's modules stand behind it, and nothing else.
Modules load when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from gatewise.base import versions
from gatewise.base.absent import absent
from gatewise.base.variable import Variable as Variable
from gatewise.dtype_policies import DTypePolicy as DTypePolicy
from gatewise.graph import Input as Input
from gatewise.layer import Layer as Layer
from gatewise.layer.input_spec import InputSpec as InputSpec
from gatewise.layer.symbolic import SymbolicTensor
from gatewise.models import Model as Model
from gatewise.models import Sequential as Sequential
from gatewise.optimizers import Optimizer as Optimizer

if TYPE_CHECKING:
    from gatewise.initializers import Initializer as Initializer
    from gatewise.keras import activations as activations
    from gatewise.keras import backend as backend
    from gatewise.keras import callbacks as callbacks
    from gatewise.keras import config as config
    from gatewise.keras import constraints as constraints
    from gatewise.keras import datasets as datasets
    from gatewise.keras import distribution as distribution
    from gatewise.keras import dtype_policies as dtype_policies
    from gatewise.keras import initializers as initializers
    from gatewise.keras import layers as layers
    from gatewise.keras import losses as losses
    from gatewise.keras import metrics as metrics
    from gatewise.keras import mixed_precision as mixed_precision
    from gatewise.keras import models as models
    from gatewise.keras import ops as ops
    from gatewise.keras import optimizers as optimizers
    from gatewise.keras import preprocessing as preprocessing
    from gatewise.keras import random as random
    from gatewise.keras import regularizers as regularizers
    from gatewise.keras import saving as saving
    from gatewise.keras import tree as tree
    from gatewise.keras import utils as utils
    from gatewise.keras import wrappers as wrappers
    from gatewise.keras.backend import name_scope as name_scope
    from gatewise.losses import Loss as Loss
    from gatewise.metrics import Metric as Metric
    from gatewise.regularizers import Regularizer as Regularizer

    __version__: str

KerasTensor = SymbolicTensor

MODULES: Final = (
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "distribution",
    "dtype_policies",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "saving",
    "tree",
    "utils",
    "wrappers",
)
"""The public modules of Keras that Gatewise has."""

_NAMES = (
    "DTypePolicy",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Model",
    "Optimizer",
    "Sequential",
    "Variable",
    "version",
)
_HOMES: Final = {
    "Initializer": "gatewise.initializers",
    "Loss": "gatewise.losses",
    "Metric": "gatewise.metrics",
    "Regularizer": "gatewise.regularizers",
    "name_scope": "gatewise.keras.backend",
}
"""Names from elsewhere, and where they are; they load when they are first used."""
__all__ = [*_NAMES, *_HOMES, *MODULES, "version"]  # noqa: PLE0604


def version() -> str:
    """The version of the Keras whose meaning is in force.

    >>> version()[:2]
    '3.'
    """
    return versions.keras()


_absent = absent(__name__, "tf.keras")


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in MODULES:
            return importlib.import_module(f"{__name__}.{name}")
        if name in _HOMES:
            return getattr(importlib.import_module(_HOMES[name]), name)
        if name == "__version__":
            return version()
        return _absent(name)


def __dir__() -> list[str]:
    return __all__
