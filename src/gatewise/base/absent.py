"""What is said about a name that Gatewise does not have: that it does not, the nearest that it has, and the way out.

A name that some Keras has had, but Gatewise has not, may be imported: programs import much that they never use. It is a
class that refuses when it is called, and says why. `hasattr` and `getattr` do not find it: a program that asks in this
way whether a name is there has another way to go.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, Final, NoReturn

from gatewise.base import keras_names
from gatewise.base.words import NOTHING, nearest

_NO_TRAINING: Final = (
    "Gatewise trains with `model.compile` and `model.fit`, on arrays, iterators and loaders; it lacks this name. "
    "Leave it out here, or train elsewhere and load the saved model with `tf.keras.models.load_model`."
)
_NO_GRAPHS: Final = (
    "Gatewise runs `tf.keras` layers and models, without TensorFlow's graphs and sessions. "
    "Build the model with `tf.keras` and call `model.predict(x)`."
)
_NO_TABLES: Final = (
    "A dict of Python, over `x.numpy()`, looks words up; `tf.keras.preprocessing.text.Tokenizer` makes ids."
)
_NO_PLOTS: Final = "`keras.utils.plot_model` draws a model as SVG, and `.dot` of what it returns is text for Graphviz."

_WHY: Final[dict[str, str]] = {
    "applications estimator": _NO_TRAINING,
    "contrib distribute": _NO_TRAINING,
    "layers Session InteractiveSession placeholder get_variable variable_scope Graph": _NO_GRAPHS,
    "global_variables_initializer get_default_graph rnn_cell dynamic_rnn": _NO_GRAPHS,
    "lookup": _NO_TABLES,
    "model_to_dot": _NO_PLOTS,
}
HINTS: Final = {name: why for names, why in _WHY.items() for name in names.split()}
"""By the last part of a missing name: why it is not here, or what to use instead."""

_NO_PICTURES: Final = (
    "It has no networks of pictures. Train elsewhere, and give their outputs to a model here as arrays."
)

OF_MODULES: Final[dict[str, str]] = {
    "applications": _NO_PICTURES,
    "preprocessing.image": _NO_PICTURES,
    "layers": "Its layers are those of recurrent networks. `keras.layers.Layer` is the base for a layer of your own.",
    "backend": "Write it with NumPy's functions, which take what layers give.",
    "estimator": _NO_TRAINING,
    "datasets": "It reads those data sets whose file is in ~/.keras/datasets, and has a reader for each listed one.",
}
"""By the module that a Keras has a missing name in: what is said where the name has no words of its own."""


class AbsentError(AttributeError, NotImplementedError):
    """A program uses a name that Keras has and Gatewise has not."""


def message(address: str, known: Iterable[str] = ()) -> str:
    """The sentence about a name that is not here.

    Args:
        address: as programs write it: "tf.keras.layers.LTSM".
        known: the names beside it.

    >>> message("tf.keras.layers.LTSM", ["LSTM", "GRU"])
    "Gatewise has no `tf.keras.layers.LTSM`. Did you mean 'LSTM'?"
    """
    hint = _hint(address, known)
    return f"Gatewise has no `{address}`." + (f" {hint}" if hint else "")


def _hint(address: str, known: Iterable[str]) -> str:
    above, _, name = address.rpartition(".")
    if name in HINTS:
        return HINTS[name]
    place = _place(address)
    if place in keras_names.modules() or keras_names.is_name(_place(above) or "", name):  # Spelt as it should be.
        return next((why for module, why in OF_MODULES.items() if f"{place}.".startswith(f"{module}.")), "")
    return nearest(name, known).strip()


def _place(address: str) -> str | None:
    """An address below Keras, as `keras_names` has it; None for one that is not Keras's."""
    for root in ("tf.keras", "keras"):
        if f"{address}.".startswith(f"{root}."):
            return address[len(root) + 1 :]
    return None


class Absent(type):
    """What a program gets that imports a name which Gatewise has not: a class that refuses to be called.

    Being a class, it may stand in `isinstance`, in annotations and among the bases of a program's own classes.
    """

    address: str

    def __call__(cls, *_: Any, **__: Any) -> NoReturn:
        raise AbsentError(message(cls.address))

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}", name=name, obj=cls)
        raise AbsentError(message(f"{cls.address}.{name}"), name=name, obj=NOTHING)

    def __repr__(cls) -> str:
        return f"<{cls.address}, which Gatewise does not have>"


@cache
def absent_name(address: str) -> Absent:
    """The class that stands for the name at `address`, "tf.keras.layers.Conv2D"."""
    above, _, name = address.rpartition(".")
    return Absent(name, (), {"address": address, "__module__": above, "__doc__": message(address)})


@cache
def keras_module(module: str) -> ModuleType:
    """The module that programs get for a module of Keras.

    It is ours where we have it. For one of an older Keras it is a module that has the names which are elsewhere now; a
    module of its own, because the import system keeps submodules as attributes of what is above them. For one that
    Gatewise does not have it has names that refuse.

    >>> keras_module("layers").__name__, keras_module("layers.recurrent").LSTM is keras_module("layers").LSTM
    ('gatewise.keras.layers', True)
    >>> keras_module("applications").VGG16
    <tf.keras.applications.VGG16, which Gatewise does not have>
    """
    home = keras_names.home(module)
    ours = None if home is None else importlib.import_module(f"{keras_names.OURS}.{home}".rstrip("."))
    if ours is not None and home == module:
        return ours
    address = f"tf.keras.{module}"
    made = ModuleType(address, f"`{address}`: see `{ours.__name__}`." if ours else message(address))
    get = absent(address, address) if ours is None else _elsewhere(module, ours)
    vars(made).update(__path__=[], __all__=getattr(ours, "__all__", []), __getattr__=get)
    sys.modules[address] = made
    return made


def _elsewhere(module: str, home: ModuleType) -> Callable[[str], Any]:
    """The `__getattr__` of an older module whose names are in another one now."""

    def __getattr__(name: str) -> Any:  # noqa: N807
        inner = f"{module}.{name}"
        if name not in vars(home) and inner in keras_names.modules():
            return keras_module(inner)
        return getattr(home, name)

    return __getattr__


def absent(module: str, address: str) -> Callable[[str], Any]:
    """A module's `__getattr__` for names that are not there.

    `from module import name` shows the text of an ImportError, but replaces that of an AttributeError with its own;
    so the kind of error follows what the program was doing.

    Args:
        module: the module's `__name__`.
        address: the module as programs write it: "tf.keras.layers".
    """

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name.startswith("__"):  # Python itself asks for these, and words its own errors.
            raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name, obj=sys.modules.get(module))
        how = _how(sys._getframe(1))
        if how == "looks":
            raise AttributeError(name)
        place = _place(address)
        if place is not None and how in ("imports", "writes"):
            inner = keras_names.module_in(place, name)
            if inner is not None:
                return keras_module(inner)
            if keras_names.is_name(place, name):
                return absent_name(f"{address}.{name}")
        text = message(f"{address}.{name}", dir(sys.modules[module]))
        if how == "imports":
            raise ImportError(text, name=module)
        raise AttributeError(text, name=name, obj=NOTHING)

    return __getattr__


def absent_inside(module: str, address: str) -> Callable[[str], Any]:
    """A module's `__getattr__` where no list says which names it should have: each may be imported or written, and
    refuses when it is called.

    Args:
        module: the module's `__name__`.
        address: the module as programs write it: "tf.python.ops.math_ops".
    """

    def __getattr__(name: str) -> Any:  # noqa: N807
        if not name.startswith("__") and _how(sys._getframe(1)) in ("imports", "writes"):
            return absent_name(f"{address}.{name}")
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name, obj=sys.modules.get(module))

    return __getattr__


_HOW: Final = {"IMPORT_FROM": "imports", "LOAD_ATTR": "writes", "LOAD_METHOD": "writes"}


def _how(frame: Any) -> str:
    """How a program asks for an attribute: it "imports" it, "writes" it (`layers.LSTM`), or "asks" (`hasattr`); the
    import system "looks" whether a submodule is there already.

    Args:
        frame: the program's, or that of a `__getattr__` of ours above it.
    """
    from opcode import opname

    while frame is not None and _is_ours(frame):
        frame = frame.f_back
    if frame is not None and frame.f_globals.get("__name__") == "importlib._bootstrap":
        return "looks"
    return "asks" if frame is None else _HOW.get(opname[frame.f_code.co_code[frame.f_lasti]], "asks")


def _is_ours(frame: Any) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    return bool(frame.f_code.co_name == "__getattr__") and module.partition(".")[0] == "gatewise"


def answer_for(module: str, address: str) -> None:
    """Give a module its `__getattr__` and its `__dir__`: what is said of names that it lacks, and its public names.

    Type checkers do not see it, and so a name that is not there is an error to them.
    """
    vars(sys.modules[module]).update(__getattr__=absent(module, address), __dir__=listing(module))


def listing(module: str) -> Callable[[], list[str]]:
    """A module's `__dir__`: the names in its `__all__`, or else those of its classes and functions."""

    def __dir__() -> list[str]:  # noqa: N807
        names = vars(sys.modules[module])
        tools = {name for name in public(names) if names[name].__module__.startswith("gatewise.base.")}
        return sorted(names.get("__all__") or {*public(names)} - tools)

    return __dir__


def public(namespace: dict[str, Any], *homes: str) -> list[str]:
    """The names of a module's own classes and functions, in order.

    Args:
        namespace: the module's `vars`.
        homes: where what counts must be defined, as the beginning of a module's name; by default anywhere in Gatewise.
    """
    homes = homes or ("gatewise",)
    return sorted(
        name
        for name, value in namespace.items()
        if not name.startswith("_") and isinstance(value, (type, FunctionType)) and value.__module__.startswith(homes)
    )
