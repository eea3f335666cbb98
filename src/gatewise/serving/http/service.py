"""A service's life: its streams, the thread that pushes them, and what happens by the clock."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from gatewise.serving.batching import Batcher, ClosedError, FullError, LateError
from gatewise.serving.http import snapshots
from gatewise.serving.http.asking import Asking
from gatewise.serving.http.errors import Refused
from gatewise.serving.http.gate import rates_of
from gatewise.serving.http.interface import Interface
from gatewise.serving.http.metrics import Metrics
from gatewise.serving.http.settings import Settings
from gatewise.serving.http.streams import Answer, Push, Streams

log = logging.getLogger("gatewise.serving")

_SWEEPS: Final = 10
"""Streams that nobody pushes are looked for so many times in the time that they may live."""


class Service:
    """A model in service.

    Args:
        model: a causal model, with weights.
        settings: how.

    Raises:
        ValueError: a model that cannot stream; the message names the layer and says why.
    """

    def __init__(self, model: Any, settings: Settings) -> None:
        self.model = model
        self.settings = settings
        self.interface = Interface(model, settings.allow_nan)
        self.asking = Asking(self.interface, settings)
        pool = model.stream_pool(settings.streams, when_full=settings.when_full)
        self.streams = Streams(pool, self.interface, settings.streams, bounded=settings.when_full == "error")
        self.batcher: Batcher[Push, Answer] = Batcher(
            self.streams.push_together,
            max_wait=settings.max_wait,
            max_rows=settings.max_batch,
            max_waiting=settings.max_waiting,
            patience=settings.timeout,
            seen=self._batch,
        )
        self.metrics = Metrics(lambda: len(self.streams.pool), lambda: self.batcher.waiting)
        self.rates = rates_of(settings)
        self.ready = self._stopped = False
        self.trouble: str | None = None
        self._moved = False
        self._counted = 0
        self._began = time.monotonic()
        self._starting = asyncio.Lock()
        self._snapshotting = asyncio.Lock()
        self._clocks: list[asyncio.Task[None]] = []
        self._hold: snapshots.Hold | None = None

    # -- from start to stop ---------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take the last snapshot, and begin; once.

        Raises:
            ValueError, OSError: where the snapshot cannot be taken, or another service has it.
        """
        async with self._starting:
            if self.ready:
                return
            if self._stopped:
                raise _stopping()
            settings = self.settings
            if settings.snapshot is not None:
                await self._take(settings.snapshot)
            if settings.snapshot_every is not None:
                self._every(settings.snapshot_every, self._snapshot_where_moved)
            if settings.idle is not None:
                self._every(settings.idle / _SWEEPS, self._expire)
            self.ready = True

    async def _take(self, path: str) -> None:
        """Have the snapshot to oneself, and go on from it."""
        self._hold = snapshots.Hold(path)
        if not os.path.exists(path):
            return
        read = partial(snapshots.read, path, self.streams, other_weights=self.settings.other_weights)
        try:
            count = await self.batcher.run(read)
        except BaseException:
            self._hold.release()
            raise
        log.info("%d streams of the snapshot %r go on.", count, path)

    async def stop(self) -> None:
        """Take no more pushes, make those that came, and write the snapshot."""
        if not self.ready:
            return
        self.ready, self._stopped = False, True
        self.batcher.refuse()
        for clock in self._clocks:
            clock.cancel()
        try:
            if self.settings.snapshot is not None:
                await self.snapshot()
        finally:
            await self.batcher.close()
            if self._hold is not None:
                self._hold.release()

    def _every(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        self._clocks.append(asyncio.create_task(self._repeat(seconds, work)))

    @staticmethod
    async def _repeat(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except ClosedError:
                return
            except Exception:
                log.exception("What a service does by the clock failed, and is tried again in %g s.", seconds)

    async def _expire(self) -> None:
        assert self.settings.idle is not None
        gone = await self.batcher.run(partial(self.streams.drop_idle, self.settings.idle))
        self.metrics.expired.inc(len(gone))

    # -- snapshots ------------------------------------------------------------------------------------------------

    async def snapshot(self) -> dict[str, Any]:
        """Write the snapshot, and say what is in it: every push that was answered before this call is.

        Raises:
            Refused: the service has no file for it.
            OSError: it could not be written; the one before stays.
        """
        path = self.settings.snapshot
        if path is None:
            raise Refused(
                409,
                "no_snapshot_file",
                "The service keeps no snapshot.",
                hint="Start it with --snapshot FILE, or GET /streams/{id}/state.",
            )
        async with self._snapshotting:
            begin = time.perf_counter()
            self._moved = False
            loop = asyncio.get_running_loop()
            writing = asyncio.ensure_future(asyncio.to_thread(snapshots.write, path, self.streams, self.batcher, loop))
            try:
                count, size = await asyncio.shield(writing)
            except asyncio.CancelledError:
                self._moved = True
                await asyncio.wait([writing])  # The thread goes on, and must not replace what is written next.
                raise
            except BaseException as error:
                self._moved = True
                self.trouble = f"The last snapshot could not be written: {error}"
                self.metrics.snapshots.labels("failed").inc()
                raise
            self.trouble = None
            seconds = time.perf_counter() - begin
            self.metrics.snapshots.labels("written").inc()
            self.metrics.snapshot_time.set_to_current_time()
            self.metrics.snapshot_streams.set(count)
            self.metrics.snapshot_bytes.set(size)
            self.metrics.snapshot_seconds.set(seconds)
            return {"file": os.path.basename(path), "streams": count, "bytes": size, "seconds": round(seconds, 6)}

    async def _snapshot_where_moved(self) -> None:
        if self._moved:
            await self.snapshot()

    # -- pushes ---------------------------------------------------------------------------------------------------

    def _batch(self, rows: int, waited: float, took: float) -> None:
        moved = self.streams.moved
        self._moved |= moved > self._counted
        self.metrics.rows.inc(moved - self._counted)
        self._counted = moved
        self.metrics.batch(rows, waited, took)

    async def push(self, push: Push) -> Answer:
        """Have a push made; an error means that nothing has moved.

        Raises:
            Refused: in all cases that a client should hear of.
        """
        return await self.answer(self.submit(push))

    def submit(self, push: Push) -> asyncio.Future[Answer]:
        """Have a push made; `answer` waits for what the future has. Errors as for `push`."""
        try:
            return self.batcher.submit(push, len(push.ids))
        except (FullError, ClosedError) as error:
            raise _refused(error) from None

    async def answer(self, submitted: asyncio.Future[Answer]) -> Answer:
        """What a push was answered; errors as for `push`."""
        try:
            answer = await submitted
        except _ANSWERED as error:
            raise _refused(error) from None
        if answer.repeated:
            self.metrics.repeated.inc(len(answer.repeated))
        return answer

    async def in_turn(self, work: Callable[[], Any], *, moves: bool = False) -> Any:
        """Do something else with the streams, between pushes; errors as for `push`."""
        try:
            return await self.batcher.run(work)
        except _ANSWERED as error:
            raise _refused(error) from None
        finally:
            self._moved |= moves

    def health(self) -> dict[str, Any]:
        """How the service is."""
        return {
            "status": "ok" if self.ready else "stopped" if self._stopped else "starting",
            "ready": self.ready,
            "streams": len(self.streams.pool),
            "rows": self.streams.moved,
            "waiting": self.batcher.waiting,
            "seconds": round(time.monotonic() - self._began, 3),
            **({"trouble": self.trouble} if self.trouble else {}),
        }


_ANSWERED: Final = (FullError, LateError, ClosedError, ValueError, TypeError)
"""Errors that a client should hear of: the service has no place or time for it, or the model or the pool refuse it."""


def _refused(error: Exception) -> Refused:
    """What a client is told of one of them."""
    if isinstance(error, ClosedError):
        return _stopping()
    if isinstance(error, (FullError, LateError)):
        return Refused(
            503, "busy", f"{error}. Nothing has moved.", hint="Try again in a moment.", headers={"retry-after": "1"}
        )
    return Refused(422, "refused_by_model", str(error))


def _stopping() -> Refused:
    return Refused(
        503,
        "stopping",
        "The service is stopping. Nothing has moved.",
        hint="Try again when it is back.",
        headers={"retry-after": "1"},
    )
