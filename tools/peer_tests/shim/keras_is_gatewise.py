"""Lets Keras's test files, which say `from keras.src.layers import ...`, find Gatewise's public names.

Nothing here computes what a test checks. `keras.src.AREA.anything` is a module whose names are looked up in the public
modules of `gatewise.keras` that `HOMES` lists for the area. A name that is in none of them is a `Missing`: to import it
is harmless, to use it in a test raises `MissingFeature`.

Keras's own test base, `keras.src.testing`, is run from its own source, with the few changes of `test_base.py`.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types
from pathlib import Path

import gatewise.keras as gk
from gatewise.base import masks
from gatewise.compat import addresses
from gatewise.losses.arithmetic import same_rank

TESTS = Path(os.environ["KERAS_TESTS"])
"""The folder that the tests are run in; the test files lie in its `t`."""
SOURCE = TESTS.parent / "keras-3.15.1" / "keras" / "src"
"""Keras's source as the package index has it: asked which names are modules, and for the test base."""

_ANYWHERE = ("ops", "random", "backend", "utils", "saving", "config", "")
HOMES = {
    "utils": ("utils", "preprocessing.sequence", *_ANYWHERE),
    "layers": ("layers", "gatewise.layers", *_ANYWHERE),  # DropoutRNNCell has no public name in Keras 3.
    "trainers": (),
    "models": ("models", "gatewise.models.model"),  # Keras has no public name for its class Functional.
    "optimizers.schedules": ("optimizers.schedules",),
    "applications": (),
}
"""For each area of `keras.src` whose names are not all in the public module of the same name: where else they are."""


class MissingFeature(Exception):  # noqa: N818 - shown as it is in reports.
    """A test uses a name that Gatewise does not have."""


class State:
    """What the running test has met."""

    in_test = False
    other_words: list[str] = []  # noqa: RUF012 - one process, one test at a time.


class Missing:
    """A name that is not there: harmless while files are read, an error in a test."""

    def __init__(self, name: str):
        vars(self).update(_name=name, __name__=name.rpartition(".")[2])

    def _used(self, name: str) -> Missing:
        if State.in_test:
            raise MissingFeature(name)
        return Missing(name)

    def __call__(self, *args, **kwargs):
        decorates = len(args) == 1 and not kwargs and isinstance(args[0], (type, types.FunctionType))
        return args[0] if decorates and not State.in_test else self._used(self._name)

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return self._used(f"{self._name}.{name}")

    def __getitem__(self, key):
        return self._used(self._name)

    def __iter__(self):
        self._used(self._name)
        return iter(())

    def __bool__(self):
        self._used(self._name)
        return True

    def __instancecheck__(self, value):
        raise MissingFeature(self._name)

    def __mro_entries__(self, bases):
        name = self._name

        def refuse(cls, *args, **kwargs):
            raise MissingFeature(name)

        self._used(name)
        return (type("MissingBase", (), {"__new__": refuse}),)

    def __repr__(self):
        return f"<missing {self._name}>"


def _found(area: str, name: str):
    """Gatewise's own object for a name in an area of `keras.src`, or a `Missing`."""
    for home in HOMES.get(area, (area, *_ANYWHERE)):
        try:
            module = home if home.startswith("gatewise") else f"gatewise.keras.{home}".rstrip(".")
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    return Missing(f"{area}.{name}")


# Facts about the backend that tests ask for. Gatewise trains on JAX; sparse and ragged tensors it has none.
BACKEND = {
    "backend": lambda: "jax",
    "SUPPORTS_SPARSE_TENSORS": False,
    "SUPPORTS_RAGGED_TENSORS": False,
    "SUPPORTS_COMPLEX_DTYPES": False,
    "DYNAMIC_SHAPES_OK": True,
    "DYNAMIC_BATCH_SIZE_OK": True,
    "IS_THREAD_SAFE": True,
}
# Keras's private helpers that tests are written with, and are not about.
HELPERS = {
    "utils.removesuffix": str.removesuffix,
    "utils.file_utils.join": os.path.join,
    "utils.file_utils.exists": os.path.exists,
    "utils.file_utils.File": open,
    "backend.get_keras_mask": masks.of,
    "backend.set_keras_mask": masks.attach,
    "backend.standardize_shape": tuple,
    "losses.loss.squeeze_or_expand_to_same_rank": same_rank,
}
FROM_SOURCE = (
    "keras.src.testing.test_case",
    "keras.src.testing.test_utils",
    "keras.src.backend.common.backend_utils",  # Arithmetic of shapes: what a convolution is to give.
)
"""What is run from Keras's own source: it says what is wanted, and nothing of Gatewise."""


class KerasModule(types.ModuleType):
    """`keras`, `keras.src` and all that is below it."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        if self.__name__ == "keras":
            return getattr(gk, name, None) or _found("", name)
        below = full.removeprefix("keras.src.")
        if (SOURCE / below.replace(".", "/")).is_dir() or (SOURCE / f"{below.replace('.', '/')}.py").is_file():
            return importlib.import_module(full)
        if below in HELPERS:
            return HELPERS[below]
        area = below.split(".")[0] if "." in below else ""
        if area == "backend" and name in BACKEND:
            return BACKEND[name]
        if below.startswith("optimizers.schedules."):
            area = "optimizers.schedules"
        return _found(area, name)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes the modules of Keras: test files and the test base from their source, all else a `KerasModule`."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.split(".")[0] != "keras":
            return None
        file = f"{fullname.removeprefix('keras.src.').replace('.', '/')}.py"
        if fullname.endswith("_test"):
            return importlib.util.spec_from_file_location(fullname, TESTS / "t" / file)
        if fullname in FROM_SOURCE:
            return importlib.util.spec_from_file_location(fullname, SOURCE / file)
        if fullname in ("keras.src.testing", "keras.src.testing.base"):
            return importlib.util.spec_from_file_location(
                fullname, Path(__file__).with_name("test_base.py"), submodule_search_locations=[]
            )
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec):
        made = KerasModule(spec.name)
        made.__path__ = []
        return made

    def exec_module(self, module):
        pass


def install() -> None:
    """Let `keras` mean Gatewise to the test files, and `tensorflow` what Gatewise has of it."""
    addresses.install()
    for name in [name for name in sys.modules if name.split(".")[0] == "keras"]:
        del sys.modules[name]
    sys.meta_path.insert(0, Finder())
    conftest = types.ModuleType("conftest")
    conftest.skip_if_backend = _skip_if_backend
    sys.modules["conftest"] = conftest


def _skip_if_backend(backend: str, reason: str):
    import pytest

    return pytest.mark.skipif(backend == BACKEND["backend"](), reason=reason)
