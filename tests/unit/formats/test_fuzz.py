"""A short run of tools/fuzz, with all that ever was wrong: damaged files are refused in words, or read."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "tools" / "fuzz" / "run.py"


def test_a_short_run(tmp_path: Path) -> None:
    corpus = shutil.copytree(SCRIPT.parent / "corpus", tmp_path / "corpus")  # What is found is not kept.
    command = [sys.executable, str(SCRIPT), "500", "--corpus", str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
