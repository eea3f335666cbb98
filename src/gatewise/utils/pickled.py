"""Arrays and lists of numbers out of pickles, without unpickling.

The data sets that Keras keeps as `.npz` hold arrays of lists, which NumPy pickles. A pickle is a program for a stack
machine; `pickletools` of the standard library reads its instructions and runs none. Here those are followed that build
lists, numbers, text and arrays, with three names that stand for an array and a dtype. Nothing is imported and nothing
called: a pickle that wants anything else is refused.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

_ARRAY: Final = "an empty array"
_DTYPE: Final = "a dtype"
_BYTES: Final = "bytes of text"
_NAMES: Final = {
    **{f"{home}.multiarray _reconstruct": _ARRAY for home in ("numpy.core", "numpy._core")},
    "numpy ndarray": "the class of arrays",
    "numpy dtype": _DTYPE,
    "_codecs encode": _BYTES,
}
_MARK: Final = object()
_KINDS: Final = "biufO"


class _Array:
    """An array in the making: `BUILD` gives it its shape, dtype and contents."""

    value: Any = None


class _Dtype:
    """A dtype in the making."""

    def __init__(self, code: str) -> None:
        self.value = np.dtype(code)
        if self.value.kind not in _KINDS:
            raise ValueError(f"it holds numbers of the dtype {code!r}.")


def read(pickle: bytes, latin: bool = False) -> Any:
    """What a pickle of arrays, lists, dicts, numbers and text holds.

    Args:
        pickle: its bytes.
        latin: whether text that Python 2 wrote is text in Latin-1; else it is bytes.

    Raises:
        ValueError: for anything else in it, or a pickle that is damaged.

    >>> import pickle
    >>> read(pickle.dumps([[1, 2], [3]], protocol=2))
    [[1, 2], [3]]
    """
    machine = _Machine(latin)
    try:
        for opcode, argument, _ in _instructions(pickle):
            if opcode.name == "STOP":
                return _finished(machine.pop())
            machine.follow(opcode.name, argument)
    except (IndexError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError(f"it is damaged ({type(error).__name__}: {error}).") from None
    raise ValueError("it is damaged (it has no end).")


def _instructions(pickle: bytes) -> Iterator[tuple[Any, Any, Any]]:
    try:
        yield from pickletools.genops(pickle)
    except ValueError as error:
        raise ValueError(f"it is damaged ({error}).") from None


def _finished(value: Any) -> Any:
    return value.value if isinstance(value, (_Array, _Dtype)) else value


class _Machine:
    """The stack and the memory of a pickle."""

    def __init__(self, latin: bool) -> None:
        self.stack: list[Any] = []
        self.memory: dict[int, Any] = {}
        self.latin = latin

    def pop(self) -> Any:
        return self.stack.pop()

    def since_mark(self) -> list[Any]:
        """What was put on the stack since the last mark."""
        found: list[Any] = []
        while (value := self.stack.pop()) is not _MARK:
            found.append(value)
        return found[::-1]

    def follow(self, name: str, argument: Any) -> None:
        """One instruction.

        Raises:
            ValueError: for one that is not of the list.
        """
        if name in _VALUES:
            self.stack.append(_VALUES[name](argument))
        elif name in ("STRING", "BINSTRING", "SHORT_BINSTRING"):  # pickletools gives Python 2's text as Latin-1.
            self.stack.append(argument if self.latin else argument.encode("latin-1"))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memory[argument] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memory[argument])
        elif name in _STEPS:
            _STEPS[name](self, argument)
        elif name not in ("PROTO", "FRAME"):
            raise ValueError(f"it has the instruction {name}, which no array of numbers needs.")

    # -- Instructions -----------------------------------------------------------------------------------------------

    def memoize(self, _: Any) -> None:
        self.memory[len(self.memory)] = self.stack[-1]

    def append(self, _: Any) -> None:
        value = self.pop()
        _list(self.stack[-1]).append(_finished(value))

    def appends(self, _: Any) -> None:
        values = self.since_mark()
        _list(self.stack[-1]).extend(map(_finished, values))

    def set_item(self, _: Any) -> None:
        value, key = self.pop(), self.pop()
        _dict(self.stack[-1])[key] = value

    def set_items(self, _: Any) -> None:
        values = self.since_mark()
        _dict(self.stack[-1]).update(zip(values[::2], values[1::2], strict=True))

    def name(self, argument: str) -> None:
        if argument not in _NAMES:
            raise ValueError(f"it wants {argument.replace(' ', '.')}, which is no array of numbers.")
        self.stack.append(("name", _NAMES[argument]))

    def stack_name(self, _: Any) -> None:
        attribute, module = self.pop(), self.pop()
        self.name(f"{module} {attribute}")

    def reduce(self, _: Any) -> None:
        given, what = self.pop(), self.pop()
        if what == ("name", _ARRAY):
            self.stack.append(_Array())
        elif what == ("name", _DTYPE):
            code = given[0]
            self.stack.append(_Dtype(code.decode("ascii") if isinstance(code, bytes) else code))
        elif what == ("name", _BYTES) and given[1] == "latin1":
            self.stack.append(given[0].encode("latin-1"))
        else:
            raise ValueError("it calls something that makes no array.")

    def build(self, _: Any) -> None:
        state, target = self.pop(), self.stack[-1]
        if isinstance(target, _Dtype):
            order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
            target.value = target.value if order == "|" else target.value.newbyteorder(">" if order == ">" else "<")
        elif isinstance(target, _Array):
            target.value = _array(*state[-4:])
        else:
            raise ValueError("it changes something that is no array.")


def _array(shape: Any, dtype: Any, fortran: Any, contents: Any) -> np.ndarray:
    if not isinstance(dtype, _Dtype):
        raise ValueError("it has an array without a dtype.")
    count = int(np.prod(shape, dtype=object))
    if dtype.value.kind == "O":
        flat = np.empty(len(_list(contents)), object)
        flat[:] = [_finished(value) for value in contents] if len(contents) else []
    else:
        flat = np.frombuffer(contents.encode("latin-1") if isinstance(contents, str) else contents, dtype.value)
    if count < 0 or flat.size != count:
        raise ValueError(f"an array in it should have the shape {shape}, but has {flat.size} items.")
    return flat.reshape(shape, order="F" if fortran else "C")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("it fills something that is no list.")
    return value


def _dict(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise ValueError("it fills something that is no dict.")
    return value


def _same(argument: Any) -> Any:
    return argument


_VALUES: Final[dict[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"), _same),
    **dict.fromkeys(("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _same),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"), _same),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_DICT": lambda _: {},
    "MARK": lambda _: _MARK,
}
_STEPS: Final[dict[str, Callable[[_Machine, Any], None]]] = {
    "MEMOIZE": _Machine.memoize,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.stack_name,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
    "LIST": lambda machine, _: machine.stack.append(list(map(_finished, machine.since_mark()))),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.since_mark())),
    "DICT": lambda machine, _: machine.stack.append(_pairs(machine.since_mark())),
    "TUPLE1": lambda machine, _: machine.stack.append((machine.pop(),)),
    "TUPLE2": lambda machine, _: machine.stack.append((machine.pop(), machine.pop())[::-1]),
    "TUPLE3": lambda machine, _: machine.stack.append((machine.pop(), machine.pop(), machine.pop())[::-1]),
}


def _pairs(values: list[Any]) -> dict[Any, Any]:
    return dict(zip(values[::2], values[1::2], strict=True))
