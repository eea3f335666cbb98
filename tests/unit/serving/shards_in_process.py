"""Shards in this very process, as an engine whose processes can be killed at any call."""

from __future__ import annotations

import threading

from gatewise.serving.cluster.shard import Shard
from gatewise.serving.cluster.sharded import LostError


class Memory:
    """A storage that outlives the shards; `fails` lets the next so many puts fail."""

    def __init__(self):
        self.kept, self.fails = {}, 0

    def put(self, name, data):
        if self.fails:
            self.fails -= 1
            raise OSError("No space left on device")
        self.kept[name] = bytes(data)

    def get(self, name):
        return self.kept.get(name)

    def delete(self, name):
        self.kept.pop(name, None)


class Processes:
    """An engine. A shard that is killed loses all that is not in the storage; `die` says at which calls, and when.

    `die(shard, method)` gives "before", "after" or None: whether the process dies before it does what it was asked to,
    or after, when its answer is still under way.
    """

    def __init__(self, model, storage, save_every=1e9, die=lambda shard, method: None):
        self.model, self.storage, self.save_every, self.die = model, storage, save_every, die
        self.living, self.lives, self.lock = {}, 0, threading.Lock()

    def start(self, shard):
        with self.lock:
            if shard not in self.living:
                self.living[shard] = Shard(self.model, shard, self.storage, self.save_every)
                self.lives += 1

    def stop(self, shard):
        self.living.pop(shard).close()

    def kill(self, shard):
        self.living.pop(shard)._writer.shutdown()

    def call(self, shard, method, *arguments):
        when = self.die(shard, method)
        if shard in self.living and when == "before":
            self.kill(shard)
        if (process := self.living.get(shard)) is None:
            return LostError(shard), None
        try:
            answer = None, getattr(process, method)(*arguments)
        except Exception as error:
            answer = error, None
        if when == "after":
            self.kill(shard)
            return LostError(shard), None
        return answer

    def result(self, pending):
        error, value = pending
        if error is not None:
            raise error
        return value

    def revive(self, shard):
        self.start(shard)
