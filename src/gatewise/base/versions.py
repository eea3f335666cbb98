"""Which TensorFlow and which Keras a program is told that it has.

Under `import gatewise as tf`, `tf.__version__` is Gatewise's own. A program that `gatewise run` runs asks for a version
of TensorFlow with `--tf`, or gets the newest one that Gatewise is checked against.
"""

from __future__ import annotations

import os
import re
from typing import Final

from gatewise.base import release

NEWEST: Final = "2.21.0"
"""The TensorFlow that a program gets when it asks for none: the one that parity is checked against."""

ENVIRONMENT: Final = "GATEWISE_TF"
"""The variable that tells the processes of a program which version it asked for."""

# The Keras inside each TensorFlow, as its tf.keras.__version__ says: from which TensorFlow on, and which Keras.
_KERAS: Final[tuple[tuple[tuple[int, int], str], ...]] = (
    ((2, 16), "3.15.1"),
    ((2, 4), "2.{minor}.0"),
    ((2, 3), "2.4.0"),
    ((2, 2), "2.3.0-tf"),
    ((1, 13), "2.2.4-tf"),
    ((1, 9), "2.1.6-tf"),
    ((0, 0), "2.1.5-tf"),
)

_asked: str | None = None
_layers_from: str | None = None


def use(version: str) -> None:
    """Give names and defaults the meaning of that TensorFlow, in this process and those that it starts.

    Args:
        version: "1.14", "2.15.1".

    Raises:
        ValueError: something that is not a version of TensorFlow.
    """
    global _asked
    _asked = whole(version)
    os.environ[ENVIRONMENT] = _asked
    release.set_default(release.of_tensorflow(_asked))


def take_layers_from(address: str) -> None:
    """Note which of TensorFlow 2's two sets of Keras layers a program uses.

    Those of `tf.compat.v1.keras` have old defaults. Names have one meaning in a process, so the first set that a
    program asks for decides.

    Args:
        address: "tf.keras" or "tf.compat.v1.keras".

    Raises:
        ImportError: a program that uses both.
    """
    global _layers_from
    if release.of_tensorflow(tensorflow()) == "tf1":
        return  # There the two are one.
    if _layers_from not in (None, address):
        raise ImportError(
            f"This program takes Keras from {_layers_from} and from {address}. Their layers have different defaults, "
            f"and Gatewise gives a process one of them: use one of the two throughout."
        )
    _layers_from = address
    if address == "tf.compat.v1.keras":
        release.set_default("tf1")


def whole(version: str) -> str:
    """A version with its three numbers, as `tf.__version__` has it.

    >>> whole("1.14")
    '1.14.0'
    """
    if not re.fullmatch(r"[12](\.\d+){1,2}([.-]?\w+)*", version):
        raise ValueError(f"{version!r} is not a version of TensorFlow: expected one such as 1.14 or 2.15.1.")
    return version if version.count(".") >= 2 else f"{version}.0"


def tensorflow() -> str:
    """What `tf.__version__` says."""
    return _asked or NEWEST


def keras() -> str:
    """What `tf.keras.__version__` says: the Keras whose meaning names have.

    >>> keras()
    '3.15.1'
    """
    numbers = _numbers()
    return next(version for since, version in _KERAS if numbers >= since).format(minor=numbers[1])


def before(major: int, minor: int) -> bool:
    """Whether `tf.__version__` is older than that.

    >>> before(2, 16)
    False
    """
    return _numbers() < (major, minor)


def _numbers() -> tuple[int, int]:
    major, minor = tensorflow().split(".")[:2]
    return int(major), int(minor)
