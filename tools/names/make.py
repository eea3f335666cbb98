"""The public names of the Kerases: a data file that Gatewise reads, and the page that says which it has.

    python tools/names/make.py names   # src/gatewise/base/keras_names.txt, from the Kerases' wheels
    python tools/names/make.py page    # docs/names.md, from that file and the code

The wheels are fetched without dependencies and never run: their files are parsed. A name is public where a class, a
function or an alias of one stands at the top of a module without an underscore. Of Keras 3, whose modules are private,
only the files that make its public addresses count.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src"))

WHEELS = (
    "keras==2.0.9",
    "keras==2.2.5",
    "keras==2.3.1",
    "keras==2.6.0",
    "keras==2.12.0",
    "tf_keras==2.21.0",
    "keras==3.15.1",
)
"""Keras alone, old and last; what `tensorflow.python.keras` was, early and late; the last of Keras 2; Keras 3."""

PREFIXES = re.compile(r"^(keras|tf_keras)(\.(api\._v\d\.keras|_tf_keras\.keras|src))?(\.|$)")
"""What stands before a public address in the files of a wheel."""

INSIDE = re.compile(
    r"(^|\.)(_\w+|tests?|\w+_tests?|testing\w*|test_\w+|tools|protobuf|benchmarks|integration_test|distribute|dtensor|google"
    r"|feature_column|saved_model|premade_models|premade|mixed_precision\.\w+|keras_parameterized|version|docs|combinations|api"
    r"|estimator\.\w+|ctl|utils\.object_identity|\w+_benchmark\w*)(\.|$)"
)
"""Modules that no program imports: those of Keras's own work."""

PASSING = {"*", "keras_modules_injection", "layer_module"}
"""What files take from beside them for themselves."""


def make_names() -> None:
    """Write the data file: a line for each module, with its names."""
    from gatewise.base import keras_names

    found: dict[str, set[str]] = defaultdict(set)
    with tempfile.TemporaryDirectory() as folder:
        for wheel in WHEELS:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder]
            subprocess.run([*command, wheel], check=True)
        for path in sorted(Path(folder).glob("*.whl")):
            for module, names in modules(path):
                found[module] |= names
    lines = [f"{module}: {' '.join(sorted(names))}".rstrip() for module, names in sorted(found.items())]
    keras_names.FILE.write_text("\n".join([f"# Made by tools/names/make.py from {', '.join(WHEELS)}.", *lines, ""]))


def modules(wheel: Path) -> Iterator[tuple[str, set[str]]]:
    """The public modules in a wheel, below `keras`, and their public names."""
    is_keras3 = "keras-3" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith(".py") or (is_keras3 and not name.startswith("keras/_tf_keras/keras/")):
                continue
            address = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            module = PREFIXES.sub("", address)
            if INSIDE.search(module):
                continue
            text = archive.read(name).decode()
            names = set(public(ast.parse(text), name.endswith("/__init__.py")))
            if module or name.endswith("__init__.py"):
                yield module, names


def public(tree: ast.Module, is_package: bool) -> Iterator[str]:
    """The public names of a file: what it defines, and what a package takes from its own modules."""
    for node in tree.body:
        names = []
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names = [node.name]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif (
            isinstance(node, ast.ImportFrom)
            and is_package
            and (node.level or str(node.module).startswith(("keras", "tf_keras")))
        ):
            names = [alias.asname or alias.name for alias in node.names]
        yield from (name for name in names if name not in PASSING and not name.startswith("_"))


def make_page() -> None:
    """Write the page."""
    (ROOT / "docs" / "names.md").write_text(page())


def page() -> str:
    """The page: for each module of Keras, which of its names Gatewise has."""
    from gatewise.base import keras_names

    public = {module: sorted_names(module) for module in keras_names.modules() if is_public(module)}
    old = {module: sorted_names(module) for module in keras_names.modules() if not is_public(module)}
    parts = [HEAD, counts(public, old)]
    for module, (have, only) in public.items():
        parts.append(f"## `keras.{module}`".replace(".`", "`") + "\n")
        parts += [
            f"{words}: {' '.join(f'`{name}`' for name in names)}\n"
            for words, names in (("Have", have), ("Importable only", only))
            if names
        ]
    return "\n".join(parts)


def is_public(module: str) -> bool:
    """Whether programs of today may import from the module: it is ours, or absent as a whole and at most two deep."""
    from gatewise.base import keras_names

    home = keras_names.home(module)
    return home == module or (home is None and module.count(".") < 1)


def sorted_names(module: str) -> tuple[list[str], list[str]]:
    """The names of a module that are here, and those that can only be imported."""
    from gatewise.base import keras_names
    from gatewise.base.absent import Absent, keras_module

    found = keras_module(module) if module else __import__("gatewise.keras", fromlist=["keras"])
    here, only = [], []
    for name in sorted(keras_names.modules()[module], key=lambda each: (each.lower(), each)):
        place = f"{module}.{name}".lstrip(".")
        if place in keras_names.modules():
            (here if keras_names.home(place) is not None else only).append(name)
        else:
            scope: dict[str, object] = {"found": found}
            (only if isinstance(eval(f"found.{name}", scope), Absent) else here).append(name)
    return here, only


def counts(public: dict[str, tuple[list[str], list[str]]], old: dict[str, tuple[list[str], list[str]]]) -> str:
    """The table: how many names of each module are here."""
    rows = [
        f"| `keras.{module}` | {len(have)} | {len(only)} |".replace(".`", "`")
        for module, (have, only) in public.items()
    ]
    sums = [sum(len(each[kind]) for each in old.values()) for kind in (0, 1)]
    rows.append(f"| {len(old)} modules of older Kerases | {sums[0]} | {sums[1]} |")
    return "\n".join(["| module | have | importable only |", "| --- | ---: | ---: |", *rows, ""])


HEAD = """# Which of Keras's names Gatewise has

The names are those of Keras 2.0, 2.2, 2.3, 2.6, 2.12, of tf_keras 2.21 and of Keras 3.15, under any of their
addresses: `keras`, `tensorflow.keras`, `tf_keras`, `tensorflow.python.keras`. **Have** works. **Importable only** can
be imported, stand in `isinstance` and be subclassed; it says that it is not here when it is called, and `hasattr` does
not find it. `tools/names/make.py page` makes this page, and a test holds it to the code.
"""


if __name__ == "__main__":
    for part in sys.argv[1:] or ["names", "page"]:
        {"names": make_names, "page": make_page}[part]()
