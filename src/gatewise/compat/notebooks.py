"""A notebook's code, cell by cell: `gatewise run notebook.ipynb`."""

from __future__ import annotations

import ast
import json
import linecache
import re
import sys
from collections.abc import Iterator
from types import CodeType

_ALONE = re.compile(r"^(\s*)(?:[%!].*|[\w.]+\?{1,2}\s*)$")
"""A line for IPython and not for Python: a magic, a command for the shell, a question."""
_AROUND = ("%%time", "%%timeit", "%%capture", "%%prun")
"""Magics of a whole cell whose code runs all the same."""


class NotANotebookError(ValueError):
    """A file that says it is a notebook, and is none."""


def code_of(text: str, path: str) -> Iterator[CodeType]:
    """The code of a notebook's cells, in order; each is compiled when its turn comes.

    Lines for IPython alone are passed over, and said on the stream of errors. What a cell's last line gives is printed,
    as Python's prompt does it.

    Args:
        text: of the file.
        path: of the file, for tracebacks.

    Raises:
        NotANotebookError: for text that is no notebook of format 4.
    """
    return (code for number, source in enumerate(_cells(text, path), 1) for code in _compiled(source, path, number))


def _cells(text: str, path: str) -> list[str]:
    try:
        cells = json.loads(text)["cells"]
        return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        raise NotANotebookError(f"{path!r} is no notebook of format 4, as Jupyter writes them.") from None


def _compiled(source: str, path: str, number: int) -> Iterator[CodeType]:
    name = f"{path}[cell {number}]"
    source = _for_python(source, name)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    body = ast.parse(source, name).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    if last is not None and source.rstrip().endswith(";"):  # A notebook shows nothing then.
        body, last = [*body, last], None
    yield compile(ast.Module(body, []), name, "exec", dont_inherit=True)
    if last is not None:
        yield compile(ast.Interactive([last]), name, "single", dont_inherit=True)


def _for_python(source: str, name: str) -> str:
    """The source with the lines that are for IPython alone emptied, so that the others keep their numbers."""
    lines = source.splitlines()
    first = lines[0].strip() if lines else ""
    if first.startswith("%%") and first.split()[0] not in _AROUND:
        _say(name, first)
        return ""
    for place, line in enumerate(lines):
        found = _ALONE.match(line)
        if found:
            _say(name, line.strip())
            lines[place] = f"{found[1]}pass"
    return "\n".join(lines)


def _say(name: str, line: str) -> None:
    print(f"gatewise run: {name}: passed over: {line}", file=sys.stderr)
