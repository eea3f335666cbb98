"""Programs of an old TensorFlow find the names that NumPy had then; other programs do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_compat import RUN, program, started

PROGRAM = """
import numpy as np
names = ["int", "float", "object", "string_", "Inf", "alltrue", "bool", "long"]
print(*(name for name in names if name in vars(np)))
if hasattr(np, "int"):
    assert np.zeros(3, np.int).dtype == int and np.int is int and np.float is float
if hasattr(np, "string_"):
    assert np.string_(b"a") == b"a" and np.isinf(np.Inf) and np.alltrue([True])
assert np.bool is not bool
"""


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--tf", "1.14"], "int float object string_ Inf alltrue bool long"),
        (["--tf", "2.11.1"], "int float object string_ Inf alltrue bool long"),
        (["--tf", "2.12"], "string_ Inf alltrue bool long"),
        (["--tf", "2.18"], "bool long"),
        ([], "bool long"),
    ],
)
def test_names_by_version(options: list[str], found: str, tmp_path: Path) -> None:
    done = started([*RUN, *options, program(tmp_path, PROGRAM)], tmp_path, PYTHONWARNINGS="error")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == found.split()
