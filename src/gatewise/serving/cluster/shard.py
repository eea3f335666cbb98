"""A shard: a pool that is saved, restored and moved as one thing. Plain Python, for every engine to host."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from gatewise.base.structure import flatten, map_structure
from gatewise.serving.cluster.placing import Placing
from gatewise.serving.cluster.saves import Chain, Save, Saver
from gatewise.serving.cluster.storage import Storage

PLACING: Final = "placing"
"""The name in a storage of the bytes that say which shards there are."""


CHANGE: Final = "change"
"""The name in a storage of the bytes that say who is adding or taking away a shard, and until when at most."""


_IDLE: Final = 3600.0
"""Seconds after which a client that has not acted gets its last reply no more, should it ask for it again."""


class StaleError(RuntimeError):
    """The caller knew another placing than the shard, or the shard's streams are about to move: ask anew, try again."""


class BusyError(RuntimeError):
    """Somebody else is adding or taking away a shard."""


class BehindError(RuntimeError):
    """The shard lacks acts of this client: it has come back from its last save. The client repeats them."""


@dataclass(frozen=True)
class Agreed:
    """What all live by, as it lies in the storage under `PLACING`."""

    placing: Placing
    acted: dict[str, dict[str, int]]
    """For each shard that was there before, and each client, how many acts were saved before streams moved."""

    def to_bytes(self) -> bytes:
        """As JSON."""
        placing = self.placing
        return json.dumps({"shards": placing.shards, "version": placing.version, "acted": self.acted}).encode()

    @classmethod
    def of(cls, storage: Storage) -> Agreed | None:
        """What lies in a storage, if anything does."""
        data = storage.get(PLACING)
        return None if data is None else cls(Placing.from_bytes(data), json.loads(data)["acted"])


class Act(NamedTuple):
    """One call of a client on a shard's pool. A client's acts on a shard are numbered from 1."""

    client: str
    number: int
    version: int
    """Of the placing by which the client chose this shard."""
    what: str
    """push, add, drop or reset."""
    ids: Any
    x: Any = None
    new: str = "error"


class Reply(NamedTuple):
    """What an act gave, and up to which number the client's acts outlive the shard's process."""

    outputs: Any
    saved: int


@dataclass
class _Client:
    """How far a client's acts have come, and what the last one gave: its reply may not have reached the client."""

    number: int = 0
    saved: int = 0
    outputs: Any = None
    seen: float = field(default_factory=time.monotonic)


class Shard:
    """The streams of a model that live in one process of a cluster.

    Args:
        model: a causal model, with weights.
        name: the shard's, in the placing and in the storage.
        storage: where it saves itself and where it comes back from. The placing must be there.
        save_every: seconds after which changes are saved by `save_if_due`.

    A shard begins where its last save left it. Acts that it has seen already, of a client that repeats what it had no
    reply to, do nothing and give what they gave; so an act that is repeated until it has a reply, after however many
    crashes, has acted exactly once. What was not saved when the process died is gone, unless the clients repeat it:
    `Reply.saved` says from where on they must keep it.
    """

    def __init__(self, model: Any, name: str, storage: Storage, save_every: float = 5.0) -> None:
        self.name, self.save_every = name, save_every
        self._storage = storage
        self.pool = model.stream_pool()
        self._saver, self._chain = Saver(self.pool), Chain(storage, f"shard-{name}")
        self._clients: dict[str, _Client] = {}
        self._lock = threading.RLock()
        self._writer = ThreadPoolExecutor(1, f"gatewise-shard-{name}")
        self._writing: Future[None] | None = None
        self._changed, self._broken, self._saved_at = False, False, time.monotonic()
        self._frozen_by, self._frozen_until = "", 0.0
        self._restore()

    def _restore(self) -> None:
        agreed = self._agreed()
        self.placing = agreed.placing
        note, outputs = self._saver.load(self._chain.read())
        for client, number in note.get("clients", {}).items():
            self._clients[client] = _Client(number, number, outputs.get(client))
        if not note:  # A shard of this name may have gone. Later, saves know more: who has left is not to come back.
            for client, number in agreed.acted.get(self.name, {}).items():
                self._clients[client] = _Client(number, number)
        if (change := self._storage.get(CHANGE)) is None:
            self._drop_what_moved()
            return
        # Streams are about to move. Which placing will hold is not known yet, so that nothing is dropped.
        self._frozen_by, until = json.loads(change)
        self._frozen_until = time.monotonic() + until - time.time()

    def _agreed(self) -> Agreed:
        agreed = Agreed.of(self._storage)
        if agreed is None:
            raise ValueError(f"Shard {self.name!r}: {self._storage!r} holds no placing: it is not a cluster's.")
        return agreed

    # -- acts -------------------------------------------------------------------------------------------------------

    def act(self, act: Act) -> Reply:
        """Carry out one act, as the pool does; it raises what the pool raises, and nothing has moved then.

        Raises:
            StaleError: the act was meant for another placing.
        """
        with self._lock:
            client = self._clients.get(act.client) or _Client()
            if act.number <= client.number:
                return Reply(client.outputs, client.saved)
            self._check(act, client)
            if act.what == "push":
                outputs = self.pool.push(act.ids, act.x, new=act.new)
            else:
                outputs = None
                getattr(self.pool, act.what)(act.ids)
            return self._done(act, client, outputs)

    def act_together(self, acts: list[Act]) -> list[Reply | Exception]:
        """Carry out acts in their order; pushes that stand beside each other go to the pool as one call."""
        replies: list[Reply | Exception] = []
        for group in _groups(acts):
            replies.extend(self._pushed(group) or [self._tried(act) for act in group])
        return replies

    def _pushed(self, acts: list[Act]) -> list[Reply | Exception] | None:
        """The replies to pushes of different clients, made as one push; None where they have to go one by one."""
        if len(acts) < 2:
            return None
        with self._lock:
            try:
                clients = [self._clients.get(act.client) or _Client() for act in acts]
                for act, client in zip(acts, clients, strict=True):
                    if act.number <= client.number:
                        return None
                    self._check(act, client)
                ids = [id_ for act in acts for id_ in listed(act.ids)]
                outputs = self.pool.push(ids, joined([act.x for act in acts]), new=acts[0].new)
            except Exception:
                return None  # Nothing has moved. By itself, the one that does not fit will say so.
            replies: list[Reply | Exception] = []
            start = 0
            for act, client in zip(acts, clients, strict=True):
                rows = slice(start, start := start + len(act.ids))
                replies.append(self._done(act, client, rows_of(outputs, rows)))
            return replies

    def _tried(self, act: Act) -> Reply | Exception:
        try:
            return self.act(act)
        except Exception as error:
            return error

    def _check(self, act: Act, client: _Client) -> None:
        """Refuse an act that cannot be carried out here, or not yet."""
        if act.version != self.placing.version or self._is_frozen():
            raise StaleError(f"shard {self.name!r} is at placing {self.placing.version}, the act at {act.version}")
        if act.number > client.number + 1:
            raise BehindError(f"shard {self.name!r} knows {client.number} acts of this client, not yet {act.number}")

    def _done(self, act: Act, client: _Client, outputs: Any) -> Reply:
        client.number, client.outputs, client.seen = act.number, outputs, time.monotonic()
        self._clients[act.client] = client
        self._changed = True
        return Reply(outputs, client.saved)

    def acted(self, client: str) -> int:
        """The number of the last act of a client that this shard has carried out."""
        with self._lock:
            return self._clients[client].number if client in self._clients else 0

    def leave(self, client: str) -> None:
        """Forget a client, which will act no more; the next save holds nothing of it."""
        with self._lock:
            self._changed |= self._clients.pop(client, None) is not None

    def _check_knows(self, client: str, number: int) -> None:
        if (known := self.acted(client)) < number:
            raise BehindError(f"shard {self.name!r} knows {known} acts of this client, not {number}")

    def ask(self, client: str, number: int, what: str, ids: Any = None) -> Any:
        """What the pool says without moving: its `len`, its `ids`, whether it `holds` ids, the `state` of some.

        Raises:
            BehindError: the shard lacks acts of the client, which has made so many.
        """
        with self._lock:
            self._check_knows(client, number)
            if what == "len":
                return len(self.pool)
            if what == "ids":
                return listed(self.pool.ids())
            if what == "holds":
                return [id_ in self.pool for id_ in listed(ids)]
            return getattr(self.pool, what)(ids)

    # -- saves ------------------------------------------------------------------------------------------------------

    def save(self, client: str = "", number: int = 0) -> None:
        """Save what has changed; it is in the storage when this returns.

        Raises:
            BehindError: the shard lacks acts of the client, which has made so many.
        """
        with self._lock:
            self._check_knows(client, number)
            writing = self._begin_save()
        writing.result()

    def save_if_due(self) -> bool:
        """Begin a save where `save_every` seconds have passed and something has changed. It is written beside the acts.

        Raises:
            OSError: or whatever the storage raised in the save before; the next save is whole.
        """
        with self._lock:
            if self._writing is not None and self._writing.done():
                writing, self._writing = self._writing, None
                writing.result()
            due = self._changed and time.monotonic() - self._saved_at >= self.save_every
            if not due or self._writing is not None:
                return False
            self._begin_save()
            return True

    def _begin_save(self) -> Future[None]:
        with self._lock:
            if self._broken:
                self._saver.whole_next()
            self._forget_old_replies()
            numbers = {name: client.number for name, client in self._clients.items()}
            outputs = {name: client.outputs for name, client in self._clients.items() if client.outputs is not None}
            save = self._saver.save({"clients": numbers}, outputs)
            self._changed, self._saved_at = False, time.monotonic()
            self._writing = self._writer.submit(self._write, save, numbers)
            return self._writing

    def _forget_old_replies(self) -> None:
        """Of clients that went without a word. Their numbers stay: one that lives all the same may repeat an act."""
        before = time.monotonic() - _IDLE
        for client in self._clients.values():
            if client.seen < before:
                client.outputs = None

    def _write(self, save: Save, numbers: dict[str, int]) -> None:
        """In the thread that writes, one save after the other. It takes no lock, as who waits for it may hold it."""
        try:
            if self._broken and not save.whole:
                raise OSError(f"Shard {self.name!r}: the save before this one has failed, and this one builds on it.")
            self._chain.write(save)
        except BaseException:
            self._broken = self._changed = True
            raise
        self._broken = False
        for name, number in numbers.items():
            if (client := self._clients.get(name)) is not None:
                client.saved = number

    # -- moving -----------------------------------------------------------------------------------------------------

    def freeze(self, by: str, seconds: float = 60.0) -> dict[str, int]:
        """Refuse acts for so long, or until `settle`, and save everything.

        Returns:
            For each client the number of the last act that has been carried out, and is saved.

        Raises:
            BusyError: somebody else has frozen the shard.
        """
        with self._lock:
            if self._is_frozen() and self._frozen_by != by:
                raise BusyError(f"Shard {self.name!r}: another client is adding or taking away a shard.")
            self._frozen_by, self._frozen_until = by, time.monotonic() + seconds
            numbers = {name: client.number for name, client in self._clients.items()}
        self.save()
        return numbers

    def _is_frozen(self) -> bool:
        if self._frozen_by and time.monotonic() > self._frozen_until:
            self.settle(self._agreed().placing)  # Whoever froze it has died: what is in the storage holds.
        return bool(self._frozen_by)

    def outgoing(self, placing: Placing) -> dict[str, bytes]:
        """The streams that live elsewhere by another placing: for each shard its, saved."""
        with self._lock:
            ids = listed(self.pool.ids())
            return {
                shard: self.pool.save([ids[row] for row in rows])
                for shard, rows in placing.rows(ids).items()
                if shard != self.name
            }

    def incoming(self, saved: list[bytes]) -> None:
        """Take streams of other shards, and save."""
        with self._lock:
            for data in saved:
                self.pool.load(data)
        self.save()

    def settle(self, placing: Placing) -> None:
        """Live by a placing: let go what is another's, and take acts again."""
        with self._lock:
            self.placing = placing
            self._drop_what_moved()
            self._frozen_by = ""
        if self.name in placing.shards:
            self.save()
        else:
            self._wait()
            self._chain.clear()

    def _drop_what_moved(self) -> None:
        ids = listed(self.pool.ids())
        gone = [ids[row] for shard, rows in self.placing.rows(ids).items() if shard != self.name for row in rows]
        if gone:
            self.pool.drop(gone)
            self._changed = True

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()

    def close(self) -> None:
        """Save, and end the thread that writes."""
        if self.name in self.placing.shards and self._changed:
            self.save()
        self._writer.shutdown()


def rows_of(tree: Any, rows: Any) -> Any:
    """Some rows of all arrays of a structure."""
    return map_structure(lambda array: array[rows], tree)


def listed(ids: Any) -> list[Any]:
    """Ids as a list of integers, strings and bytes."""
    if isinstance(ids, np.ndarray):
        found: list[Any] = ids.reshape(-1).tolist()
        return found
    return [ids] if isinstance(ids, (str, bytes, int, np.integer)) else list(ids)


def _groups(acts: list[Act]) -> list[list[Act]]:
    """Acts cut where they cannot be one push: each client once, all pushes, and alike in what they do with new ids."""
    groups: list[list[Act]] = []
    for act in acts:
        last = groups[-1] if groups else []
        fits = last and act.what == last[0].what == "push" and act.new == last[0].new
        if fits and all(act.client != other.client for other in last):
            last.append(act)
        else:
            groups.append([act])
    return groups


def joined(xs: list[Any]) -> Any:
    """Inputs of several pushes as those of one."""
    columns = [flatten(x) for x in xs]
    arrays = iter([np.concatenate(parts) for parts in zip(*columns, strict=True)])
    return map_structure(lambda _: next(arrays), xs[0])
