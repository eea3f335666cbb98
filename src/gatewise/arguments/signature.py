"""What editors, `help` and `inspect` are told of a class's declared arguments: its signature, and a text for each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gatewise.arguments.declared import Argument

_KEYWORD: Final = inspect.Parameter.KEYWORD_ONLY
_PLACE: Final = inspect.Parameter.POSITIONAL_OR_KEYWORD


class SignatureOf:
    """The `__signature__` of classes with declared arguments: the order and the defaults of the release in force.

    A class of a program's own that has a constructor keeps its constructor's.

    Args:
        in_order: gives the names of the arguments that may be given by place.
    """

    def __init__(self, in_order: Callable[[dict[str, Argument[Any, Any]]], list[str]]) -> None:
        self.in_order = in_order

    def __get__(self, instance: object | None, owner: Any) -> inspect.Signature | None:
        if instance is not None:
            raise AttributeError("A layer is called with its inputs; its class has the signature of its constructor.")
        constructors = [vars(base)["__init__"] for base in owner.__mro__ if "__init__" in vars(base)]
        if not getattr(constructors[0], "__module__", "").startswith("gatewise."):
            return None
        return inspect.Signature(list(self._parameters(owner, constructors)), return_annotation=None)

    def _parameters(self, owner: Any, constructors: list[Any]) -> Iterator[inspect.Parameter]:
        own = _named(constructors[0], _PLACE)
        names, kinds = {each.name for each in own}, _kinds(constructors[0])
        arguments = {name: each for name, each in owner._arguments.items() if name not in names}
        yield from own
        by_place = self.in_order(arguments) if inspect.Parameter.VAR_POSITIONAL in kinds else []
        yield from (parameter(owner, arguments.pop(name), _PLACE) for name in by_place)
        for constructor in constructors:  # As far up as they hand on what they do not know themselves.
            yield from _named(constructor, _KEYWORD)
            if inspect.Parameter.VAR_KEYWORD not in _kinds(constructor):
                return
        for argument in sorted(arguments.values(), key=lambda each: _height(owner, each)):
            yield parameter(owner, argument, _KEYWORD)


def _named(constructor: Any, kind: Any) -> list[inspect.Parameter]:
    return [each for each in inspect.signature(constructor).parameters.values() if each.kind is kind][kind is _PLACE :]


def _kinds(constructor: Any) -> set[Any]:
    return {each.kind for each in inspect.signature(constructor).parameters.values()}


def _height(owner: type, argument: Argument[Any, Any]) -> int:
    """How far above a class an argument is declared: what all layers have stands last."""
    return owner.__mro__.index(argument.owner) if argument.owner in owner.__mro__ else 0


def parameter(owner: type, argument: Argument[Any, Any], kind: Any) -> inspect.Parameter:
    """One declared argument as `inspect` has it."""
    default = inspect.Parameter.empty if argument.is_required else argument.default
    return inspect.Parameter(argument.name, kind, default=default, annotation=given(owner, argument))


def given(owner: type, argument: Argument[Any, Any]) -> str:
    """What may be given for an argument, as an annotation: "bool" where it is declared as `Argument[bool, bool]`."""
    if argument.takes is not None:
        return argument.takes
    for base in owner.__mro__:
        found = re.fullmatch(r"Argument\[(.+)\]", str(inspect.get_annotations(base).get(argument.name, "")))
        if found:
            return _first(found[1])
    return "Any"


def _first(types: str) -> str:
    """The first of several types with commas between them."""
    depth = 0
    for place, letter in enumerate(types):
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and depth == 0:
            return types[:place]
    return types


@cache
def described(owner: type) -> dict[str, str]:
    """The texts under "Args:" in the docstring of a class, by name; those that only name another class are left out.

    >>> from gatewise.layers import LSTM
    >>> described(LSTM)["return_sequences"]
    'give all outputs (B, T, H) rather than the last.'
    """
    text = inspect.cleandoc(vars(owner).get("__doc__") or "")
    block = re.search(r"^Args:\n((?:    .*\n?|\n)+)", text, re.MULTILINE)
    entries = re.findall(
        r"^    ([\w*, \n]+?)(?: \([^)]*\))?:\s((?:.*(?:\n {8}.*)*))", block[1] if block else "", re.MULTILINE
    )
    return {
        name.strip(" *"): " ".join(words.split())
        for names, words in entries
        if words.split()[:2] not in (["as", "for"], ["as", "in"])
        for name in re.split(r",\s*", names)
    }


def text_of(owner: type, name: str) -> str | None:
    """What is said of an argument of a class: by its docstring, by one above it, or else by that of its nearest kin."""
    above = [base for base in owner.__mro__ if base is not object]
    kin = (each for base in above[1:] for each in _below(base))
    return next((text for each in chain(above, kin) if (text := described(each).get(name))), None)


class OwnText:
    """The `__doc__` of `Argument`: of the class its docstring, of an argument what is said of it under "Args:".

    Args:
        text: the docstring of the class.
    """

    def __init__(self, text: str | None) -> None:
        self.text = text

    def __get__(self, argument: Argument[Any, Any] | None, owner: type) -> str | None:
        if argument is None:
            return self.text
        if argument.owner is None:
            return None
        texts = (described(user).get(argument.name) for user in _below(argument.owner))
        return next(filter(None, texts), None)


def _below(owner: type) -> Iterator[type]:
    """A class and those below it, for an argument may be described where it comes to be used."""
    yield owner
    below: list[type] = owner.__subclasses__()
    for each in below:
        yield from _below(each)
