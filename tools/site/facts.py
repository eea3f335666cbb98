"""What pages under docs/ say of the code, written by the code: `python tools/site/facts.py`. A test holds them to it.

- arguments.md: the table of defaults and places of all arguments of LSTM, and the line below the heading of each.
- coming.md: which layers, losses, metrics, optimizers and callbacks there are, and which of PyTorch's modules become
  layers.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT / "src"))

from gatewise.arguments import REQUIRED, Argument, in_order  # noqa: E402
from gatewise.base import release  # noqa: E402
from gatewise.layer import Layer  # noqa: E402
from gatewise.layers import LSTM  # noqa: E402

_GENERATIONS: Final[dict[release.Release, str]] = {"keras3": "Keras 3", "tf2": "TensorFlow 2", "tf1": "TensorFlow 1"}
_DEFAULT: Final = re.compile(r"^(### `(\w+)`\n\n)(?:Default: .*\n\n)?", re.MULTILINE)


def arguments_page(text: str) -> str:
    """arguments.md with its facts as they are."""
    declared = own(LSTM)
    text = between(text, "table", table(declared))
    return _DEFAULT.sub(lambda found: f"{found[1]}Default: {default_line(declared[found[2]])}\n\n", text)


def own(layer: Any) -> dict[str, Argument[Any, Any]]:
    """The arguments of a layer that are not those of every layer, in today's order, those by name only last."""
    placed = in_order(layer._arguments)
    every = {*Layer._arguments} - {"activity_regularizer"}
    by_name = [name for name in layer._arguments if name not in placed and name not in every]
    return {name: layer._arguments[name] for name in (*placed, *by_name)}


def table(declared: dict[str, Argument[Any, Any]]) -> str:
    """A row an argument: its default and its place in each generation."""
    places = {}
    for name in _GENERATIONS:
        with release.meaning(name):
            places[name] = in_order(LSTM._arguments)
    rows = [["argument", "default", "other defaults", *(f"place, {words}" for words in _GENERATIONS.values())]]
    rows.append(["---"] * 3 + ["---:"] * 3)
    for name, argument in declared.items():
        standing = [str(places[each].index(name) + 1) if name in places[each] else "-" for each in _GENERATIONS]
        others = "; ".join(f"{words}: {code(default)}" for words, default in other_defaults(argument))
        rows.append([f"`{name}`", code(argument.default), others, *standing])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def other_defaults(argument: Argument[Any, Any]) -> list[tuple[str, Any]]:
    """The releases in which the default is not today's, in words, and what it is there."""
    given = [(words, argument.defaults[name]) for name, words in _GENERATIONS.items()]
    return [(words, default) for words, default in given if default != argument.default]


def code(default: Any) -> str:
    """A default as it is written in code."""
    return "-" if default is REQUIRED else f"`{default!r}`".replace("'", '"')


def default_line(argument: Argument[Any, Any]) -> str:
    """The default, and that of the releases that have another."""
    if argument.default is REQUIRED:
        return "none; it must be given."
    others = [f"{code(default)} in {words}" for words, default in other_defaults(argument)]
    return "; ".join([code(argument.default), *others]) + "."


def between(text: str, name: str, inside: str) -> str:
    """The text with what stands between `<!-- name -->` and `<!-- end -->` replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    changed, count = pattern.subn(lambda found: f"{found[1]}{inside}\n{found[2]}", text)
    if count != 1:
        raise ValueError(f"Expected one place for {name!r}, found {count}.")
    return changed


# -- what there is, and what not ---------------------------------------------------------------------------------------


def coming_page(text: str) -> str:
    """coming.md with its lists as they are."""
    text = between(text, "have", kinds())
    return between(text, "torch", torch())


def kinds() -> str:
    """A row for each kind of thing in Keras 3: how many of its names there are, and which are not."""
    rows = ["| of Keras's | there are | not here |", "| --- | ---: | --- |"]
    for kind in ("layers", "losses", "metrics", "optimizers", "callbacks"):
        have, lack = keras_names_of(kind)
        rows.append(f"| {kind} | {len(have)} | {' '.join(f'`{name}`' for name in lack) or 'none'} |")
    return "\n".join(rows)


def torch() -> str:
    """PyTorch's modules that `from_torch` makes layers of."""
    from gatewise.models.torch_chain import _MAKERS

    return " ".join(f"`{name}`" for name in _MAKERS)


def keras_names_of(kind: str) -> tuple[list[str], list[str]]:
    """The classes among the names that Kerases have had in a module: those that are here, and those that are not."""
    spec = importlib.util.spec_from_file_location("names_make", ROOT / "tools" / "names" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    names = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(names)
    have, lack = names.sorted_names(kind)
    return [name for name in have if name[0].isupper()], [name for name in lack if name[0].isupper()]


PAGES: Final[dict[str, Callable[[str], str]]] = {"arguments.md": arguments_page, "coming.md": coming_page}


def main() -> None:
    """Write the pages."""
    for name, write in PAGES.items():
        path = DOCS / name
        path.write_text(write(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
