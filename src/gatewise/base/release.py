"""Which Keras a name is meant in.

Keras 1, 2 and 3 and TensorFlow 1 gave some names and defaults different meanings: `hard_sigmoid` is another
function in Keras 3, and a GRU of TensorFlow 1 resets its state before the matrix product. A program or a file is
read in the generation that wrote it; everything that differs between generations asks `current()`.

    tf1      TensorFlow 1.x's tf.keras, and Keras up to 2.2
    tf2      TensorFlow 2.0 to 2.15's tf.keras, tf_keras, and Keras 2.3 to 2.15
    keras3   Keras 3: what plain Gatewise code means
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Literal, TypeAlias, get_args

Release: TypeAlias = Literal["tf1", "tf2", "keras3"]

RELEASES: Final[tuple[Release, ...]] = get_args(Release)

# A contextvar set by a program's launcher must also hold in threads that the program starts, and a new thread starts
# with an empty context: hence a process-wide default under the context's own value.
_process: Release = "keras3"
_context: ContextVar[Release | None] = ContextVar("gatewise_release", default=None)


def current() -> Release:
    """The generation that names and defaults are read in.

    >>> current()
    'keras3'
    """
    return _context.get() or _process


@contextmanager
def meaning(release: Release) -> Iterator[None]:
    """Read names and defaults as `release` meant them, inside the `with` block.

    >>> with meaning("tf1"):
    ...     current()
    'tf1'
    """
    token = _context.set(checked(release))
    try:
        yield
    finally:
        _context.reset(token)


def set_default(release: Release) -> None:
    """Set the meaning for the whole process (what `gatewise run --tf` does)."""
    global _process
    _process = checked(release)


def of_keras(version: str) -> Release:
    """The generation of a `keras_version` as files hold it: "2.0.2", "2.2.4-tf", "2.11.0", "3.4.1".

    >>> [of_keras(v) for v in ("1.2.2", "2.2.4-tf", "2.3.0-tf", "2.15.0", "3.0.0")]
    ['tf1', 'tf1', 'tf2', 'tf2', 'keras3']
    """
    numbers = _numbers(version)
    if numbers < (2, 3):
        return "tf1"
    return "tf2" if numbers < (3,) else "keras3"


def of_tensorflow(version: str) -> Release:
    """The generation of a TensorFlow version: 2.16 is the first whose `tf.keras` is Keras 3.

    >>> [of_tensorflow(v) for v in ("1.14", "2.0.0", "2.15.1", "2.16")]
    ['tf1', 'tf2', 'tf2', 'keras3']
    """
    numbers = _numbers(version)
    if numbers < (2,):
        return "tf1"
    return "tf2" if numbers < (2, 16) else "keras3"


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    if not found:
        raise ValueError(f"{version!r} is not a version: expected numbers with dots, such as '2.2.4-tf' or '1.14'.")
    return tuple(int(part) for part in found.group().split("."))


def checked(release: Any) -> Release:
    """The release, or ValueError where it is none."""
    if release not in RELEASES:
        raise ValueError(f"Unknown release {release!r}: expected one of {', '.join(RELEASES)}.")
    return release  # type: ignore[no-any-return]
