"""Shards as actors of Ray, one each."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from gatewise import config
from gatewise.serving.cluster.shard import Act, Reply, Shard
from gatewise.serving.cluster.sharded import LostError, ShardedPool
from gatewise.serving.cluster.storage import Folder, Storage
from gatewise.streaming.compile import prepare

_MODEL: Final = "model"
"""The name in a storage of the model's file."""
_PATIENCE: Final = 120.0
"""Seconds that an actor may take to come back, on another machine where its own has gone."""


def ray_pool(
    model: Any,
    storage: Storage | str | os.PathLike[str],
    shards: int = 1,
    *,
    name: str = "gatewise",
    save_every: float = 5.0,
    cpus: float = 1.0,
) -> RayPool:
    """A pool of streams over actors of Ray; it is called as `model.stream_pool(capacity)` is.

    Args:
        model: a causal model, with weights; it is put into the storage, from where the actors load it.
        storage: where shards save themselves: a folder that all machines see, or anything with `get`, `put`, `delete`.
            Where it holds a pool already, that pool goes on, with the shards that it has.
        shards: how many actors there are to begin with; each serves its streams with the threads of `cpus`.
        name: the pool's: actors are called by it, and another process that gives it finds the same actors.
        save_every: seconds from one save of a shard to the next, where something has changed.
        cpus: the CPUs that Ray keeps for an actor.

    Ray starts an actor that has died anew, on another machine where it must; it comes back from its last save, and
    every client repeats the acts that no save holds. `pool.save()` has everything saved now.

    Raises:
        ValueError: where the storage holds the pool of another model: of other weights, or of other layers.
        ModuleNotFoundError: without Ray; `pip install gatewise[ray]`.
    """
    place = storage if not isinstance(storage, (str, os.PathLike)) else Folder(storage)
    _keep_model(model, place)
    return RayPool(name, place, shards, save_every, cpus)


class RayPool(ShardedPool):
    """A `ShardedPool` whose shards are actors of Ray; `ray_pool` makes one.

    It may be sent to Ray's tasks and actors: each has a client of its own there, on the same shards.
    """

    def __init__(self, name: str, storage: Storage, shards: int, save_every: float, cpus: float) -> None:
        self._made_of = (name, storage, shards, save_every, cpus)
        super().__init__(RayEngine(name, storage, save_every, cpus), storage, shards)

    def __reduce__(self) -> Any:
        return type(self), self._made_of


class RayEngine:
    """Starts, finds, calls and ends the actors of one pool; see `Engine`."""

    def __init__(self, name: str, storage: Storage, save_every: float, cpus: float) -> None:
        self._ray = _ray()
        if not self._ray.is_initialized():
            self._ray.init()
        self._name, self._storage, self._save_every, self._cpus = name, storage, save_every, cpus
        self._actors: dict[str, Any] = {}

    def start(self, shard: str) -> None:
        if shard in self._actors:
            return
        options = {"name": f"{self._name}/{shard}", "namespace": "gatewise", "lifetime": "detached"}
        actor = self._ray.remote(_Host).options(
            **options, get_if_exists=True, max_restarts=-1, max_task_retries=0, num_cpus=self._cpus
        )
        self._actors[shard] = actor.remote(shard, self._storage, self._save_every, max(1, int(self._cpus)))

    def stop(self, shard: str) -> None:
        actor = self._actors.pop(shard)
        with suppress(LostError):  # It has nothing to say that its saves do not.
            self.result(actor.call.remote("close"))
        self._ray.kill(actor)

    def call(self, shard: str, method: str, *arguments: Any) -> Any:
        actor = self._actors.get(shard)
        if actor is None:
            return None  # Another thread has stopped it.
        return actor.act.remote(*arguments) if method == "act" else actor.call.remote(method, *arguments)

    def result(self, pending: Any) -> Any:
        if pending is None:
            raise LostError("the shard has been stopped")
        errors = self._ray.exceptions
        try:
            return self._ray.get(pending)
        except errors.RayTaskError as error:
            cause = error.cause
            raise cause if isinstance(cause, Exception) else error from None
        except (errors.RayActorError, errors.ObjectLostError, errors.WorkerCrashedError) as error:
            raise LostError(str(error)) from error

    def revive(self, shard: str) -> None:
        """Wait for Ray to start the actor anew; one that it has given up is started by us.

        Raises:
            TimeoutError: where it does not come back.
        """
        deadline, last = time.monotonic() + _PATIENCE, ""
        while time.monotonic() < deadline:
            try:
                self.start(shard)
                self.result(self.call(shard, "acted", ""))
                return
            except LostError as error:
                last = str(error)
                if isinstance(error.__cause__, self._ray.exceptions.ActorDiedError):
                    self._actors.pop(shard, None)
                time.sleep(0.1)
        raise TimeoutError(f"Shard {shard!r} has not come back in {_PATIENCE:.0f} seconds. Ray says: {last}")


class _Host:
    """The actor: a shard, and the acts that have come while it was at the ones before, which go as one."""

    def __init__(self, name: str, storage: Storage, save_every: float, threads: int) -> None:
        config.threads = threads
        self._shard = Shard(_kept_model(storage), name, storage, save_every)
        self._waiting: list[tuple[Act, asyncio.Future[Reply]]] = []
        self._timer: asyncio.TimerHandle | None = None

    async def act(self, act: Act) -> Reply:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting.append((act, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._act_together)
        if self._timer is None:
            self._timer = loop.call_later(self._shard.save_every, self._save)
        return await future

    def _act_together(self) -> None:
        waiting, self._waiting = self._waiting, []
        replies = self._shard.act_together([act for act, _ in waiting])
        for (_, future), reply in zip(waiting, replies, strict=True):
            if future.done():  # Its caller has cancelled it; it was done all the same.
                continue
            if isinstance(reply, Exception):
                future.set_exception(reply)
            else:
                future.set_result(reply)

    def _save(self) -> None:
        """Save what has changed; a storage that fails is tried again, and the clients keep their acts meanwhile."""
        self._timer = None
        try:
            self._shard.save_if_due()
        except Exception:
            logging.getLogger("gatewise").exception("Shard %r could not be saved.", self._shard.name)
            self._timer = asyncio.get_running_loop().call_later(self._shard.save_every, self._save)

    async def call(self, method: str, *arguments: Any) -> Any:
        return getattr(self._shard, method)(*arguments)


def _keep_model(model: Any, storage: Storage) -> None:
    """Put the model into the storage; where one is there, it must say the same."""
    if storage.get(_MODEL) is None:
        storage.put(_MODEL, _with_file(lambda file: model.save(file) or file.read_bytes()))
        return
    kept = _kept_model(storage)
    ours, theirs = model.get_weights(), kept.get_weights()
    alike = len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs))
    if not alike:
        raise ValueError(f"{storage!r} holds the pool of a model with other weights than {model.label}: use another.")
    if prepare(model).header != prepare(kept).header:
        raise ValueError(f"{storage!r} holds the pool of a model with other layers than {model.label}: use another.")


def _kept_model(storage: Storage) -> Any:
    from gatewise.models import load_model

    data = storage.get(_MODEL)
    if data is None:
        raise ValueError(f"No model is in {storage!r}: the storage is not that of a pool on Ray.")
    return _with_file(lambda file: file.write_bytes(data) and load_model(file))


def _with_file(work: Callable[[Path], Any]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return work(Path(folder, "model.keras"))


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("A pool on Ray needs Ray: pip install 'gatewise[ray]'.") from error
    return ray
