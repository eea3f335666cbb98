"""The rooms of native/: a file names headers of its own room and of those before it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"
ORDER = ("base", "cells", "kernels", "threads", "recurrence", "stream", "python", "tests")
FILES = sorted(path.relative_to(NATIVE) for path in NATIVE.rglob("*") if path.suffix in {".h", ".cpp"})


def test_every_file_stands_in_a_room() -> None:
    assert {path.parts[0] for path in FILES} == set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_include_points_up(path: Path) -> None:
    named = re.findall(r'#include "([^"]+)"', (NATIVE / path).read_text())
    assert [name for name in named if not (NATIVE / name).is_file()] == []
    own = ORDER.index(path.parts[0])
    assert [name for name in named if ORDER.index(name.split("/")[0]) > own] == []
