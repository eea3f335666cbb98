"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable


def replace(path: str | os.PathLike[str], write: Callable[[int], None]) -> None:
    """Let `write` fill a new file (it gets the descriptor), which then takes the place of `path`.

    Whenever the process is killed or the machine stops, `path` is the old file or the new one, whole.
    """
    target = os.path.abspath(os.fspath(path))
    directory, name = os.path.split(target)
    _clear(directory, name)
    file, temporary = _create(directory, name)
    try:
        write(file)
        os.fsync(file)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    finally:
        os.close(file)
    _sync_directory(directory)


def _create(directory: str, name: str) -> tuple[int, str]:
    """A new file that is locked, and so somebody's; and its path."""
    while True:
        path = os.path.join(directory, f".{name}.{secrets.token_hex(8)}.partial")
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file).st_nlink:
            return file, path
        os.close(file)  # Another process took it for a leftover before it was locked.


def _sync_directory(directory: str) -> None:
    """Bring a change of names to the disk."""
    place = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _clear(directory: str, name: str) -> None:
    """Remove what processes that were killed have left half written: files that nobody holds."""
    for each in os.listdir(directory):
        if not (each.startswith(f".{name}.") and each.endswith(".partial")):
            continue
        left = os.path.join(directory, each)
        with contextlib.suppress(OSError):
            file = os.open(left, os.O_WRONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(left)
            finally:
                os.close(file)
