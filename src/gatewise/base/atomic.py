"""Files that are written whole or not at all.

A file is written under another name in the same folder, brought to the disk, and then given its name in one step. Who
reads the name finds the old file or the new one, whenever the writer was killed and whenever the power went.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_MARK: Final = ".part"


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A context that gives a new, empty file to write, which takes the place of `path` when the block ends.

    The temporary file stands beside `path` and has the same suffixes. The permissions of a file that was there stay.
    Where `path` is a link, the file that it points to is replaced.

    Args:
        path: the file to make or to replace; its folder must exist.

    Raises:
        OSError: where the folder takes no file. `path` is as it was then, as after an error in the block.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.txt")
    >>> with replacing(path) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> path.read_text()
    'whole'
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{path}: a file was to be written, but this is a folder.")
    beginning, end = _around(target)
    temporary = target.with_name(f"{beginning}{secrets.token_hex(4)}{end}")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # Others' rights are the umask's.
    try:
        with suppress(FileNotFoundError):
            temporary.chmod(target.stat().st_mode)
        yield temporary
        _to_disk(temporary)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _to_disk(target.parent)


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Delete what writers of `path` left beside it when they were killed. Nobody else may be writing it now."""
    target = Path(os.path.realpath(path))
    beginning, end = _around(target)
    if target.parent.is_dir():
        for file in target.parent.iterdir():
            if file.name.startswith(beginning) and file.name.endswith(end):
                file.unlink(missing_ok=True)


def _around(target: Path) -> tuple[str, str]:
    """How the names of temporary files for a file begin and end."""
    end = "".join(target.suffixes)
    return f".{target.name.removesuffix(end)}.", f"{_MARK}{end}"


def _to_disk(path: Path) -> None:
    """Have the system write a file or a folder's list of names; some systems cannot for folders."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(handle)
