"""Make the golden data of `tests/golden` from the real systems.

    python tools/golden/make.py [PART ...]

The parts are those of `PARTS`; with no names it makes all. It runs in the environment `.peers/tf`, which it creates
when missing (about 2 GB).
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENT = ROOT / ".peers" / "tf"
OUT = ROOT / "tests" / "golden"
PARTS = (
    "cases",
    "masks",
    "functions",
    "signatures",
    "files",
    "saved",
    "shards",
    "published",
    "peephole",
    "projected",
    "losses",
    "metrics",
    "optimizers",
    "curves",
    "callbacks",
    "fits",
    "mixed",
    "data",
    "tf",
    "tf1_rnn",
    "cells",
    "wrapped",
    "ops",
    "checkpoints",
    "spatial",
    "programs",
    "attention",
)


def inside_the_environment() -> None:
    """Run this script again under the environment's Python, with one TensorFlow thread and no chatter."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
    quiet = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        "KERAS_BACKEND": "tensorflow",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "GATEWISE_GOLDEN": "1",
    }
    os.execve(python, [str(python), __file__, *sys.argv[1:]], {**os.environ, **quiet})


def main(names: list[str]) -> None:
    unknown = set(names) - set(PARTS)
    if unknown:
        raise SystemExit(f"Unknown part {', '.join(sorted(unknown))}: expected some of {', '.join(PARTS)}.")
    if "GATEWISE_GOLDEN" not in os.environ:
        inside_the_environment()
    for name in names or PARTS:
        __import__(f"make_{name}").make(OUT)


if __name__ == "__main__":
    main(sys.argv[1:])
