"""Shards fed from a message log, Redis Streams: a partition, a shard and a pool are one.

The states lie in Redis beside the events. What a batch of events does to the streams, its outputs and the position in
the log become true in one transaction: so every event has acted exactly once, wherever a worker was killed.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from gatewise.base.structure import flatten
from gatewise.serving.cluster.placing import Placing
from gatewise.serving.cluster.saves import Saver, meant_ids, packed, said_ids, unpacked
from gatewise.serving.cluster.shard import joined, listed, rows_of
from gatewise.streaming.ids import plain

_START: Final = b"0-0"
"""The position before all events."""
_LEASE_MS: Final = 10_000
"""Milliseconds after which a worker that says nothing is taken for dead, and another may take its partition."""
_WHAT: Final = ("push", "drop", "reset")


class Scored(NamedTuple):
    """The outputs of one event: its position in the log, the ids of its rows, and what the model said of them."""

    position: str
    ids: list[Any]
    outputs: Any


class RedisLog:
    """Events for the streams of a model, in the partitions of a log, and the outputs that workers make of them.

    Args:
        redis: a client of the `redis` package that leaves bytes as they are, or a URL to connect to.
        name: what all keys begin with.
        partitions: how many; a log keeps the number that it was begun with.
        kept_outputs: about how many events' outputs stay readable in each partition.

    An event is a call: rows for some streams, or streams to `drop` or to `reset`. Streams begin with their first row.
    A partition's events act in the order in which they were sent. Events that have acted are deleted.

    That each acts exactly once holds for the events in the log. A producer whose connection breaks in a `push` cannot
    know whether its events are there; where it sends them again, they may be new ones, which act once more.

    Raises:
        ModuleNotFoundError: without the client; `pip install gatewise[redis]`.
    """

    def __init__(self, redis: Any, name: str = "gatewise", partitions: int = 1, kept_outputs: int = 100_000) -> None:
        self.redis = _redis().Redis.from_url(redis) if isinstance(redis, str) else redis
        self.name, self.kept_outputs = name, kept_outputs
        begun = Placing(tuple(str(k) for k in range(partitions)))
        self.redis.set(f"{name}:placing", begun.to_bytes(), nx=True)
        self._placing = Placing.from_bytes(self.redis.get(f"{name}:placing"))

    @property
    def partitions(self) -> tuple[str, ...]:
        """The partitions' names."""
        return self._placing.shards

    def key(self, partition: str, what: str) -> str:
        """The key of a partition's `events`, `outputs`, `refused` events, `position`, `states` or `worker`.

        The braces keep all keys of a partition on one machine of a Redis cluster, as a transaction needs them.
        """
        return f"{self.name}:{{{partition}}}:{what}"

    def push(self, ids: Any, x: Any) -> None:
        """Send a row for each id; what the model says of them can be read from `outputs` later."""
        self._send("push", listed(ids), x)

    def drop(self, ids: Any) -> None:
        """Have streams end, after what was sent before; those that are not there are left out."""
        self._send("drop", listed(ids))

    def reset(self, ids: Any) -> None:
        """Have streams start anew from zeros, after what was sent before; those that are not there are left out."""
        self._send("reset", listed(ids))

    def _send(self, what: str, ids: list[Any], x: Any = None) -> None:
        with self.redis.pipeline(transaction=False) as pipe:
            for partition, rows in self._placing.rows(ids).items():
                event: dict[str, str | bytes] = {"what": what, "ids": json.dumps(said_ids(ids[row] for row in rows))}
                if x is not None:
                    event["x"] = packed({"x": rows_of(x, rows)})
                pipe.xadd(self.key(partition, "events"), event)
            pipe.execute()

    def worker(self, partition: str, model: Any, batch: int = 1000) -> Worker:
        """What advances the streams of one partition; see `Worker`."""
        if partition not in self.partitions:
            raise ValueError(f"There is no partition {partition!r}; there are {list(self.partitions)}.")
        return Worker(self, partition, model, batch)

    def outputs(self, partition: str, after: str = "0-0") -> Iterator[Scored]:
        """The outputs that lie in a partition behind a position, in order, until there are no more."""
        while found := self.redis.xrange(self.key(partition, "outputs"), f"({after}", count=100):
            for position, event in found:
                after = position.decode()
                yield Scored(after, meant_ids(json.loads(event[b"ids"])), unpacked(event[b"y"])["y"])


class Worker:
    """Advances the streams of one partition by its events.

    Args:
        log: the log.
        partition: one of its partitions.
        model: a causal model, with weights; the same in all workers.
        batch: the most events that go into one push of the pool and one transaction.

    Start as many workers of a partition as you like, on as many machines: one holds its lease and works, the others
    stand by. Should two work at a time, because one was held up for longer than the lease, no harm is done: a
    transaction goes through only where the position is the one that its worker began from.

    An event that the pool refuses, for its shape or its kind, moves nothing and is put aside, with the reason.
    """

    def __init__(self, log: RedisLog, partition: str, model: Any, batch: int = 1000) -> None:
        self._log, self._redis, self._model, self._batch = log, log.redis, model, batch
        self.partition = partition
        self._keys = {
            what: log.key(partition, what) for what in ("events", "outputs", "refused", "position", "states", "worker")
        }
        self._token = secrets.token_hex(8).encode()
        self._loaded = False

    def run(self, seconds: float | None = None) -> None:
        """Work, or stand by, for so long; for ever without a number."""
        until = None if seconds is None else time.monotonic() + seconds
        while until is None or time.monotonic() < until:
            if not self._holds_lease():
                time.sleep(_LEASE_MS / 10_000)
            else:
                self.step(wait_ms=200)

    def _holds_lease(self) -> bool:
        key = self._keys["worker"]
        if self._redis.set(key, self._token, nx=True, px=_LEASE_MS):
            return True
        if self._redis.get(key) != self._token:
            self._loaded = False
            return False
        self._redis.pexpire(key, _LEASE_MS)
        return True

    def step(self, wait_ms: int | None = None) -> int:
        """Take the next batch of events and make it act.

        Args:
            wait_ms: how long to wait for events where there are none; not at all without a number.

        Returns:
            How many events have acted or were refused: 0 where there are none, or where another worker was faster.
        """
        if not self._loaded:
            self._load()
        found = self._redis.xread({self._keys["events"]: self._position}, self._batch, wait_ms)
        if not found:
            return 0
        events = found[0][1]
        self._loaded = False  # Until all is well: after an error the states are read anew.
        done = self._acted(events)
        self._loaded = self._committed(events[-1][0], done)
        return len(events) if self._loaded else 0

    def _load(self) -> None:
        self.pool = self._model.stream_pool()
        self._saver = Saver(self.pool)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(self._keys["position"])
            pipe.lrange(self._keys["states"], 0, -1)
            position, saves = pipe.execute()
        self._saver.load(saves)
        self._position: bytes = position or _START
        self._parts = max(0, len(saves) - 1)
        self._loaded = True

    def _acted(self, events: list[tuple[bytes, dict[bytes, bytes]]]) -> list[tuple[bytes, str, dict[str, Any]]]:
        """Let events act on the pool: for each that has something to say its position, the key and the fields."""
        done: list[tuple[bytes, str, dict[str, Any]]] = []
        together: list[tuple[bytes, list[Any], Any]] = []
        for position, event in events:
            refused = None
            try:
                what, ids, x = _read(event)
            except Exception as error:  # Whatever it is that somebody has sent, it must not stop the partition.
                refused = _refusal(event, error)
            if refused is None and what == "push":
                together.append((position, ids, x))
                continue
            done.extend(self._pushed(together))  # Positions go up in what is written too.
            together = []
            if refused is None:
                self._told(what, ids)
            else:
                done.append((position, "refused", refused))
        done.extend(self._pushed(together))
        return done

    def _told(self, what: str, ids: list[Any]) -> None:
        there = [id_ for id_ in dict.fromkeys(ids) if id_ in self.pool]
        getattr(self.pool, what)(there)

    def _pushed(self, pushes: list[tuple[bytes, list[Any], Any]]) -> list[tuple[bytes, str, dict[str, Any]]]:
        """Pushes as one call of the pool; one by one where that one is refused, to see which it is."""
        if not pushes:
            return []
        try:
            x = joined([x for _, _, x in pushes])
            made = self.pool.push([id_ for _, ids, _ in pushes for id_ in ids], x, new="add")
        except (ValueError, TypeError) as error:
            if len(pushes) > 1:
                return [entry for push in pushes for entry in self._pushed([push])]
            position, ids, x = pushes[0]
            said = {"what": "push", "ids": json.dumps(said_ids(ids)), "x": packed({"x": x}), "why": str(error)}
            return [(position, "refused", said)]
        outputs: list[tuple[bytes, str, dict[str, Any]]] = []
        start = 0
        for position, ids, _ in pushes:
            rows = slice(start, start := start + len(ids))
            said = {"ids": json.dumps(said_ids(ids)), "y": packed({"y": rows_of(made, rows)})}
            outputs.append((position, "outputs", said))
        return outputs

    def _committed(self, position: bytes, done: list[tuple[bytes, str, dict[str, Any]]]) -> bool:
        """Make it true in one transaction: outputs, states, position. False where another worker was faster."""
        keys = self._keys
        save = self._saver.save({})
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(keys["position"])
            if (pipe.get(keys["position"]) or _START) != self._position:
                return False
            pipe.multi()
            for event, what, said in done:
                pipe.xadd(keys[what], said, id=event, maxlen=self._log.kept_outputs, approximate=True)
            if save.whole:
                pipe.delete(keys["states"])
            pipe.rpush(keys["states"], save.data)
            pipe.set(keys["position"], position)
            pipe.xtrim(keys["events"], minid=_after(position), approximate=False)
            try:
                pipe.execute()
            except _redis().WatchError:
                return False
        self._position = position
        return True


def _read(event: dict[bytes, bytes]) -> tuple[str, list[Any], Any]:
    what = event[b"what"].decode()
    if what not in _WHAT:
        raise ValueError(f"An event is one of {', '.join(_WHAT)}, got {what!r}.")
    ids = meant_ids(json.loads(event[b"ids"]))
    if not_ids := [id_ for id_ in ids if plain(id_) is None]:
        raise TypeError(f"An id is an integer of 64 bits, a string or bytes, got {not_ids[0]!r}.")
    if what != "push":
        return what, ids, None
    x = unpacked(event[b"x"])["x"]
    for part in flatten(x):
        if part.ndim == 0 or len(part) != len(ids):
            raise ValueError(f"A row for each of {len(ids)} ids is wanted, got an input of shape {part.shape}.")
    return what, ids, x


def _refusal(event: dict[bytes, bytes], error: Exception) -> dict[Any, Any]:
    return {**event, b"why": f"{type(error).__name__}: {error}".encode()}


def _after(position: bytes) -> bytes:
    """The smallest position behind another."""
    time_, number = position.split(b"-")
    return b"%s-%d" % (time_, int(number) + 1)


def _redis() -> Any:
    try:
        import redis
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("A log in Redis needs its client: pip install 'gatewise[redis]'.") from error
    return redis
