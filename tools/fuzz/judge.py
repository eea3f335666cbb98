"""Whether a file was read as it must be: something of it, or an error of ours; soon, and in little memory."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

SECONDS = 5
"""Of processor time, for all that is done with one file."""
MOST_BYTES = 1 << 30
"""Beyond what the process had when it began."""
FOREIGN = ("object has no attribute", "AttributeError", "KeyError", "TypeError", "IndexError", "AssertionError",
           "not subscriptable", "not iterable", "unhashable", "RecursionError", "OverflowError",
           "MemoryError")  # fmt: skip
"""Words of Python's and of other libraries', which a message of ours has no room for."""


def complaint(path: Path, reads: tuple[Callable[[Path], object], ...]) -> tuple[str, bool]:
    """What is wrong with how a file is read, "" where nothing is; and whether the first of the ways gave something."""
    gave = False
    for number, read in enumerate(reads):
        try:
            read(path)
            gave = gave or number == 0
            continue
        except (ValueError, OSError) as error:
            said = str(error)
        except Exception as error:
            return f"{read.__name__}: {type(error).__name__}: {error}", gave
        if str(path) not in said:
            return f"{read.__name__} does not name the file: {said}", gave
        if found := [words for words in FOREIGN if words in said]:
            return f"{read.__name__} says {found[0]!r}: {said}", gave
    return "", gave


def memory() -> int:
    """The most bytes that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
