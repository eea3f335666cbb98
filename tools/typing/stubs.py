"""Write what type checkers and editors are told of the constructors: stubs, from the declared arguments.

    python tools/typing/stubs.py

A class with declared arguments has no constructor that a type checker could read. So each public module of such classes
has a stub beside it, in which every class is itself, with its `inspect.signature` for a constructor. The names of `tf`,
which are found when they are asked for, are listed in one more. `tests/unit/arguments/test_signatures.py` holds them to
the code.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parents[2] / "src"
sys.path.insert(0, str(SOURCE))

from gatewise.arguments import Declared  # noqa: E402
from gatewise.layers import Layer  # noqa: E402

MODULES = ("gatewise.layers", "gatewise.optimizers")
AS_THEY_ARE = (Layer,)
"""Classes whose constructors say what they take, and which stand for all their kin."""
KNOWN = {"Callable": "collections.abc", "Sequence": "collections.abc", "Any": "typing", "Literal": "typing"}


class Stub:
    """The stub of one public module.

    Args:
        name: the module's.
    """

    def __init__(self, name: str) -> None:
        self.module = importlib.import_module(name)
        self.imports: set[tuple[str, str, str]] = set()
        self.names: dict[Any, str] = {}
        """The public classes, and the names that they have here."""
        for each, value in self._public():
            if isinstance(value, type) and (value not in self.names or value.__name__ == each):
                self.names[value] = each

    def _public(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self.module, name)) for name in sorted(dir(self.module)) if not name.startswith("_")]

    def text(self) -> str:
        """The whole stub."""
        parts = [part for name, value in self._public() if (part := self._part(name, value))]
        classes = sorted((part for part in parts if part.startswith("class")), key=self._depth)
        others = [part for part in parts if not part.startswith("class")]
        imports = sorted(
            f"from {home} import {name}" + f" as {local}" * (home not in KNOWN.values())
            for home, name, local in self.imports
        )
        doc = "# Made by tools/typing/stubs.py from the arguments that the classes declare.\n"
        return "\n".join([doc, "\n".join(imports), "", *classes, "\n".join(others)]).rstrip() + "\n"

    def _depth(self, part: str) -> tuple[int, str]:
        name = part.split()[1].partition("(")[0]
        return len(getattr(self.module, name).__mro__), name

    def _part(self, name: str, value: Any) -> str:
        if inspect.ismodule(value):
            self.imports.add((self.module.__name__, name, name))
        elif isinstance(value, type) and self.names[value] != name:
            return f"{name} = {self.names[value]}\n"
        elif isinstance(value, type) and issubclass(value, Declared) and value not in AS_THEY_ARE:
            return self._class(name, value)
        else:
            self.imports.add((value.__module__, getattr(value, "__name__", name), name))
        return ""

    def _class(self, name: str, cls: type) -> str:
        self.imports.add((cls.__module__, cls.__name__, f"_{name}"))
        bases = ", ".join([f"_{name}", *(self.names[base] for base in self._nearest(cls))])
        lines, by_place = [], True
        for parameter in inspect.signature(cls).parameters.values():
            if by_place and parameter.kind is parameter.KEYWORD_ONLY:
                lines.append("*,")
                by_place = False
            lines.append(f"{parameter.name}: {self._annotation(cls, parameter)}{_default(parameter)},")
        body = "".join(f"        {line}\n" for line in ["self,", *lines])
        return f"class {name}({bases}):\n    def __init__(\n{body}    ) -> None: ...\n"

    def _nearest(self, cls: type) -> Iterator[type]:
        """The public classes directly above a class: those that stand above another one of them are left out."""
        above = [base for base in cls.__mro__[1:] if base in self.names and base not in AS_THEY_ARE]
        yield from (base for base in above if not any(issubclass(other, base) for other in above if other is not base))

    def _annotation(self, cls: type, parameter: inspect.Parameter) -> str:
        text = "Any" if parameter.annotation is parameter.empty else str(parameter.annotation)
        names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
        homes = {name: _home(cls, name) for name in names if not hasattr(builtins, name)}
        if None in homes.values():
            raise SystemExit(f"{cls.__name__}.{parameter.name}: where does {text} come from?")
        self.imports |= {(str(home), name, name) for name, home in homes.items()}
        return text


def _home(cls: type, name: str) -> str | None:
    """The module that a name in an annotation comes from."""
    if name in KNOWN:
        return KNOWN[name]
    for module in [sys.modules[base.__module__] for base in cls.__mro__]:
        if name in vars(module):
            tree = ast.parse(inspect.getsource(module))
            froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
            found = [node.module for node in froms if any(alias.name == name for alias in node.names)]
            return found[0] if found else module.__name__
    return None


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return ""
    plain = isinstance(parameter.default, (str, int, float, type(None)))
    return f" = {parameter.default!r}".replace("'", '"') if plain else " = ..."


def names_of_tf() -> str:
    """The stub that lists what `import gatewise as tf` has beside Gatewise's own names."""
    import gatewise
    from gatewise.compat import tensorflow

    own = {*gatewise.__all__, "compat", "data", "random", "utils"}
    lines = [f"{name}: Any" for name in sorted(set(dir(tensorflow)) - own) if not name.startswith("_")]
    doc = "# Made by tools/typing/stubs.py: the names of `tf` beside `tf.keras`, each found when it is asked for."
    return "\n".join([doc, "", "from typing import Any", "", *lines, ""])


def made() -> dict[Path, str]:
    """The stubs, and where they stand."""
    found = {SOURCE / name.replace(".", "/") / "__init__.pyi": Stub(name).text() for name in MODULES}
    return {**found, SOURCE / "gatewise" / "compat" / "names_of_tf.pyi": names_of_tf()}


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text)
        print(path.relative_to(SOURCE.parent), len(text.splitlines()))
