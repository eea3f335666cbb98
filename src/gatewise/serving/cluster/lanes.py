"""What a client of shards keeps: its acts on each, and the replies put together again."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, Final

import numpy as np

from gatewise.base.structure import flatten, map_structure
from gatewise.base.typing import Array
from gatewise.serving.cluster.shard import Act, Reply

REFUSALS: Final = (ValueError, TypeError)
"""What a pool raises that refuses a call: nothing has moved, and the same call is refused again."""


class PartlyDoneError(ValueError):
    """A call failed on some shards and was carried out on others; `rows` says for which of its ids it was carried out.

    On each shard a call takes effect as a whole or not at all; over several it cannot. The error of the first shard
    that refused is the `__cause__`.
    """

    def __init__(self, message: str, rows: Array) -> None:
        super().__init__(message)
        self.rows = rows


class Lane:
    """What a client knows of its acts on one shard."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.number: int | None = 0
        """Of the last act; None where the shard has to be asked."""
        self.kept: deque[Act] = deque()
        """The acts that no save of the shard is known to hold."""
        self.kept_bytes = 0

    def acted(self, act: Act, reply: Reply) -> None:
        """Keep an act that has been carried out, and no more those that are saved."""
        self.number = act.number
        self.kept.append(act)
        self.kept_bytes += _bytes_of(act)
        while self.kept and self.kept[0].number <= reply.saved:
            self.kept_bytes -= _bytes_of(self.kept.popleft())

    def forget(self) -> None:
        """Keep nothing: all is saved."""
        self.kept.clear()
        self.kept_bytes = 0


def _bytes_of(act: Act) -> int:
    """About what an act takes in memory."""
    return 8 * len(act.ids) + sum(int(part.nbytes) for part in flatten(act.x) if part is not None)


class Merged:
    """The shards' outputs, put together in the order of the rows."""

    def __init__(self, rows: int) -> None:
        self.outputs: Any = None
        self.errors: list[Exception] = []
        self._done = np.zeros(rows, bool)
        self._refused = np.zeros(rows, bool)

    def fail(self, rows: Array, error: Exception) -> None:
        """Rows that were not carried out, and why."""
        self.errors.append(error)
        self._refused[rows] = isinstance(error, REFUSALS)

    def left(self) -> Array:
        """The rows that are still to be carried out: neither done, nor refused for good."""
        return np.flatnonzero(~(self._done | self._refused))

    def take(self, rows: Array, outputs: Any) -> None:
        self._done[rows] = True
        if outputs is None:
            return
        if self.outputs is None:
            count = len(self._done)
            self.outputs = map_structure(lambda y: np.empty((count, *y.shape[1:]), y.dtype), outputs)
        for target, made in zip(flatten(self.outputs), flatten(outputs), strict=True):
            target[rows] = made

    def raise_first(self, what: str) -> None:
        if not self.errors:
            return
        error = self.errors[0]
        if not self._done.any():
            raise error
        done, of = int(self._done.sum()), len(self._done)
        message = f"{what}: carried out for {done} of {of} rows, whose shards accepted it; another refused: {error}"
        raise PartlyDoneError(message, self._done) from error


def as_ids(ids: Any) -> Any:
    """Ids as an array of integers where they are such, else as a list."""
    if isinstance(ids, (int, str, bytes, np.integer)):
        return [ids]
    if isinstance(ids, np.ndarray):
        return ids.reshape(-1)
    return list(ids)


def as_columns(x: Any) -> Any:
    """Inputs as arrays; a list is several inputs where it holds arrays, else the rows of one."""
    if isinstance(x, (list, tuple)) and not all(hasattr(part, "__array__") for part in flatten(x)):
        return np.asarray(x)
    return map_structure(np.asarray, x)


def some_ids(ids: Any, rows: Array) -> Any:
    """The ids of some rows."""
    return ids[rows] if isinstance(ids, np.ndarray) else [ids[row] for row in rows]
