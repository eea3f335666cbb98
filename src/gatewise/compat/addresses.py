"""Which public module of TensorFlow and Keras is which of ours, and the finder through which a program imports them.

Only `gatewise run` installs the finder. It stands before all others, so that Gatewise answers where TensorFlow or Keras
is installed, too.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

from gatewise.base import versions
from gatewise.base.absent import message

ROOTS: Final[dict[str, str]] = {
    "tensorflow": "gatewise.compat.tensorflow",
    "tensorflow.compat": "gatewise.compat",
    "tensorflow.compat.v1": "gatewise.compat.v1",
    "tensorflow.compat.v2": "gatewise.compat.tensorflow",
    "tensorflow.compat.v1.keras": "gatewise.keras",
    "tensorflow.compat.v2.keras": "gatewise.keras",
    "tensorflow.python": "gatewise.compat.tensorflow",
    "tensorflow.python.keras": "gatewise.keras",
    "tensorflow.keras": "gatewise.keras",
    "tensorflow.data": "gatewise.data",
    "tensorflow.random": "gatewise.random",
    "tf_keras": "gatewise.keras",
    "tf_keras.src": "gatewise.keras",
    "keras": "gatewise.keras",
    "keras.api": "gatewise.keras",
    "keras.src": "gatewise.keras",
}
"""Public modules, and ours: what is under one is found under the other."""

OLD_HOMES: Final[dict[str, str]] = {
    "engine": "",
    "engine.base_layer": "layers",
    "engine.input_layer": "layers",
    "engine.input_spec": "layers",
    "engine.topology": "layers",
    "engine.sequential": "models",
    "engine.training": "models",
    "layers.advanced_activations": "layers",
    "layers.convolutional": "layers",
    "layers.core": "layers",
    "layers.cudnn_recurrent": "layers",
    "layers.embeddings": "layers",
    "layers.merge": "layers",
    "layers.noise": "layers",
    "layers.normalization": "layers",
    "layers.pooling": "layers",
    "layers.recurrent": "layers",
    "layers.recurrent_v2": "layers",
    "layers.wrappers": "layers",
    "layers.rnn": "layers",
    "optimizer_v2": "optimizers",
    "optimizer_v2.adadelta": "optimizers.legacy",
    "optimizer_v2.adagrad": "optimizers.legacy",
    "optimizer_v2.adam": "optimizers.legacy",
    "optimizer_v2.adamax": "optimizers.legacy",
    "optimizer_v2.ftrl": "optimizers.legacy",
    "optimizer_v2.gradient_descent": "optimizers.legacy",
    "optimizer_v2.learning_rate_schedule": "optimizers.schedules",
    "optimizer_v2.nadam": "optimizers.legacy",
    "optimizer_v2.optimizer_v2": "optimizers.legacy",
    "optimizer_v2.rmsprop": "optimizers.legacy",
    "optimizers.experimental": "optimizers",
    "optimizers.learning_rate_schedule": "optimizers.schedules",
    "saving.save": "models",
    "preprocessing.timeseries": "preprocessing",
    "utils.data_utils": "utils",
    "utils.generic_utils": "utils",
    "utils.layer_utils": "utils",
    "utils.np_utils": "utils",
}
"""Modules of older Kerases, under a root that is `gatewise.keras`: where their names are now."""


def ours(address: str) -> str | None:
    """The module of ours that programs import under `address`; None where the address is not TensorFlow's or Keras's.

    >>> ours("tensorflow.keras.layers"), ours("keras.layers.recurrent"), ours("numpy")
    ('gatewise.keras.layers', 'gatewise.keras.layers', None)
    """
    root = address
    while root not in ROOTS:
        root, dot, _ = root.rpartition(".")
        if not dot:
            return None
    rest = address[len(root) :].lstrip(".")
    home = ROOTS[root]
    if home == "gatewise.keras":
        rest = OLD_HOMES.get(rest, rest)
    return f"{home}.{rest}" if rest else home


def written(address: str) -> str:
    """The address in the words of messages: "tensorflow.keras.optimizers" is `tf.keras.optimizers`."""
    return address.replace("tensorflow", "tf", 1) if address.startswith("tensorflow") else address


class Finder(MetaPathFinder):
    """Finds modules of TensorFlow and Keras in Gatewise."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        """The spec of a module of ours under a public address.

        Raises:
            ModuleNotFoundError: for a module that Gatewise does not have.
        """
        home = ours(fullname)
        if home is None:
            return None
        if home not in sys.modules and importlib.util.find_spec(home) is None:
            raise ModuleNotFoundError(message(written(fullname)), name=fullname)
        return ModuleSpec(fullname, SameModule(fullname, home), is_package=True)


class SameModule(Loader):
    """Gives a module that stands under another name already, so that both names mean one module."""

    def __init__(self, address: str, home: str) -> None:
        self.address = address
        self.home = home
        self.own_spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module of ours."""
        if self.address in ("tensorflow.keras", "tensorflow.compat.v1.keras"):
            versions.take_layers_from(written(self.address))
        module = importlib.import_module(self.home)
        self.own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its own spec back, in whose place the import system has put the address's."""
        module.__spec__ = self.own_spec


_finder: Final = Finder()


def install() -> None:
    """Let `import tensorflow`, `import keras` and `import tf_keras` mean Gatewise from now on."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    for name in [name for name in sys.modules if name.partition(".")[0] in ROOTS and ours(name) is not None]:
        del sys.modules[name]
