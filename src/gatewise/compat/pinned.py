"""Which TensorFlow a program was written for, where its own files agree on it.

Weights alone carry no meaning of layers, and the program that loads them says `LSTM(n)`: what that means depends on
the TensorFlow of its time. Two witnesses stand beside the program: the requirements that pin TensorFlow or Keras, and
the versions that its model files say they were written by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from gatewise.base import release

REQUIREMENTS: Final = (
    "requirements.txt", "requirements/*.txt", "setup.py", "setup.cfg", "pyproject.toml", "Pipfile", "environment.yml",
    "*.egg-info/requires.txt",
)  # fmt: skip
MODELS: Final = ("*.h5", "*.hdf5", "*/*.h5", "*/*.hdf5")
_MOST_FILES: Final = 64  # Some programs keep thousands of models; the first ones tell.

_PIN: Final = re.compile(
    r"(?<![\w.-])(tensorflow(?:[-_](?:gpu|cpu))?|keras)\s*[\"']?\s*(==?|~=|<=|<)\s*[\"']?(\d+(?:\.\d+)*)", re.I
)

_BEGINNINGS: Final[dict[str, tuple[tuple[int, ...], ...]]] = {"tensorflow": ((2,), (2, 16)), "keras": ((2, 3), (3,))}
"""The versions with which the second and the third generation began."""

_LAST: Final[dict[release.Release, str]] = {"tf1": "1.15", "tf2": "2.15", "keras3": "2.21"}


class Agreed(NamedTuple):
    """A version of TensorFlow on which a program's files agree, and the words for it."""

    version: str
    why: str


def agreed(folder: Path) -> Agreed | None:
    """The TensorFlow that the files in a program's folder agree on; None where they do not say, or differ.

    Args:
        folder: of the program; its requirements are there or in the folder above.
    """
    pin = next((found for place in (folder, folder.parent) if (found := _pinned(place)) is not None), None)
    if pin is None:
        return None
    of, version, words = pin
    writers = list(_writers(folder))
    if not writers or any(of not in _generations(keras) for _, keras in writers):
        return None
    name, keras = writers[0]
    return Agreed(version, f"{words}, and {name} was written by Keras {keras}")


def _pinned(folder: Path) -> tuple[release.Release, str, str] | None:
    """The generation that requirements in `folder` hold the program to, a TensorFlow of it, and where it stands."""
    found: list[tuple[release.Release, str, str]] = []
    for path in (path for pattern in REQUIREMENTS for path in sorted(folder.glob(pattern)) if path.is_file()):
        for package, sign, version in _PIN.findall(path.read_text(errors="replace")):
            kind = "tensorflow" if package.lower().startswith("tensorflow") else "keras"
            numbers = tuple(map(int, version.split(".")))
            began = [first < numbers if sign == "<" else first <= numbers for first in _BEGINNINGS[kind]]
            of = release.RELEASES[sum(began)]
            exact = kind == "tensorflow" and sign != "<" and len(numbers) > 1
            found.append((of, version if exact else _LAST[of], f"{path.name} asks for {package}{sign}{version}"))
    return found[0] if len({of for of, _, _ in found}) == 1 else None


def _writers(folder: Path) -> Iterator[tuple[str, str]]:
    """The model files in `folder` and below, and the Keras that each says it was written by."""
    from gatewise.formats import open_contents

    paths = (path for pattern in MODELS for path in sorted(folder.glob(pattern)) if path.is_file())
    for path in islice(paths, _MOST_FILES):
        try:
            with open_contents(path) as contents:
                if contents.keras_version is not None:
                    yield path.name, contents.keras_version
        except (OSError, ValueError):
            continue  # What it is will be said where the program opens it.


def _generations(keras: str) -> tuple[release.Release, ...]:
    """The generations that write this version: TensorFlow 1.13 to 2.1 all said 2.2.4-tf."""
    return ("tf1", "tf2") if keras == "2.2.4-tf" else (release.of_keras(keras),)
