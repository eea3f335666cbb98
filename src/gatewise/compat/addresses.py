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

from gatewise.base import keras_names, versions
from gatewise.base.absent import keras_module, message
from gatewise.compat import inner, traced

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
    "tensorflow.contrib": "gatewise.compat.contrib",
    "tensorflow.contrib.keras": "gatewise.keras",
    "tensorflow.data": "gatewise.data",
    "tensorflow.random": "gatewise.random",
    "tf_keras": "gatewise.keras",
    "tf_keras.src": "gatewise.keras",
    "keras": "gatewise.keras",
    "keras.api": "gatewise.keras",
    "keras.src": "gatewise.keras",
}
"""Public modules, and ours: what is under one is found under the other."""


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
    if home == keras_names.OURS:
        place = keras_names.home(rest)
        rest = rest if place is None else place
    return f"{home}.{rest}" if rest else home


def of_keras(address: str) -> str | None:
    """The module of Keras at `address`, as its address below `keras`; None for one that no Keras has had.

    >>> of_keras("tensorflow.keras.applications.vgg16"), of_keras("keras.nothing")
    ('applications.vgg16', None)
    """
    roots = [root for root, home in ROOTS.items() if home == keras_names.OURS and address.startswith(f"{root}.")]
    module = address[len(max(roots, key=len)) + 1 :] if roots else None
    return module if module in keras_names.modules() else None


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
        if fullname == "jax":
            return traced.jax_spec(path)
        home = ours(fullname)
        if home is None:
            return None
        if inner.has(fullname):
            return ModuleSpec(fullname, InsideModule(), is_package=True)
        if fullname.startswith("tensorflow.contrib") and not versions.before(2, 0):
            raise ModuleNotFoundError(message(written(fullname)), name=fullname)
        module = of_keras(fullname)
        if module is not None:
            home = keras_module(module).__name__
        elif home not in sys.modules and not _exists(home):
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


class InsideModule(Loader):
    """Gives a module that stands for one inside TensorFlow."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module."""
        return inner.module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: its names are found when they are asked for."""


def _exists(home: str) -> bool:
    try:
        return importlib.util.find_spec(home) is not None
    except ModuleNotFoundError:  # What is above it is no package.
        return False


_finder: Final = Finder()


def install() -> None:
    """Let `import tensorflow`, `import keras` and `import tf_keras` mean Gatewise from now on."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    for name in [name for name in sys.modules if name.partition(".")[0] in ROOTS and ours(name) is not None]:
        del sys.modules[name]
