"""Files that are written whole or not at all: every file that Gatewise makes is written here, and every folder.

A file is written under another name in the same folder, brought to the disk, and then given its name in one step. Who
reads the name finds the old file or the new one, whenever the writer was killed and whenever the power went. A folder
that takes the place of another exchanges names with it.

The writer holds a lock on the file under its other name. What nobody holds, a killed process has left: the next writer
of the same file removes it.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

_MARK: Final = ".part"
_TOKEN_BYTES: Final = 4
_HERE: Final = -100
_EXCHANGE: Final = 2
"""Linux's AT_FDCWD and RENAME_EXCHANGE."""
_LONGEST_NAME: Final = 255
"""Bytes in the name of a file, on the file systems in use."""
_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a link that leads in a circle",
}
"""What may lie in a file's place and is none."""


@contextmanager
def replacing(path: str | bytes | os.PathLike[str]) -> Iterator[Path]:
    """A context that gives a new, empty file to write, which takes the place of `path` when the block ends.

    The temporary file stands beside `path` and has the same suffixes. The permissions of a file that was there stay.
    Where `path` is a link, the file that it points to is replaced.

    Args:
        path: the file to make or to replace; its folder must exist.

    Raises:
        IsADirectoryError, FileExistsError: where something lies there that is no file, such as a folder or a pipe.
        OSError: where the folder takes no file. `path` is as it was then, as after an error in the block.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.txt")
    >>> with replacing(path) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> path.read_text()
    'whole'
    """
    check_replaceable(path)
    target = _real(path)
    with _beside(target, path, folder=False) as temporary:
        with suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        yield temporary
        _to_disk(temporary)
        os.replace(temporary, target)


@contextmanager
def replacing_folder(path: str | bytes | os.PathLike[str]) -> Iterator[Path]:
    """A context that gives a new, empty folder to fill, which takes the place of `path` when the block ends.

    What was there is deleted then, whatever it holds: ask before whether that may be. On systems that cannot exchange
    two names in one step (Linux can), the old folder is away for a moment.

    Args:
        path: the folder to make or to replace; the one that it stands in must exist.

    Raises:
        NotADirectoryError: where a file lies there.
        OSError: as `replacing`.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a")
    >>> with replacing_folder(path) as temporary:
    ...     _ = (temporary / "b.txt").write_text("whole")
    >>> (path / "b.txt").read_text()
    'whole'
    """
    target = _real(path)
    if os.path.lexists(target) and not target.is_dir():
        raise NotADirectoryError(f"{os.fsdecode(path)!r}: a folder was to be written, but this is none.")
    with _beside(target, path, folder=True) as temporary:
        yield temporary
        for each in (*temporary.rglob("*"), temporary):
            _to_disk(each)
        if not target.exists():
            os.rename(temporary, target)
        elif not _exchanged(temporary, target):
            _one_after_the_other(temporary, target)


@contextmanager
def _beside(target: Path, path: Any, folder: bool) -> Iterator[Path]:
    """A new file or folder beside the target, which is not there any more when the block ends."""
    remove_leftovers(target)
    temporary, held = _created(target, folder)
    try:
        yield temporary
    except OSError as error:
        if error.errno is not None and (error.filename is None or folder):
            error.filename = os.fsdecode(path)  # "No space left on device", but for which file.
        raise
    finally:
        _delete(temporary)
        os.close(held)
    _to_disk(target.parent)


def _exchanged(one: Path, other: Path) -> bool:
    """Give each of two folders the other's name, in one step; False where the system cannot."""
    import ctypes

    call = getattr(ctypes.CDLL(None), "renameat2", None)
    return call is not None and call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


def _one_after_the_other(temporary: Path, target: Path) -> None:
    old = temporary.with_name(f"{temporary.name}.old")
    os.rename(target, old)
    try:
        os.rename(temporary, target)
    except BaseException:
        os.rename(old, target)
        raise
    _delete(old)


def _delete(path: Path) -> None:
    """Delete a file, or a folder with what is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def check_replaceable(path: str | bytes | os.PathLike[str]) -> None:
    """Refuse a path at which something lies that is no file to replace; for writers that work long before they write.

    Raises:
        IsADirectoryError, FileExistsError: it is a folder; it is a pipe, a device, or whatever else is no file.
        PermissionError: a file that may not be written.
    """
    target = _real(path)
    try:
        found = target.lstat().st_mode
    except FileNotFoundError:
        return
    shown = os.fsdecode(path)
    if not stat.S_ISREG(found):
        kind = _KINDS.get(stat.S_IFMT(found), "no file")
        error = IsADirectoryError if stat.S_ISDIR(found) else FileExistsError
        raise error(f"{shown!r}: a file was to be written, but this is {kind}. Give the name of a file.")
    if not os.access(target, os.W_OK):
        raise PermissionError(f"{shown!r}: the file may not be written: its permissions are {stat.filemode(found)}.")


def remove_leftovers(path: str | bytes | os.PathLike[str]) -> None:
    """Delete what writers of `path` left beside it when they were killed; what someone is writing now stays."""
    target = _real(path)
    beginning, end = _around(target)
    left = re.compile(f"{re.escape(beginning)}[0-9a-f]{{{2 * _TOKEN_BYTES}}}{re.escape(end)}")
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(target.parent) as entries:
        for name in [entry.name for entry in entries if left.fullmatch(entry.name)]:
            _remove_unheld(target.with_name(name))


def _remove_unheld(file: Path) -> None:
    with suppress(OSError):
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _delete(file)
        finally:
            os.close(handle)


def _created(target: Path, folder: bool) -> tuple[Path, int]:
    """A new file or folder beside the target, and the descriptor by which this process holds it."""
    beginning, end = _around(target)
    while True:
        path = target.with_name(f"{beginning}{secrets.token_hex(_TOKEN_BYTES)}{end}")
        held = (
            _new_folder(path) if folder else os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        )  # Less umask.
        with suppress(OSError):  # Where a file system has no locks, nobody can take this one for a leftover either.
            fcntl.flock(held, fcntl.LOCK_EX)
        if os.fstat(held).st_nlink:
            return path, held
        os.close(held)  # Another process took it for a leftover before it was locked.


def _new_folder(path: Path) -> int:
    os.mkdir(path)
    return os.open(path, os.O_RDONLY)


def _around(target: Path) -> tuple[str, str]:
    """How the names of temporary files for a file begin and end."""
    end = "".join(target.suffixes)
    stem, end = target.name.removesuffix(end), f"{_MARK}{end}"
    room = _LONGEST_NAME - len(os.fsencode(f"..{end}")) - 2 * _TOKEN_BYTES
    return f".{os.fsdecode(os.fsencode(stem)[: max(0, room)])}.", end


def _real(path: str | bytes | os.PathLike[str]) -> Path:
    return Path(os.path.realpath(os.fsdecode(path)))


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
