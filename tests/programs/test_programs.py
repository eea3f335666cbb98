"""Programs after public reports of recurrent layers run unchanged under `gatewise run`, and find the right numbers.

Each stands in `unchanged/` with the report that it follows and the system that said its numbers, and fails by itself
where something is wrong.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).with_name("unchanged")
OPTIONS = {"masking_before_cudnn": ["--tf", "1.14"]}
PROGRAMS = sorted(path.stem for path in HERE.glob("*.py") if path.stem != "small")


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_finds_what_it_should(name: str) -> None:
    command = [sys.executable, "-m", "gatewise", "run", *OPTIONS.get(name, []), str(HERE / f"{name}.py")]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "right"


def test_every_option_is_a_programs() -> None:
    assert set(OPTIONS) < set(PROGRAMS)
    assert len(PROGRAMS) == 12
