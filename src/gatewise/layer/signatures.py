"""What a user's `call` and constructor take, read from their signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


class CallSignature:
    """The parameters of a layer's `call`.

    Attributes:
        positional: their names in order, without `self`.
        accepted: those that may come by keyword, and "training" where `call` takes any keyword.
        any_keyword: whether it does.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        parameters = list(inspect.signature(call).parameters.values())
        names = {parameter.name for parameter in parameters}
        self.any_keyword = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        if self.any_keyword:
            names.add("training")
        self.accepted = frozenset(names)
        self.positional = tuple(
            p.name for p in parameters[1:] if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        )


def named(constructor: Callable[..., None]) -> list[str]:
    """The parameters that a constructor names, without `self`."""
    parameters = list(inspect.signature(constructor).parameters.values())[1:]
    return [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def takes_declared(constructor: Callable[..., None]) -> bool:
    """Whether a constructor passes on what it is given, so that the declared arguments are all that it takes."""
    return any(
        parameter.kind is parameter.VAR_POSITIONAL for parameter in inspect.signature(constructor).parameters.values()
    )


def takes_any_keyword(constructor: Callable[..., None]) -> bool:
    """Whether a constructor has a `**kwargs`."""
    return any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in inspect.signature(constructor).parameters.values()
    )
