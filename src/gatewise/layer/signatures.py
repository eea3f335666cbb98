"""What a user's `call` and constructor take, read from their signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from gatewise.base import release
from gatewise.base.arrays import shapes_of


class CallSignature:
    """The parameters of a layer's `call`, and what `build` asks of them.

    Attributes:
        positional: their names in order, without `self`.
        accepted: those that may come by keyword, and "training" where `call` takes any keyword.
        any_keyword: whether it does.
        further: the inputs after the first: arguments of which `build` takes the shape (`value`: `value_shape`), or
            `call` the mask (`value_mask`), as Keras 3 names them.
        masked: the inputs of which `call` takes the mask so.
    """

    def __init__(self, call: Callable[..., Any], build: Callable[..., Any]) -> None:
        parameters = list(inspect.signature(call).parameters.values())
        names = {parameter.name for parameter in parameters}
        self.any_keyword = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        if self.any_keyword:
            names.add("training")
        self.accepted = frozenset(names)
        self.positional = tuple(
            p.name for p in parameters[1:] if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        )
        shaped = named(build)
        self.masked = tuple(name for name in self.positional if f"{name}_mask" in names)
        self.further = tuple(name for name in self.positional[1:] if name in self.masked or f"{name}_shape" in shaped)


def shapes_taken(function: Callable[..., Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The shapes that `build` or `compute_output_shape` takes after the first: `value_shape`, of the call's `value`."""
    given = {f"{name}_shape": value for name, value in kwargs.items() if value is not None}
    return {name: shapes_of(given[name]) for name in named(function)[1:] if name in given}


def shapes_to_build(
    build: Callable[..., Any], call: Callable[..., Any], first: Any, kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What `build` is called with: the first input's shape, and by name those that it asks for, as Keras 3 finds them.

    Raises:
        ValueError: a `build` of several shapes, one of which is named after no argument of `call`.
    """
    wanted, known = named(build), named(call)
    if len(wanted) < 2:
        return (first,), {}
    for name in wanted if release.current() == "keras3" else ():
        if not name.endswith("_shape"):
            raise ValueError(
                f"`build` takes several shapes, but {name!r} is not named so: call it {name + '_shape'!r}."
            )
        if name.removesuffix("_shape") not in known:
            raise ValueError(f"`build` takes {name!r}, but `call` has no argument {name.removesuffix('_shape')!r}.")
    further = shapes_taken(build, kwargs)
    if f"{known[0]}_shape" in wanted[1:]:
        own = kwargs.get(wanted[0].removesuffix("_shape"))
        return (), {**further, wanted[0]: None if own is None else shapes_of(own), f"{known[0]}_shape": first}
    return (first,), further


@cache
def _parameters(function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(function).parameters.values())


def given(constructor: Callable[..., None], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What a constructor is given, by the names of its parameters; nothing where it would not take it."""
    try:
        bound = inspect.signature(constructor).bind(None, *args, **kwargs)
    except TypeError:  # It says so itself; or it is a copy, which is made without arguments.
        return {}
    names = named(constructor)
    extra = [value for name, value in bound.arguments.items() if isinstance(value, dict) and name not in names]
    taken = {name: value for name, value in bound.arguments.items() if name in names}
    return taken | (extra[0] if extra else {})


def named(function: Callable[..., Any]) -> list[str]:
    """The parameters that a constructor or a method names, without `self`."""
    parameters = _parameters(function)[1:]
    return [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def takes_declared(constructor: Callable[..., None]) -> bool:
    """Whether a constructor passes on what it is given, so that the declared arguments are all that it takes."""
    return any(parameter.kind is parameter.VAR_POSITIONAL for parameter in _parameters(constructor))


def takes_any_keyword(constructor: Callable[..., None]) -> bool:
    """Whether a constructor has a `**kwargs`."""
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in _parameters(constructor))


def with_defaults(constructor: Callable[..., None]) -> set[str]:
    """The parameters that a constructor need not be given."""
    return {parameter.name for parameter in _parameters(constructor) if parameter.default is not parameter.empty}
