"""The files in the hands of the system's C compiler: their self test, built and run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

STRICT: Final = ("-std=c99", "-Wall", "-Wextra", "-Werror")
_LONGEST: Final = 300
"""Seconds for a compiler, or a test, after which something is wrong."""


def compiler() -> str | None:
    """The path of the C compiler: what the environment's CC says, or cc; None where there is none."""
    return shutil.which(os.environ.get("CC") or "cc")


def self_test(source: str | os.PathLike[str], name: str, *, cc: str, flags: Sequence[str] = ("-O2",)) -> str:
    """Compile a source with its self test inside, run that, and return what it printed.

    Args:
        source: the `.c`, beside its `.h`.
        name: the model's, with which all names begin.
        cc: the compiler.
        flags: for it, beside the strict ones.

    Raises:
        ValueError: where it does not compile, or its test fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "self_test")
        macro = f"-D{name.upper()}_SELF_TEST"
        command = [cc, *STRICT, *flags, macro, os.fspath(source), "-o", os.fspath(program), "-lm"]
        _run(command, f"{os.fspath(source)!r} does not compile")
        return _run([os.fspath(program)], f"{os.fspath(source)!r}: the self test fails")


def _run(command: list[str], trouble: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST, check=False)
    if done.returncode:
        raise ValueError(f"{trouble}: {(done.stdout + done.stderr).strip()}")
    return done.stdout.strip()
