"""All streams in one file, written while pushes go on.

The file is a zip archive, not compressed, which any tool opens:

- `gatewise.json`: what it is, its version, and how many pieces and streams there are;
- `streams/000000` and so on: pieces, each as `StreamPool.save` gives it and `StreamPool.load` takes it;
- `numbers/000000` and so on: JSON, how far the numbered pushes of the same streams had come, and their last answers.

A stream and its number are of one moment. Two streams may be of two moments, both while the file was written: so a
push waits for one piece at most, and not for the whole.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from gatewise.base.atomic import remove_leftovers, replacing
from gatewise.formats.zips import DAMAGED
from gatewise.serving.batching import Batcher
from gatewise.serving.http.streams import Streams

R = TypeVar("R")

_ABOUT: Final = "gatewise.json"
_WHAT: Final = "streams of gatewise serve"
_VERSION: Final = 1
PIECE_BYTES: Final = 4 << 20
"""About so much is copied between two batches of pushes: a millisecond or two."""


def write(path: str, streams: Streams, batcher: Batcher[Any, Any], loop: asyncio.AbstractEventLoop) -> tuple[int, int]:
    """Write all streams to a file, whole or not at all; for a thread beside the loop.

    Returns:
        How many streams and how many bytes there are.

    Raises:
        OSError: where the file cannot be written; what was there stays.
    """

    def in_turn(work: Callable[[], R]) -> R:
        return asyncio.run_coroutine_threadsafe(batcher.run(work), loop).result()

    ids = in_turn(streams.ids)
    step = max(1, PIECE_BYTES // max(1, streams.pool.state_bytes // max(1, len(ids))))
    total = 0
    with replacing(path) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            starts = range(0, len(ids), step)
            for number, start in enumerate(starts):
                count, states, numbers = in_turn(partial(streams.piece, ids[start : start + step]))
                archive.writestr(f"streams/{number:06}", states)
                archive.writestr(f"numbers/{number:06}", numbers)
                total += count
            about = {"what": _WHAT, "version": _VERSION, "pieces": len(starts), "streams": total}
            archive.writestr(_ABOUT, json.dumps(about))
        size = os.path.getsize(temporary)
    return total, size


def read(path: str, streams: Streams, *, other_weights: bool) -> int:
    """Take the streams of a file, all or none; how many there were.

    Raises:
        ValueError: a file that is damaged, something else, of another model, or of more streams than may live.
        OSError: where it cannot be read.
    """
    remove_leftovers(path)
    what = f"The snapshot {path!r}"
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read(_ABOUT)) if _ABOUT in archive.namelist() else {}
            if about.get("what") != _WHAT:
                raise ValueError("it is something else than the snapshot of a service.")
            if about.get("version") != _VERSION:
                raise ValueError(f"it is of version {about.get('version')}; this release reads version {_VERSION}.")
            pieces = (
                (archive.read(f"streams/{number:06}"), archive.read(f"numbers/{number:06}"))
                for number in range(about["pieces"])
            )
            streams.take(pieces, about["streams"], other_weights=other_weights)
    except FileNotFoundError:
        raise
    except (*DAMAGED, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(
            f"{what} cannot be taken: {error} Give another, or move it away to begin with no streams."
        ) from None
    return len(streams.pool)


class Hold:
    """The right to write a snapshot, held for as long as the process lives: two services would undo each other's.

    Raises:
        ValueError: another process has it.
    """

    def __init__(self, path: str) -> None:
        folder, name = os.path.split(os.path.realpath(path))
        self._path = os.path.join(folder, f".{name}.lock")
        while True:
            self._file = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._file)
                raise ValueError(
                    f"Another service has the snapshot {path!r}, and two would undo each other's: give each its own."
                ) from None
            if self._is_in_place():
                return
            os.close(self._file)  # Who had it took it away after we opened it: a third would lock another file.

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file), os.stat(self._path))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let others have it."""
        with suppress(OSError):
            os.unlink(self._path)
        os.close(self._file)
