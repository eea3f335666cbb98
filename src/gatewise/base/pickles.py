"""What a pickle describes, without unpickling.

A pickle is a program for a stack machine; `pickletools` of the standard library reads its instructions and runs none.
Here those are followed that build lists, dicts, numbers and text; a set comes as a list. What a pickle names, calls and
fills beyond that is for a subclass to say, and what it does not know is refused. Nothing is imported, nothing called.
"""

from __future__ import annotations

import os
import pickletools
import warnings
from collections.abc import Callable, Iterator
from typing import IO, Any, Final

_MARK: Final = object()


class Machine:
    """The stack and the memory of a pickle.

    Args:
        latin: whether text that Python 2 wrote is text in Latin-1; else it is bytes.

    >>> import pickle
    >>> Machine().read(pickle.dumps([[1, 2], {"a": (3,)}], protocol=2))
    [[1, 2], {'a': (3,)}]
    """

    def __init__(self, latin: bool = False) -> None:
        self.stack: list[Any] = []
        self.memory: dict[int, Any] = {}
        self.latin = latin

    def read(self, pickle: bytes | IO[bytes]) -> Any:
        """What a pickle holds; of an open file the next one.

        Raises:
            ValueError: for what is not known, or a pickle that is damaged; the message begins with "it".
        """
        try:
            with warnings.catch_warnings():  # Of escapes in damaged text.
                warnings.simplefilter("ignore", DeprecationWarning)
                return self._read(pickle)
        except (LookupError, TypeError, AttributeError, UnicodeDecodeError, OverflowError) as error:
            raise ValueError("it is damaged (an instruction does not fit what those before it made).") from error

    def _read(self, pickle: bytes | IO[bytes]) -> Any:
        for opcode, argument, _ in _instructions(pickle):
            if opcode.name == "STOP":
                return self.finished(self.pop())
            self.follow(opcode.name, argument)
        raise ValueError("it is damaged (it has no end).")

    # -- what a subclass knows ----------------------------------------------------------------------------------------

    def named(self, name: str) -> Any:
        """What stands for a class or function: "collections OrderedDict"."""
        raise ValueError(f"it wants {name.replace(' ', '.')}, which is not read here.")

    def called(self, what: Any, args: Any) -> Any:
        """What comes of calling `what`, which `named` gave."""
        raise ValueError("it calls something that is not known.")

    def made(self, what: Any, args: Any) -> Any:
        """An object of the class `what`, which `named` gave."""
        raise ValueError("it makes an object of a class that is not known.")

    def filled(self, target: Any, state: Any) -> None:
        """`target` gets its attributes."""
        raise ValueError("it changes something that is not known.")

    def kept_elsewhere(self, key: Any) -> Any:
        """What is not in the pickle itself, but beside it, under `key`."""
        raise ValueError("it needs something that lies outside.")

    def finished(self, value: Any) -> Any:
        """A value in its last form, as it becomes part of another."""
        return value

    # -- instructions -------------------------------------------------------------------------------------------------

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
            raise ValueError(f"it has the instruction {name}, which no data needs.")

    def memoize(self, _: Any) -> None:
        self.memory[len(self.memory)] = self.stack[-1]

    def append(self, _: Any) -> None:
        value = self.pop()
        _list(self.stack[-1]).append(self.finished(value))

    def appends(self, _: Any) -> None:
        values = self.since_mark()
        _list(self.stack[-1]).extend(map(self.finished, values))

    def set_item(self, _: Any) -> None:
        value, key = self.pop(), self.pop()
        _dict(self.stack[-1])[key] = value

    def set_items(self, _: Any) -> None:
        values = self.since_mark()
        _dict(self.stack[-1]).update(_pairs(values))

    def name(self, argument: str) -> None:
        self.stack.append(self.named(argument))

    def stack_name(self, _: Any) -> None:
        attribute, module = self.pop(), self.pop()
        self.name(f"{module} {attribute}")

    def reduce(self, _: Any) -> None:
        args, what = self.pop(), self.pop()
        self.stack.append(self.called(what, args))

    def new_object(self, _: Any) -> None:
        args, what = self.pop(), self.pop()
        self.stack.append(self.made(what, args))

    def build(self, _: Any) -> None:
        state = self.pop()
        self.filled(self.stack[-1], state)

    def persistent(self, _: Any) -> None:
        self.stack.append(self.kept_elsewhere(self.pop()))

    def make_list(self, _: Any) -> None:
        self.stack.append(list(map(self.finished, self.since_mark())))

    def make_dict(self, _: Any) -> None:
        self.stack.append(_pairs(self.since_mark()))

    def make_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self.since_mark()))


class _Bounded:
    """An open file that is asked for no more bytes than it has: an instruction may claim any number."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self.readline = file.readline
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, self._size))


def _instructions(pickle: bytes | IO[bytes]) -> Iterator[tuple[Any, Any, Any]]:
    source: Any = pickle if isinstance(pickle, bytes) else _Bounded(pickle)
    try:
        yield from pickletools.genops(source)
    except MemoryError:
        raise ValueError("it is damaged (it claims more bytes than there can be).") from None
    except ValueError as error:
        raise ValueError(f"it is damaged ({error}).") from None


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("it fills something that is no list.")
    return value


def _dict(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise ValueError("it fills something that is no dict.")
    return value


def _pairs(values: list[Any]) -> dict[Any, Any]:
    return dict(zip(values[::2], values[1::2], strict=True))


def _same(argument: Any) -> Any:
    return argument


def _last(count: int) -> Callable[[Machine, Any], None]:
    """A tuple of so many things from the stack."""

    def step(machine: Machine, _: Any) -> None:
        taken = [machine.pop() for _ in range(count)]
        machine.stack.append(tuple(taken[::-1]))

    return step


_VALUES: Final[dict[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"), _same),
    **dict.fromkeys(("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _same),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"), _same),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_LIST": lambda _: [],
    "EMPTY_SET": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_DICT": lambda _: {},
    "MARK": lambda _: _MARK,
}
_STEPS: Final[dict[str, Callable[[Machine, Any], None]]] = {
    "MEMOIZE": Machine.memoize,
    "APPEND": Machine.append,
    "APPENDS": Machine.appends,
    "ADDITEMS": Machine.appends,
    "SETITEM": Machine.set_item,
    "SETITEMS": Machine.set_items,
    "GLOBAL": Machine.name,
    "STACK_GLOBAL": Machine.stack_name,
    "REDUCE": Machine.reduce,
    "NEWOBJ": Machine.new_object,
    "BUILD": Machine.build,
    "BINPERSID": Machine.persistent,
    "LIST": Machine.make_list,
    "TUPLE": Machine.make_tuple,
    "DICT": Machine.make_dict,
    "TUPLE1": _last(1),
    "TUPLE2": _last(2),
    "TUPLE3": _last(3),
}
