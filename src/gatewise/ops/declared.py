"""What an operation is: a function of arrays, with the name that programs call it by and the one that files have.

    @op("numpy")
    def take(x: Array, indices: Array, axis: int | None = None) -> Array: ...

Parameters annotated `Array` or `Arrays` are operands; the others are settings. Keras 3 saves an operation that was
drawn as a class (`Take`) of a module (`keras.src.ops.numpy`) with the settings as its config, and the operands as those
of the call. All of that is derived from the declaration.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np

from gatewise.base import recording
from gatewise.base.arrays import Tensor
from gatewise.base.typing import Array
from gatewise.base.variable import Variable

Arrays: TypeAlias = Any
"""A list of arrays, or a structure of them."""

Function = TypeVar("Function", bound=Callable[..., Any])

_ANNOTATIONS: Final = {"Array", "Arrays", "Array | None"}


@dataclass(frozen=True)
class Op:
    """One operation.

    Attributes:
        name: what programs call it.
        class_name: what files call it.
        family: the module of Keras's that has it: "numpy", "nn", "core", "linalg" or "math".
        function: computes it on arrays.
        elementwise: whether operands broadcast, and each number of the result is of its own place only.
    """

    name: str
    class_name: str
    family: str
    function: Callable[..., Any]
    elementwise: bool = False

    @cached_property
    def signature(self) -> inspect.Signature:
        """The function's parameters."""
        return inspect.signature(self.function)

    @cached_property
    def operands(self) -> tuple[str, ...]:
        """The parameters that are arrays."""
        return tuple(name for name, each in self.signature.parameters.items() if str(each.annotation) in _ANNOTATIONS)

    def split(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """A call's operands in their order, and its settings by name."""
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        operands: list[Any] = []
        settings: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            kind = self.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                operands += value
            elif kind is inspect.Parameter.VAR_KEYWORD:
                settings |= value
            elif name in self.operands:
                operands.append(value)
            else:
                settings[name] = value
        return operands, settings

    def joined(self, operands: list[Any], settings: dict[str, Any]) -> Any:
        """The value for operands and settings that `split` gave, or that a file holds."""
        parameters = self.signature.parameters
        rest = [name for name, each in parameters.items() if each.kind is inspect.Parameter.VAR_POSITIONAL]
        if rest:
            before = [settings[name] for name in list(parameters)[: list(parameters).index(rest[0])]]
            after = {name: value for name, value in settings.items() if name in list(parameters)[len(before) + 1 :]}
            return self.function(*before, *operands, **after)
        return self.function(**dict(zip(self.operands, operands, strict=False)), **settings)


TABLE: Final[dict[str, Op]] = {}
"""Every operation, by the name that programs use."""
BY_CLASS: Final[dict[str, Op]] = {}
"""Every operation, by the name that files use."""


def op(
    family: str, class_name: str = "", *, elementwise: bool = False, aliases: tuple[str, ...] = ()
) -> Callable[[Function], Function]:
    """A decorator: the function is an operation, drawn where an operand is symbolic.

    Args:
        family: see `Op`.
        class_name: the name in files, by default the function's in camel case.
        elementwise: see `Op`.
        aliases: more names for programs, which files know by the same name.
    """

    def declare(function: Function) -> Function:
        name = function.__name__
        made = Op(name, class_name or camel(name), family, function, elementwise)
        public = _drawable(made)
        BY_CLASS[made.class_name] = made
        for each in (name, *aliases):
            TABLE[each] = made
            FUNCTIONS[each] = public
        return public  # type: ignore[return-value]

    return declare


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {}
"""What programs call, by name."""


def also(function: Function) -> Function:
    """A decorator: the function is among those that programs call, but is no operation that can be drawn."""
    FUNCTIONS[function.__name__] = function
    return function


def camel(name: str) -> str:
    """A function's name as that of a class.

    >>> camel("take_along_axis")
    'TakeAlongAxis'
    """
    return "".join(part.capitalize() for part in name.split("_"))


def _drawable(operation: Op) -> Callable[..., Any]:
    """The function that programs call: it computes on arrays, and draws on symbolic tensors."""
    function = operation.function

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        artist = drawn(args) or drawn(kwargs)
        if artist is not None:
            return artist(operation.name, *args, **kwargs)
        with np.errstate(all="ignore"):
            return recording.apply(function, result, *args, **kwargs)

    return call


def drawn(tree: Any) -> Callable[..., Any] | None:
    """What draws an operation on the symbolic tensor that is found first in a structure; None where there is none."""
    if isinstance(tree, (list, tuple)):
        return next(filter(None, map(drawn, tree)), None)
    if isinstance(tree, dict):
        return next(filter(None, map(drawn, tree.values())), None)
    return getattr(type(tree), "operator", None)


def result(value: Any) -> Any:
    """Values of NumPy's as `Tensor`, in whatever structure; all else as it is."""
    if isinstance(value, Variable):
        return result(value.value)
    if isinstance(value, (np.ndarray, np.generic)):
        return np.asarray(value).view(Tensor)
    if isinstance(value, (list, tuple)):
        parts = [result(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: result(part) for key, part in value.items()}
    return value


def named(name: str) -> Op:
    """The operation of this name, which either programs or files use.

    Raises:
        KeyError: where there is none.
    """
    return TABLE[name] if name in TABLE else BY_CLASS[name]


def known() -> Iterator[str]:
    """All names of operations."""
    yield from BY_CLASS
    yield from TABLE


__all__ = ["BY_CLASS", "FUNCTIONS", "TABLE", "Array", "Arrays", "Op", "also", "drawn", "known", "named", "op", "result"]
