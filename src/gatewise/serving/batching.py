"""Pushes of many callers made together: one call for all that wait, on one thread, in the order in which they came."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

__all__ = ["Batcher", "ClosedError", "FullError", "LateError"]

_SHORT: Final = 0.002
"""Seconds: a batch that should take no longer is made on the loop. Most of it is Python, which no other thread could
run beside it, and to hand it to the thread and back costs a tenth of that."""

_GRAIN: Final = 0.001
"""Seconds: a timer may be early by so much."""

P = TypeVar("P")
A = TypeVar("A")
R = TypeVar("R")


class FullError(Exception):
    """More rows wait already than may wait; nothing was done."""


class LateError(Exception):
    """It waited for its turn longer than its patience; nothing was done."""


class ClosedError(Exception):
    """The service is stopping; nothing was done."""


@dataclass(eq=False, slots=True)
class _Waiting(Generic[P]):
    """A push, or where `work` is there any other work, and the future of its caller."""

    item: P | None
    rows: int
    answer: asyncio.Future[Any]
    work: Callable[[], Any] | None = None
    since: float = field(default_factory=time.perf_counter)


class Batcher(Generic[P, A]):
    """Gathers pushes on an event loop, and makes them together: on a thread of its own, or at once where that is quick.

    A batch begins when no other is under way, and its first push has waited `max_wait` or `max_rows` rows are there.
    What comes while a batch is under way is in the next: under load a batch is as large as the time of the one before
    lets it become, and `max_wait` of 0 costs a lonely caller nothing.

    All of it takes its turn: pushes, and whatever else `run` is given, begin in the order in which they came, one after
    the other. Who is cancelled or loses patience before his turn has done nothing; once a batch has begun, its pushes
    are made, whether their callers still wait or not.

    Args:
        together: makes pushes, on the thread, and gives an answer or an exception for each.
        max_wait: how long the first of a batch waits for others, in seconds.
        max_rows: how many rows are enough to begin; a push of more is a batch alone.
        max_waiting: how many rows may wait; more is a FullError.
        patience: how long a push or other work may wait for its turn, in seconds; longer is a LateError.
        seen: is told the rows of each batch, how long its first waited, and how long it took, in seconds.
    """

    def __init__(
        self,
        together: Callable[[Sequence[P]], Sequence[A | Exception]],
        *,
        max_wait: float = 0.0,
        max_rows: int = 1024,
        max_waiting: int = 1 << 20,
        patience: float | None = None,
        seen: Callable[[int, float, float], None] | None = None,
    ) -> None:
        self._together = together
        self._max_wait = max_wait
        self._max_rows = max_rows
        self._max_waiting = max_waiting
        self._patience = patience
        self._seen = seen
        self._queue: deque[_Waiting[P]] = deque()
        self._rows = 0
        self._busy = False
        self._seconds_a_row = float("inf")
        self._timer: asyncio.Handle | None = None
        self._late: asyncio.Handle | None = None
        self._refusing = self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread = ThreadPoolExecutor(1, "gatewise-push")

    @property
    def waiting(self) -> int:
        """How many rows wait for their turn."""
        return self._rows

    def submit(self, item: P, rows: int) -> asyncio.Future[A]:
        """Have a push made with others; the future of its answer, which who gives up cancels.

        Args:
            item: what `together` will be given.
            rows: how many it has.

        Raises:
            FullError, ClosedError: nothing was done, as where the future has a LateError. It may have what `together`
                gave, too.
        """
        if self._refusing:
            raise ClosedError("The service is stopping.")
        waiting: _Waiting[P] = _Waiting(item, rows, self._future())
        if self._rows + rows > self._max_waiting and self._queue:
            raise FullError(f"{self._rows} rows wait already, and at most {self._max_waiting} may")
        self._enqueue(waiting)
        return waiting.answer

    async def push(self, item: P, rows: int) -> A:
        """`submit`, and wait for the answer."""
        return await self.submit(item, rows)

    async def run(self, work: Callable[[], R]) -> R:
        """Do something else between batches, on the thread, and give what it gives; errors as for `submit`."""
        waiting: _Waiting[P] = _Waiting(None, 0, self._future(), work)
        self._enqueue(waiting)
        answer: R = await waiting.answer
        return answer

    def refuse(self) -> None:
        """Take no more pushes, but other work: a snapshot after this has all pushes that are ever answered."""
        self._refusing = True

    async def close(self) -> None:
        """Take no more, and wait until all that was taken is done."""
        self._closed = True
        await self._idle.wait()
        self._thread.shutdown(wait=False)

    # -- on the loop --------------------------------------------------------------------------------------------------

    def _future(self) -> asyncio.Future[Any]:
        if self._closed:
            raise ClosedError("The service is stopping.")
        return asyncio.get_running_loop().create_future()

    def _enqueue(self, waiting: _Waiting[P]) -> None:
        self._queue.append(waiting)
        self._rows += waiting.rows
        self._idle.clear()
        if self._patience is not None and self._late is None:
            self._late = asyncio.get_running_loop().call_later(self._patience, self._give_up)
        self._look()

    def _give_up(self) -> None:
        """Let those go who have waited for too long; all have the same patience, so that the first loses it first."""
        assert self._patience is not None
        self._late = None
        now = time.perf_counter()
        while self._queue:
            if (rest := self._queue[0].since + self._patience - now) > _GRAIN:
                self._late = asyncio.get_running_loop().call_later(rest, self._give_up)
                return
            waiting = self._queue.popleft()
            self._rows -= waiting.rows
            if not waiting.answer.done():
                waiting.answer.set_exception(LateError(f"It waited {self._patience:g} s for its turn"))
        if not self._busy:
            self._idle.set()

    def _look(self) -> None:
        """Begin a batch, or see to it that one begins."""
        if self._busy:
            return
        while self._queue and self._queue[0].answer.done():
            self._rows -= self._queue.popleft().rows
        if not self._queue:
            self._idle.set()
            return
        first = self._queue[0]
        rest = first.since + self._max_wait - time.perf_counter()
        if (rest <= 0 and self._max_wait) or first.work or self._rows >= self._max_rows:
            self._begin()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            # Without a wait a batch is what the loop has read by the end of this turn.
            self._timer = loop.call_later(rest, self._begin) if self._max_wait else loop.call_soon(self._begin)

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._busy:
            return
        batch = self._taken()
        if not batch:
            self._look()
            return
        self._busy = True
        rows = sum(waiting.rows for waiting in batch)
        loop = asyncio.get_running_loop()
        if batch[0].work is None and rows * self._seconds_a_row <= _SHORT:
            loop.call_soon(self._finished, batch, self._do(batch))  # Others have their turn before the next batch.
            return
        self._thread.submit(self._do, batch).add_done_callback(
            lambda done: loop.call_soon_threadsafe(self._finished, batch, done.result())
        )

    def _taken(self) -> list[_Waiting[P]]:
        """The next batch: pushes up to `max_rows`, or one other piece of work."""
        batch: list[_Waiting[P]] = []
        rows = 0
        while self._queue:
            first = self._queue[0]
            if not first.answer.done():
                if batch and (first.work or rows + first.rows > self._max_rows):
                    break
                batch.append(first)
                rows += first.rows
            self._queue.popleft()
            self._rows -= first.rows
            if first.work and batch:
                break
        return batch

    def _finished(self, batch: list[_Waiting[P]], answers: Sequence[Any]) -> None:
        self._busy = False
        for waiting, answer in zip(batch, answers, strict=True):
            if waiting.answer.done():  # Its caller went away; it was done all the same.
                continue
            if isinstance(answer, Exception):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)
        self._look()

    # -- on the thread ------------------------------------------------------------------------------------------------

    def _do(self, batch: list[_Waiting[P]]) -> Sequence[Any]:
        begin, used = time.perf_counter(), time.thread_time()
        try:
            if batch[0].work is not None:
                return [batch[0].work()]
            answers = self._together([waiting.item for waiting in batch])  # type: ignore[misc]
        except Exception as error:
            return [error] * len(batch)
        rows = sum(waiting.rows for waiting in batch)
        self._seconds_a_row = (time.thread_time() - used) / max(1, rows)
        if self._seen is not None:
            self._seen(rows, begin - batch[0].since, time.perf_counter() - begin)
        return answers
