"""Build a wheel and try it as a newcomer without a compiler would: `make wheel [PYTHONS="python3.10 python3.13"]`.

For each interpreter the wheel goes to dist/, is installed into a new environment whose PATH has no compiler, and runs a
model from its layers to a stream there, on the native engine. A wheel for the stable ABI is built once and tried under
all interpreters that take it.
"""

from __future__ import annotations

import argparse
import email
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"

TRIAL = Path(__file__).with_name("trial.py")


def tags(python: str) -> list[str]:
    """Which interpreter tags a Python takes, the best first: its own, then those of the stable ABI."""
    minor = subprocess.check_output([python, "-c", "import sys; print(sys.version_info[1])"], text=True).strip()
    stable = ["cp312-abi3"] if int(minor) >= 12 else []
    return [*stable, f"cp3{minor}-cp3{minor}"]


def built(python: str) -> Path:
    """The wheel for a Python: one that an earlier interpreter of this run left, or a new one."""
    for tag in tags(python):
        if found := sorted(DIST.glob(f"gatewise-*-{tag}-*.whl")):
            return found[-1]
    with tempfile.TemporaryDirectory() as folder:
        pip = [_environment(python, Path(folder)), "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
        subprocess.run([*pip, "--no-deps", "--wheel-dir", str(DIST), str(ROOT)], check=True)
    return next(wheel for tag in tags(python) for wheel in sorted(DIST.glob(f"gatewise-*-{tag}-*.whl")))


def check_contents(wheel: Path) -> None:
    """The package and its types, nothing else; a description whose links lead somewhere."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        described = email.message_from_bytes(archive.read(metadata))
    outside = [name for name in names if not name.startswith(("gatewise/", metadata.rsplit("/", 1)[0]))]
    assert not outside, f"{wheel.name} holds what is no part of the package: {outside[:5]}"
    assert "gatewise/py.typed" in names, f"{wheel.name} has no py.typed"
    assert any("_native" in name and name.endswith(".so") for name in names), f"{wheel.name} has no engine"
    dead = re.findall(r"\]\((?!https?://)[^)]*\)", described.get_payload())
    assert not dead, f"{wheel.name}: links of the description that lead nowhere on a package's page: {dead[:5]}"


def check_install(python: str, wheel: Path) -> None:
    """Install the wheel where there is no compiler, and run the trial."""
    with tempfile.TemporaryDirectory() as folder:
        inside = _environment(python, Path(folder))
        alone = {**os.environ, "PATH": str(Path(inside).parent), "CC": "/nonexistent", "CXX": "/nonexistent"}
        alone.pop("PYTHONPATH", None)
        pip = [inside, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--only-binary", ":all:"]
        subprocess.run([*pip, str(wheel)], check=True, env=alone)
        subprocess.run([inside, str(TRIAL)], check=True, env=alone, cwd=folder)


def _environment(python: str, folder: Path) -> str:
    subprocess.run([python, "-m", "venv", str(folder / "env")], check=True)
    return str(folder / "env" / "bin" / "python")


def main() -> None:
    """Build and try, one interpreter after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pythons", nargs="*", default=[sys.executable])
    DIST.mkdir(exist_ok=True)
    for old in DIST.glob("gatewise-*.whl"):
        old.unlink()
    for python in parser.parse_args().pythons:
        wheel = built(python)
        check_contents(wheel)
        check_install(python, wheel)
        print(f"{python}: {wheel.name} ({wheel.stat().st_size / 1e6:.1f} MB)", flush=True)


if __name__ == "__main__":
    main()
