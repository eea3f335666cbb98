"""The rule of imports: down the list of rooms in docs/architecture.md, never up, and no circle between modules.

Imports inside functions count like any others; those for type checkers alone may not go up either, but may close a
circle inside a room.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
APART = {"stand_ins", "moved"}  # Files that stand in for other modules; see compat/.


def rooms() -> list[str]:
    """The rooms, lowest first, as the table in docs/architecture.md has them from its end to its beginning."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text[text.index("## The house") : text.index("## How a call goes")]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", table, re.MULTILINE)
    return [name for row in reversed(rows) for name in reversed(re.findall(r"\w+", row))]


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted((SOURCE / "gatewise").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if not APART.intersection(parts):
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """The modules of ours that a file imports, and whether for type checkers alone."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = [node.args[0].value] if isinstance(node.args[0], ast.Constant) else []
        yield from ((name, id(node) in for_types) for name in names if name.split(".")[0] == "gatewise")


def test_every_module_has_a_place_in_the_list() -> None:
    order = rooms()
    assert len(order) == len(set(order)) > 15
    assert {room(module) for module in MODULES} - {"gatewise", "__main__"} == set(order)


@pytest.mark.parametrize("module", MODULES)
def test_no_import_goes_up(module: str) -> None:
    rank = {name: place for place, name in enumerate([*rooms(), "gatewise", "__main__"])}
    here = room(module)
    up = [name for name, _ in imports(MODULES[module]) if room(name) != here and rank[room(name)] > rank[here]]
    assert not up, f"{module} imports upward: {up}"


def test_there_is_no_circle() -> None:
    graph = {module: {name for name, types in imports(path) if not types} for module, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other in a circle: {' -> '.join(error.args[1])}")


def test_the_top_level_holds_public_modules_only() -> None:
    import gatewise as gw

    files = {path.stem for path in (SOURCE / "gatewise").glob("*.py")} - {"__init__", "__main__"}
    small = {"activations", "config", "constraints", "initializers", "random", "regularizers"}
    assert files - {"cli"} == small | {"dtype_policies", "mixed_precision"}
    assert files - {"cli", "random"} <= set(gw.__all__)
