"""A pool that lives on many shards, from a client's side; it knows no engine, only how to call a shard."""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NoReturn, Protocol, TypeAlias

import numpy as np

from gatewise.base.structure import flatten, map_structure
from gatewise.base.typing import Array
from gatewise.serving.cluster.lanes import REFUSALS, Lane, Merged, as_columns, as_ids, some_ids
from gatewise.serving.cluster.placing import Placing
from gatewise.serving.cluster.shard import (
    CHANGE,
    PLACING,
    Act,
    Agreed,
    BehindError,
    BusyError,
    Reply,
    StaleError,
    rows_of,
)
from gatewise.serving.cluster.storage import Storage

_MOST_KEPT: Final = 256
"""Acts that a client keeps for a shard that has not saved them; then it has the shard save first."""
_MOST_BYTES: Final = 2**27
"""And so many bytes of their inputs and ids."""
_PATIENCE: Final = 60.0
"""Seconds that streams may be on the move, and that a call waits for them."""

_PAUSE: Final = 0.005
"""Seconds until it is asked again whether they have."""


class LostError(RuntimeError):
    """The process of a shard has died, or does not answer."""


_Call: TypeAlias = tuple[str, Any, Any, str]
"""What is called, for which ids, with which inputs, and what becomes of new ids."""

_Stale: TypeAlias = tuple[str, Act | None, Array]
"""A shard that lives by another placing, what it refused if anything was sent, and for which rows."""


class Engine(Protocol):
    """What runs the shards: it starts and stops them by name, and calls their methods."""

    def start(self, shard: str) -> None:
        """Start a shard, from its last save where there is one."""

    def stop(self, shard: str) -> None:
        """End a shard."""

    def call(self, shard: str, method: str, *arguments: Any) -> Any:
        """Begin to call a method of a shard; `result` gives what comes of it."""

    def result(self, pending: Any) -> Any:
        """What a call gave or raised.

        Raises:
            LostError: the shard's process has died.
        """

    def revive(self, shard: str) -> None:
        """Wait until a shard that was lost runs again, from its last save."""


class ShardedPool:
    """A pool over several shards, which is called like the pool of one process.

    Args:
        engine: what runs the shards.
        storage: the one that the shards save in.
        shards: how many there are to begin with, where the storage holds no pool yet; else the pool there is taken.

    A call goes to the shards that its ids live on, to all at the same time, and returns when the last has answered. On
    each it takes effect as a whole or not at all; where some refuse and some do not, a `PartlyDoneError` says which.

    The client keeps its acts until a save of the shard holds them. When a shard's process dies, it comes back from its
    last save, the client repeats the acts since, and the call that was under way goes on: nothing is lost while the
    client lives. When client and shard die together, what came after the last save is.

    It may be used from many threads: calls on different shards go side by side, calls on one wait for each other.
    """

    def __init__(self, engine: Engine, storage: Storage, shards: int = 1) -> None:
        self._engine, self._storage = engine, storage
        self._client = secrets.token_hex(8)
        agreed = Agreed.of(storage)
        if agreed is None:
            agreed = Agreed(Placing(tuple(str(k) for k in range(shards))), {})
            storage.put(PLACING, agreed.to_bytes())
        self._placing = placing = agreed.placing
        self._lanes: dict[str, Lane] = defaultdict(Lane)
        self._changing = threading.Lock()
        self._owed: deque[Act] = deque()
        """Acts that a shard has lost before its streams moved; they are made anew, on the shards of today."""
        for shard in placing.shards:
            engine.start(shard)

    # -- the pool's calls -------------------------------------------------------------------------------------------

    def push(self, ids: Any, x: Any, new: str = "error", out: Any = None) -> Any:
        """Advance streams by one step each, as `StreamPool.push` does; the outputs are the same bits.

        Raises:
            ValueError, TypeError: as there, where all shards refused; nothing has moved then.
            PartlyDoneError (a ValueError): where only some did.
        """
        one = isinstance(ids, (int, str, bytes, np.integer))
        listed = as_ids(ids)
        columns = as_columns(x)
        single = one and all(part.ndim == 1 for part in flatten(columns))
        if single:
            columns = map_structure(lambda part: part[None], columns)
        for part in flatten(columns):
            if part.ndim == 0 or len(part) != len(listed):
                raise ValueError(
                    f"push: a row for each of {len(listed)} ids is wanted, got an input of shape {part.shape}."
                )
        outputs = self._act("push", listed, columns, new)
        if single:
            outputs = map_structure(lambda y: y[0], outputs)
        if out is None:
            return outputs
        for target, made in zip(flatten(out), flatten(outputs), strict=True):
            target[...] = made
        return out

    def add(self, ids: Any) -> None:
        """Begin streams, from zeros."""
        self._act("add", as_ids(ids))

    def drop(self, ids: Any) -> None:
        """End streams."""
        self._act("drop", as_ids(ids))

    def reset(self, ids: Any) -> None:
        """Let streams start anew, from zeros."""
        self._act("reset", as_ids(ids))

    def __len__(self) -> int:
        return sum(self._ask_all("len"))

    def __contains__(self, id_: object) -> bool:
        def asked() -> bool:
            (shard,) = self._placing.rows([id_])
            return bool(self._asked(shard, "ask", *self._known(shard), "holds", [id_])[0])

        return bool(self._settled(asked))

    def ids(self) -> list[Any]:
        """The ids of all streams."""
        return [id_ for part in self._ask_all("ids") for id_ in part]

    def save(self) -> None:
        """Have all shards save now: what has been pushed outlives all processes when this returns."""
        self._settled(self._save)

    def _save(self) -> None:
        with self._all_lanes() as lanes:
            self._every({shard: ("save", *self._known(shard)) for shard in self._placing.shards})
            for lane in lanes.values():
                lane.forget()

    # -- acting -----------------------------------------------------------------------------------------------------

    def _act(self, what: str, ids: Any, x: Any = None, new: str = "error") -> Any:
        """An act on the shards of `ids`, and again on those whose streams have moved meanwhile."""
        merged = Merged(len(ids))
        left = np.arange(len(ids))
        deadline = time.monotonic() + _PATIENCE
        while True:
            placing = self._placing
            if self._owed:
                self._pay()
            stale = self._round(placing, left, (what, ids, x, new), merged)
            merged.raise_first(what)
            if not stale:
                return merged.outputs
            if time.monotonic() > deadline:
                waiting = sum(len(rows) for _, _, rows in stale)
                busy = BusyError(f"The shards of {waiting} rows have been moving for {_PATIENCE:.0f} seconds.")
                merged.fail(np.concatenate([rows for _, _, rows in stale]), busy)
                merged.raise_first(what)
            left = self._not_acted(self._look_again(placing), stale)

    def _round(self, placing: Placing, rows: Array, call: _Call, merged: Merged) -> list[_Stale]:
        """A call for some rows, on their shards; gives what shards refused that live by another placing."""
        what, ids, x, new = call
        parts = {shard: rows[chosen] for shard, chosen in placing.rows(some_ids(ids, rows)).items()}
        if not parts:
            parts = {placing.shards[0]: rows}  # No ids: a shard says what outputs of no rows look like.
        stale: list[_Stale] = []
        with ExitStack() as held:
            acts = {}
            for shard in sorted(parts):  # Always in this order, so that no two threads wait for each other.
                lane, chosen = self._lanes[shard], parts[shard]
                held.enter_context(lane.lock)
                try:
                    number = self._next(shard, lane)
                except StaleError:
                    stale.append((shard, None, chosen))
                    continue
                columns = None if x is None else rows_of(x, chosen)
                acts[shard] = Act(self._client, number, placing.version, what, some_ids(ids, chosen), columns, new)
            pending = {shard: (act, self._engine.call(shard, "act", act)) for shard, act in acts.items()}
            for shard, (act, waiting) in pending.items():
                try:
                    reply = self._reply(shard, act, waiting)
                except StaleError:
                    stale.append((shard, act, parts[shard]))
                except Exception as error:
                    merged.fail(parts[shard], error)
                else:
                    self._lanes[shard].acted(act, reply)
                    merged.take(parts[shard], reply.outputs)
        return stale

    @staticmethod
    def _not_acted(agreed: Agreed, stale: list[_Stale]) -> Array:
        """The rows, in their order, of acts that were refused.

        Raises:
            RuntimeError: where a shard that is no more had carried one out, and its reply died with it.
        """
        for shard, act, rows in stale:
            if act is None or shard in agreed.placing.shards:
                continue
            if act.number <= agreed.acted.get(shard, {}).get(act.client, 0):
                raise RuntimeError(
                    f"{act.what}: shard {shard!r} was taken away and died with its reply: {len(rows)} rows were "
                    f"carried out, and what they gave is lost."
                )
        return np.sort(np.concatenate([rows for _, _, rows in stale]))

    def _reply(self, shard: str, act: Act, waiting: Any) -> Reply:
        """The reply to an act; from the shard's next life where it has died."""
        while True:
            try:
                reply: Reply = self._engine.result(waiting)
            except (LostError, BehindError):
                self._repeat(shard)
                waiting = self._engine.call(shard, "act", act)
            else:
                if act.what == "push" and reply.outputs is None:
                    raise RuntimeError(f"Shard {shard!r} carried out a push, and what it gave is lost.")
                return reply

    def _repeat(self, shard: str) -> None:
        """Bring a shard that has come back to where it was: the acts that no save holds, once more."""
        lane, deadline = self._lanes[shard], time.monotonic() + _PATIENCE
        with lane.lock:
            while True:
                agreed = self._agreed()
                moved = agreed.placing.version > self._placing.version
                if moved and shard not in agreed.placing.shards:
                    raise StaleError(shard)
                try:
                    self._engine.revive(shard)
                    if moved:
                        return  # Its streams are elsewhere: `_look_again` makes the acts anew there.
                    number = self._told(shard, "acted", self._client)
                    again = [act for act in lane.kept if act.number > number]
                    if number + len(again) < (lane.number or 0):
                        raise RuntimeError(
                            f"Shard {shard!r} knows {number} acts of this client, which has made {lane.number} and "
                            f"keeps the last {len(again)}: the storage {self._storage!r} has lost what was saved in it."
                        )
                    for act in again:
                        self._again(shard, act)
                    return
                except LostError:
                    continue
                except StaleError:  # It came back in the midst of a move.
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(_PAUSE)

    def _again(self, shard: str, act: Act) -> None:
        """Make an act once more; one that is refused now leaves its number to an act that does nothing."""
        try:
            self._told(shard, "act", act)
        except REFUSALS as error:
            _say_lost(act, error)
            self._told(shard, "act", act._replace(what="drop", ids=[], x=None))

    def _next(self, shard: str, lane: Lane) -> int:
        """The number of the next act on a shard, once there is room to keep it."""
        if len(lane.kept) >= _MOST_KEPT or lane.kept_bytes >= _MOST_BYTES:
            self._asked(shard, "save", *self._known(shard))
            lane.forget()
        if lane.number is None:
            lane.number = int(self._asked(shard, "acted", self._client))
        return lane.number + 1

    def _agreed(self) -> Agreed:
        return Agreed.of(self._storage) or Agreed(self._placing, {})

    def _settled(self, question: Callable[[], Any]) -> Any:
        """What a question to shards gives, asked again where their streams have moved meanwhile."""
        while True:
            known = self._placing
            if self._owed:
                self._pay()
            try:
                return question()
            except StaleError:
                self._look_again(known)

    def _look_again(self, known: Placing) -> Agreed:
        """Learn the placing that holds now; where it is the one that was known, streams are about to move: wait.

        Before streams moved, their shards saved all acts; but one that had died and come back may have lacked some,
        and this client may not have noticed. Those are made anew, before any others.
        """
        agreed = self._agreed()
        placing = agreed.placing
        if placing.version <= known.version:
            time.sleep(_PAUSE)
            return agreed
        for shard in placing.shards:
            self._engine.start(shard)  # Where it runs already, this only finds it.
        with self._all_lanes() as lanes:
            if self._placing.version < placing.version:
                for shard, lane in lanes.items():
                    saved = agreed.acted.get(shard, {}).get(self._client, 0)
                    self._owed.extend(act for act in lane.kept if act.number > saved)
                    lane.forget()
                    lane.number = None  # A name may stand for another shard now.
                self._placing = placing
        return agreed

    def _pay(self) -> None:
        """Make the owed acts, in their order.

        What the pool refuses now is dropped, as it would be refused for ever; after any other error it stays owed.
        """
        with self._all_lanes():
            while self._owed:
                act, merged = self._owed[0], Merged(len(self._owed[0].ids))
                stale = self._round(self._placing, np.arange(len(act.ids)), (act.what, act.ids, act.x, act.new), merged)
                self._owed.popleft()
                if len(left := merged.left()):
                    columns = None if act.x is None else rows_of(act.x, left)
                    self._owed.appendleft(act._replace(ids=some_ids(act.ids, left), x=columns))
                for error in merged.errors:
                    if not isinstance(error, REFUSALS):
                        raise error
                    _say_lost(act, error)
                if stale:
                    self._look_again(self._placing)

    @contextmanager
    def _all_lanes(self) -> Iterator[dict[str, Lane]]:
        """All that is known of shards, with nothing under way."""
        with ExitStack() as held:
            lanes = {shard: self._lanes[shard] for shard in sorted(set(self._lanes) | set(self._placing.shards))}
            for lane in lanes.values():
                held.enter_context(lane.lock)
            yield lanes

    # -- asking -----------------------------------------------------------------------------------------------------

    def _told(self, shard: str, method: str, *arguments: Any) -> Any:
        return self._engine.result(self._engine.call(shard, method, *arguments))

    def _asked(self, shard: str, method: str, *arguments: Any) -> Any:
        """The same of a shard that may have died: of its next life, then."""
        while True:
            try:
                return self._told(shard, method, *arguments)
            except (LostError, BehindError):
                self._repeat(shard)

    def _known(self, shard: str) -> tuple[str, int]:
        """Who asks, and how many acts it has made, which the shard has to know of."""
        return self._client, self._lanes[shard].number or 0

    def _ask_all(self, what: str) -> list[Any]:
        def asked() -> list[Any]:
            return self._every({shard: ("ask", *self._known(shard), what) for shard in self._placing.shards})

        return list(self._settled(asked))

    def _every(self, calls: dict[str, tuple[Any, ...]]) -> list[Any]:
        """A call to each of several shards, all at once."""
        pending = {shard: self._engine.call(shard, *call) for shard, call in calls.items()}
        results = []
        for shard, waiting in pending.items():
            try:
                results.append(self._engine.result(waiting))
            except (LostError, BehindError):
                self._repeat(shard)
                results.append(self._asked(shard, *calls[shard]))
        return results

    # -- shards come and go -----------------------------------------------------------------------------------------

    @property
    def shards(self) -> tuple[str, ...]:
        """The names of the shards."""
        return self._placing.shards

    def add_shard(self, name: str | None = None) -> str:
        """Start one shard more, and move its share of the streams there; pushes meanwhile wait until that is done.

        Returns:
            Its name.

        Raises:
            BusyError: another client is adding or taking away a shard.
        """
        with self._changing:
            if name is None:
                taken = set(self._placing.shards)
                name = next(str(k) for k in range(len(taken) + 1) if str(k) not in taken)
            self._change(self._placing.with_shard(name))
            return name

    def remove_shard(self, name: str) -> None:
        """Move a shard's streams to the others, and end it; pushes meanwhile wait until that is done."""
        with self._changing:
            self._change(self._placing.without_shard(name))
            self._engine.stop(name)

    def _change(self, placing: Placing) -> None:
        """From one placing to the next: all shards stop and save, streams are copied, and then the new one holds.

        It holds from the moment when it is in the storage. A process that dies before comes back with the old one and
        all its streams, one that dies later with the new one; the copies that are too many are dropped in both cases.
        """
        before = self._agreed()
        if before.placing.version != self._placing.version:
            self._look_again(self._placing)
            raise BusyError(f"Another client has changed the shards: they are {list(self._placing.shards)} now.")
        everyone = tuple(dict.fromkeys((*before.placing.shards, *placing.shards)))
        fresh = set(placing.shards).difference(before.placing.shards)
        for shard in fresh:  # A process takes seconds to start: the others go on meanwhile.
            self._engine.start(shard)
            self._sure(shard, "acted", self._client)
        began = time.monotonic()
        try:
            self._announce()
        except BusyError:
            for shard in fresh:
                self._engine.stop(shard)
            raise
        try:
            acted = {shard: self._sure(shard, "freeze", self._client, _PATIENCE) for shard in everyone}
            moving: dict[str, list[bytes]] = defaultdict(list)
            for shard in before.placing.shards:
                for goal, data in self._sure(shard, "outgoing", placing).items():
                    moving[goal].append(data)
            for goal, data_of_goal in moving.items():
                self._sure(goal, "incoming", data_of_goal)
            if time.monotonic() - began > _PATIENCE / 2:
                raise TimeoutError(
                    f"Moving streams took more than {_PATIENCE / 2:.0f} seconds: they stay where they are."
                )
            self._storage.put(PLACING, Agreed(placing, before.acted | acted).to_bytes())
        except BaseException:
            self._settle(everyone, before.placing)
            for shard in fresh:
                self._engine.stop(shard)
            raise
        self._settle(everyone, placing)
        self._look_again(before.placing)

    def _sure(self, shard: str, method: str, *arguments: Any) -> Any:
        """What a shard says to a call that may be made twice, in whichever of its lives."""
        while True:
            try:
                return self._told(shard, method, *arguments)
            except LostError:
                self._engine.revive(shard)

    def _announce(self) -> None:
        """Say in the storage that shards come or go: one that dies and comes back meanwhile has to know."""
        if (change := self._storage.get(CHANGE)) is not None:
            by, until = json.loads(change)
            if by != self._client and time.time() < until:
                raise BusyError("Another client is adding or taking away a shard.")
        self._storage.put(CHANGE, json.dumps([self._client, time.time() + _PATIENCE]).encode())

    def _settle(self, shards: Iterable[str], placing: Placing) -> None:
        self._storage.delete(CHANGE)
        for shard in shards:
            self._sure(shard, "settle", placing)

    def leave(self) -> None:
        """Have all shards save, and forget this client; the shards go on, and a later call begins as a new client.

        It is for the end of a program or a task that is one client of many. No other thread may be in a call.
        """
        self.save()
        with self._all_lanes() as lanes:
            left, self._client = self._client, secrets.token_hex(8)
            for lane in lanes.values():
                lane.forget()
                lane.number = 0
            for shard in self._placing.shards:
                self._sure(shard, "leave", left)

    def close(self) -> None:
        """Have all shards save and end; a pool that is made over the same storage goes on from there."""
        self.leave()
        for shard in self._placing.shards:
            self._engine.stop(shard)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} cannot be pickled: make one in the other process, over the same storage.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.shards)} shards>"


def _say_lost(act: Act, error: Exception) -> None:
    logging.getLogger("gatewise").error(
        "A %s had been carried out and was lost with its shard; now that it is made again, it is refused, and it is "
        "dropped: %s",
        act.what,
        error,
    )
