"""Short runs of tools/fuzz, with all that ever was wrong: damaged files are refused in words, or read."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "tools" / "fuzz" / "hdf5.py"


def test_a_short_run(tmp_path: Path) -> None:
    corpus = shutil.copytree(SCRIPT.parent / "corpus", tmp_path / "corpus")  # What is found is not kept.
    command = [sys.executable, str(SCRIPT), "100", "--seed", "0", "--corpus", str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_short_run_of_the_other_formats(tmp_path: Path) -> None:
    script = SCRIPT.with_name("formats.py")
    corpus = shutil.copytree(script.parent / "corpus_formats", tmp_path / "corpus")
    command = [sys.executable, str(script), "120", "--seed", "0", "--corpus", str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
