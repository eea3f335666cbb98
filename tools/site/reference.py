"""The reference: a Markdown page for each family of public names, made from declared arguments and docstrings.

What a layer declares is what its page says: the signature, each argument's default, and where an older Keras had
another one or another place. No page of it is kept: `build.py` writes all anew.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatewise.arguments import REQUIRED, Argument, Declared, in_order
from gatewise.base import release


class Family(NamedTuple):
    """One page.

    Attributes:
        title: its heading.
        words: what stands below.
        module: whose public names it has.
        takes: of these, the ones for which it is true; by default all.
        methods: whether the public methods of a class are described too.
    """

    title: str
    words: str
    module: str
    takes: Callable[[Any], bool] = lambda _: True
    methods: bool = False


def _lives_in(*rooms: str) -> Callable[[Any], bool]:
    return lambda thing: thing.__module__.startswith(rooms)


_RECURRENT: Final = "gatewise.recurrent."
_CELLS: Final = ("gatewise.recurrent.cells.", "gatewise.recurrent.rnn")
_WRAPPERS: Final = "gatewise.recurrent.wrappers"
_BASE: Final = ("gatewise.graph", "gatewise.layer.")


def _is_recurrent_layer(thing: Any) -> bool:
    return _lives_in(_RECURRENT)(thing) and not _lives_in(*_CELLS, _WRAPPERS)(thing)


FAMILIES: Final[dict[str, Family]] = {
    "recurrent": Family(
        "Recurrent layers", "LSTM, GRU, SimpleRNN and their kin.", "gatewise.layers", _is_recurrent_layer
    ),
    "cells": Family(
        "Cells and wrappers",
        "One step of a recurrent layer, the layer that runs any cell, and what is put around layers.",
        "gatewise.layers",
        _lives_in(*_CELLS, _WRAPPERS),
    ),
    "layers": Family(
        "Other layers", "All else that a sequence model is made of.", "gatewise.layers", _lives_in("gatewise.layers.")
    ),
    "base": Family("The base of layers", "What every layer has.", "gatewise.layers", _lives_in(*_BASE), methods=True),
    "models": Family("Models", "Models, and where they come from.", "gatewise.models", methods=True),
    "streaming": Family("Streams", "Models one step at a time.", "gatewise.streaming", methods=True),
    "inside": Family("Traces", "What recurrent layers compute at every step.", "gatewise.inside", methods=True),
    "optimizers": Family("Optimizers", "By these names or by their objects in `compile`.", "gatewise.optimizers"),
    "losses": Family("Losses", "By these names or by their objects in `compile`.", "gatewise.losses"),
    "metrics": Family("Metrics", "By these names or by their objects in `compile`.", "gatewise.metrics"),
    "callbacks": Family("Callbacks", "What `fit` calls between steps and epochs.", "gatewise.callbacks"),
    "initializers": Family("Initializers", "How weights start.", "gatewise.initializers"),
    "regularizers": Family(
        "Regularizers", "What is added to the loss for weights or outputs.", "gatewise.regularizers"
    ),
    "constraints": Family(
        "Constraints", "What is done to weights after each step of training.", "gatewise.constraints"
    ),
    "activations": Family("Activations", "Functions of one array.", "gatewise.activations"),
    "distribution": Family("Distribution", "Many devices and processes.", "gatewise.distribution"),
    "ops": Family("Operations", "Functions of arrays under Keras 3's names, on NumPy and JAX alike.", "gatewise.ops"),
}


def write(folder: Path) -> None:
    """All pages, and the page that lists them."""
    folder.mkdir(parents=True)
    for name, family in FAMILIES.items():
        (folder / f"{name}.md").write_text(page(family), encoding="utf-8")
    listed = "\n".join(FAMILIES)
    (folder / "index.md").write_text(f"{_FRONT}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n", encoding="utf-8")


_FRONT: Final = """# Reference

These pages are made from the code when the site is built. A signature has the arguments in the order of Keras 3;
behind a `*` they go by name only. Where an older release has another default, or takes an argument at another place, it
is said below the signature."""


def page(family: Family) -> str:
    """The text of one page."""
    module = importlib.import_module(family.module)
    things = [thing for thing in public(module) if family.takes(thing)]
    head = f"# {family.title}\n\n{family.words} From `{family.module}`."
    return "\n\n".join([head, *(described(thing, methods=family.methods) for thing in things)]) + "\n"


def public(module: Any) -> list[Any]:
    """The classes and functions that a module gives under its own name or has taken from a room of Gatewise.

    >>> from gatewise import streaming
    >>> [thing.__name__ for thing in public(streaming)]
    ['Stream', 'StreamPool']
    """
    found = {}
    for name, thing in vars(module).items():
        documented = (inspect.isclass(thing) or inspect.isfunction(thing)) and bool(thing.__doc__)
        ours = getattr(thing, "__module__", "").startswith(module.__name__.split(".")[0])
        if (
            documented
            and ours
            and name == thing.__name__
            and not name.startswith("_")
            and thing.__doc__
            and _is_here(module, name)
        ):
            found[name] = thing
    return [
        found[name] for name in sorted(found, key=lambda name: (not inspect.isclass(found[name]), name.lower(), name))
    ]


def _is_here(module: Any, name: str) -> bool:
    """Whether a name is public: `from ... import x as x` and definitions are, what a file takes for itself is not."""
    source = inspect.getsource(module)
    own = re.search(rf"^(class|def) {name}\b", source, re.MULTILINE)
    return (
        bool(own)
        or f" {name} as {name}\n" in source
        or "sys.modules" in source
        or name in getattr(module, "__all__", ())
    )


# -- one class or function ---------------------------------------------------------------------------------------------


def described(thing: Any, *, methods: bool = False, level: int = 2) -> str:
    """A heading, the signature, what differs in older releases, and the docstring."""
    arguments = _declared(thing)
    parts = [f"{'#' * level} {thing.__name__}", _code(f"{thing.__name__}{signature(thing)}")]
    parts += [markdown(inspect.getdoc(thing) or ""), older(arguments)]
    if methods and inspect.isclass(thing):
        parts += [described(each, level=level + 1) for each in _methods(thing)]
        parts += [f"{'#' * (level + 1)} {name}\n\n{markdown(text)}" for name, text in _properties(thing)]
    return "\n\n".join(part for part in parts if part)


def _declared(thing: Any) -> dict[str, Argument[Any, Any]]:
    takes = inspect.isclass(thing) and issubclass(thing, Declared) and not _own_constructor(thing)
    return dict(thing._arguments) if takes else {}


def _own_constructor(thing: type) -> bool:
    """Whether the constructor says its arguments itself."""
    parameters = inspect.signature(thing.__init__).parameters
    return {*parameters} - {"self"} != {"args", "kwargs"} and "args" not in parameters


def _methods(thing: type) -> list[Any]:
    """Public methods with a docstring, but for those that the class has from one that is described as well."""
    return [
        each for name, each in inspect.getmembers(thing, inspect.isfunction) if _is_own(thing, name) and each.__doc__
    ]


def _properties(thing: type) -> list[tuple[str, str]]:
    """The same of properties, with their docstrings."""
    found = inspect.getmembers(thing, lambda each: isinstance(each, property))
    return [(name, inspect.cleandoc(each.__doc__)) for name, each in found if _is_own(thing, name) and each.__doc__]


def _is_own(thing: type, name: str) -> bool:
    from gatewise.layer import Layer
    from gatewise.models import Model

    above = [base for base in (Layer, Model) if issubclass(thing, base) and base is not thing]
    return not name.startswith("_") and not any(hasattr(base, name) for base in above)


def signature(thing: Any) -> str:
    """The arguments in parentheses, as the current release takes them.

    >>> from gatewise.layers import Masking
    >>> signature(Masking)
    '(mask_value=0.0, **kwargs)'
    """
    arguments = _declared(thing)
    if not arguments:
        return _plain_signature(thing)
    base = {"name", "trainable", "dtype", *_input_arguments()}
    placed = in_order(arguments)
    by_name = [name for name in arguments if name not in placed and name not in base]
    said = [*map(_with_default, (arguments[name] for name in placed))]
    said += ["*"] * bool(by_name) + [*map(_with_default, (arguments[name] for name in by_name)), "**kwargs"]
    return _on_lines(said)


_WIDTH: Final = 80


def _on_lines(said: list[str]) -> str:
    """Arguments in parentheses: on one line, or on as many as they fill."""
    whole = f"({', '.join(said)})"
    if len(whole) <= _WIDTH:
        return whole
    lines = textwrap.wrap(", ".join(said) + ",", _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "(\n" + "".join(f"    {line}\n" for line in lines) + ")"


def _plain_signature(thing: Any) -> str:
    found = inspect.signature(thing)
    bare = [
        each.replace(annotation=inspect.Parameter.empty) for each in found.parameters.values() if each.name != "self"
    ]
    try:
        return _on_lines(str(inspect.Signature(bare))[1:-1].split(", "))
    except ValueError:  # Without the annotations of those before it an argument may stand at no such place.
        return str(found)


def _input_arguments() -> Iterable[str]:
    from gatewise.layer import Layer

    return Layer._arguments


def _with_default(argument: Argument[Any, Any]) -> str:
    default = argument.default
    return argument.name if default is REQUIRED else f"{argument.name}={_word(default)}"


def _word(default: Any) -> str:
    return default.__name__ if callable(default) else repr(default)


def older(arguments: dict[str, Argument[Any, Any]]) -> str:
    """What the releases differ in: a table of defaults, and a line for each other order."""
    differing = [each for each in arguments.values() if len({*map(_word, each.defaults.values())}) > 1]
    rows = [
        f"| `{each.name}` | {' | '.join(f'`{_word(each.defaults[name])}`' for name in ('keras3', 'tf2', 'tf1'))} |"
        for each in differing
    ]
    table = (
        ["| default of | Keras 3 | TensorFlow 2 | TensorFlow 1 |", "| --- | --- | --- | --- |", *rows] if rows else []
    )
    orders = [f"By place in {words}: {order}." for name, words in _OLD.items() if (order := _order(arguments, name))]
    return "\n\n".join(part for part in ("\n".join(table), *orders) if part)


_OLD: Final = {"tf2": "TensorFlow 2", "tf1": "TensorFlow 1"}


def _order(arguments: dict[str, Argument[Any, Any]], name: release.Release) -> str:
    """The order of an older release from where it parts with today's, or nothing."""
    today = in_order(arguments)
    with release.meaning(name):
        then = in_order(arguments)
    if then == today[: len(then)]:
        return ""
    same = next((k for k, pair in enumerate(zip(today, then, strict=False)) if pair[0] != pair[1]), 0)
    return "..., " * bool(same) + ", ".join(f"`{each}`" for each in then[same:])


# -- docstrings as Markdown --------------------------------------------------------------------------------------------

_SECTION: Final = re.compile(r"^(Args|Returns|Raises|Attributes|Call arguments|Yields):\s*$")
_JOINING: Final = {"and", "all", "others", "the", "of", "other"}
_ENTRY: Final = re.compile(r"^([\w*][\w*., ]*?)(?: \([^)]*\))?:(?:\s+(.*))?$")


def markdown(docstring: str) -> str:
    """A docstring as Markdown: its sections as lists, its examples as code."""
    parts: list[str] = []
    for block in _blocks(docstring.splitlines()):
        if found := _SECTION.match(block[0]):
            parts += [f"**{found[1]}**", _section(textwrap.dedent("\n".join(block[1:])).splitlines())]
        elif block[0].startswith(">>>"):
            parts.append(_code("\n".join(block)))
        elif block[0].startswith("    "):
            parts.append(_code(textwrap.dedent("\n".join(block)), "text"))
        else:
            parts.append(re.sub(r"https?://[^\s,;)]+[^\s,;.)]", r"<\g<0>>", "\n".join(block)))
    return "\n\n".join(part for part in parts if part)


def _blocks(lines: list[str]) -> list[list[str]]:
    """The lines between empty ones; a section, and code that is indented, keep the empty lines inside."""
    blocks: list[list[str]] = []
    fresh = True
    for line in lines:
        if not line.strip():
            fresh = True
            continue
        begun = blocks[-1] if blocks else None
        goes_on = (
            begun is not None
            and line.startswith("    ")
            and (_SECTION.match(begun[0]) is not None or begun[0].startswith("    "))
        )
        if begun is not None and (goes_on or (not fresh and not _SECTION.match(line))):
            begun.append(line)
        else:
            blocks.append([line])
        fresh = False
    return blocks


def _section(lines: list[str]) -> str:
    """A list of its entries, where it has any, or its text."""
    entries: list[str] = []
    for line in lines:
        found = None if line.startswith(" ") else _ENTRY.match(line)
        if found:
            entries.append(f"- {_named(found[1])}: {found[2] or ''}".rstrip())
        elif entries and line.strip():
            entries[-1] += f" {line.strip()}"
        else:
            return " ".join(line.strip() for line in lines)
    return "\n".join(entries)


def _named(words: str) -> str:
    """Names as code; where there are several, the words between them are none.

    >>> _named("activation and all others"), _named("others")
    ('`activation` and all others', '`others`')
    """
    several = " " in words
    return re.sub(r"[\w*.]+", lambda each: each[0] if several and each[0] in _JOINING else f"`{each[0]}`", words)


def _code(text: str, language: str = "python") -> str:
    return f"```{language}\n{text}\n```"
