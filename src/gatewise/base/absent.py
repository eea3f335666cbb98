"""What is said about a name that Gatewise does not have: that it does not, the nearest that it has, and the way out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, Final, NoReturn

from gatewise.base.words import LIKENESS

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
_NO_PLOTS: Final = "`model.summary()` prints the layers, their shapes and their parameters."

_WHY: Final[dict[str, str]] = {
    "applications estimator": _NO_TRAINING,
    "contrib distribute wrappers": _NO_TRAINING,
    "layers Session InteractiveSession placeholder get_variable variable_scope Graph": _NO_GRAPHS,
    "global_variables_initializer get_default_graph rnn_cell dynamic_rnn": _NO_GRAPHS,
    "lookup": _NO_TABLES,
    "plot_model model_to_dot": _NO_PLOTS,
}
HINTS: Final = {name: why for names, why in _WHY.items() for name in names.split()}
"""By the last part of a missing name: why it is not here, or what to use instead."""


def message(address: str, known: Iterable[str] = ()) -> str:
    """The sentence about a name that is not here.

    Args:
        address: as programs write it: "tf.keras.layers.LTSM".
        known: the names beside it.

    >>> message("tf.keras.layers.LTSM", ["LSTM", "GRU"])
    "Gatewise has no `tf.keras.layers.LTSM`. Did you mean 'LSTM'?"
    """
    name = address.rpartition(".")[2]
    hint = f" {HINTS[name]}" if name in HINTS else _nearest(name, known)
    return f"Gatewise has no `{address}`.{hint}"


def _nearest(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    plain = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), plain, n=1, cutoff=LIKENESS)
    return f" Did you mean {plain[found[0]]!r}?" if found else ""


def absent(module: str, address: str) -> Callable[[str], NoReturn]:
    """A module's `__getattr__` for names that are not there.

    `from module import name` shows the text of an ImportError, but replaces that of an AttributeError with its own;
    so the kind of error follows what the program was doing.

    Args:
        module: the module's `__name__`.
        address: the module as programs write it: "tf.keras.layers".
    """

    def __getattr__(name: str) -> NoReturn:  # noqa: N807
        if name.startswith("__"):  # Python itself asks for these, and words its own errors.
            raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name, obj=sys.modules.get(module))
        text = message(f"{address}.{name}", public(vars(sys.modules[module])))
        if _is_importing(sys._getframe(1)):
            raise ImportError(text, name=module)
        raise AttributeError(text, name=name)

    return __getattr__


def _is_importing(frame: Any) -> bool:
    """Whether the frame, or the one below the `__getattr__`s of ours that it is in, stands at a `from ... import`."""
    from opcode import opmap

    while frame is not None and _is_ours(frame):
        frame = frame.f_back
    if frame is None:
        return False
    return bool(frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"])


def _is_ours(frame: Any) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    return bool(frame.f_code.co_name == "__getattr__") and module.partition(".")[0] == "gatewise"


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
