"""Pushes of many callers made together: one call for all that wait, on one thread, in the order in which they came."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

__all__ = ["Batcher", "ClosedError", "FullError", "LateError"]

P = TypeVar("P")
A = TypeVar("A")
R = TypeVar("R")


class FullError(Exception):
    """More rows wait already than may wait; nothing was done."""


class LateError(Exception):
    """It waited for its turn longer than its patience; nothing was done."""


class ClosedError(Exception):
    """The service is stopping; nothing was done."""


@dataclass(eq=False)
class _Waiting(Generic[P]):
    """A push, or where `work` is there any other work, and the future of its caller."""

    item: P | None
    rows: int
    answer: asyncio.Future[Any]
    work: Callable[[], Any] | None = None
    since: float = field(default_factory=time.perf_counter)
    begun: bool = False


class Batcher(Generic[P, A]):
    """Gathers pushes on an event loop, and makes them together on a thread of its own.

    A batch begins when the thread is free, and the first push in it has waited `max_wait` or `max_rows` rows are there.
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
        seen: is told the rows of each batch, how long its first waited, and how long it took, in seconds.
    """

    def __init__(
        self,
        together: Callable[[Sequence[P]], Sequence[A | Exception]],
        *,
        max_wait: float = 0.0,
        max_rows: int = 1024,
        max_waiting: int = 1 << 20,
        seen: Callable[[int, float, float], None] | None = None,
    ) -> None:
        self._together = together
        self._max_wait = max_wait
        self._max_rows = max_rows
        self._max_waiting = max_waiting
        self._seen = seen
        self._queue: deque[_Waiting[P]] = deque()
        self._rows = 0
        self._busy = False
        self._timer: asyncio.Handle | None = None
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread = ThreadPoolExecutor(1, "gatewise-push")

    @property
    def waiting(self) -> int:
        """How many rows wait for their turn."""
        return self._rows

    async def push(self, item: P, rows: int, patience: float | None = None) -> A:
        """Have a push made with others, and give its answer.

        Args:
            item: what `together` will be given.
            rows: how many it has.
            patience: how long it may wait for its turn, in seconds.

        Raises:
            FullError, LateError, ClosedError: nothing was done.
            Exception: what `together` gave for it.
        """
        future = self._future()
        if self._rows + rows > self._max_waiting and self._queue:
            raise FullError(f"{self._rows} rows wait already, and at most {self._max_waiting} may")
        answer: A = await self._turn(_Waiting(item, rows, future), patience)
        return answer

    async def run(self, work: Callable[[], R], patience: float | None = None) -> R:
        """Do something else between batches, on the thread, and give what it gives; errors as for `push`."""
        answer: R = await self._turn(_Waiting(None, 0, self._future(), work), patience)
        return answer

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

    async def _turn(self, waiting: _Waiting[P], patience: float | None) -> Any:
        self._queue.append(waiting)
        self._rows += waiting.rows
        self._idle.clear()
        self._look()
        if patience is None:
            return await waiting.answer
        out_of_patience = asyncio.get_running_loop().call_later(patience, self._give_up, waiting, patience)
        try:
            return await waiting.answer
        finally:
            out_of_patience.cancel()

    def _give_up(self, waiting: _Waiting[P], patience: float) -> None:
        if not waiting.begun and not waiting.answer.done():  # Else its turn has come, and it will be answered.
            waiting.answer.set_exception(LateError(f"It waited {patience:g} s for its turn"))

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
        loop = asyncio.get_running_loop()
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
                first.begun = True
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
        begin = time.perf_counter()
        try:
            if batch[0].work is not None:
                return [batch[0].work()]
            answers = self._together([waiting.item for waiting in batch])  # type: ignore[misc]
        except Exception as error:
            return [error] * len(batch)
        if self._seen is not None:
            rows = sum(waiting.rows for waiting in batch)
            self._seen(rows, begin - batch[0].since, time.perf_counter() - begin)
        return answers
