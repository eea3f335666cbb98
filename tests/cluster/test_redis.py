"""Streams fed from Redis Streams, on a server of our own: `make test-cluster`. Workers are killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import redis

import gatewise as gw
from gatewise.serving.cluster import RedisLog

IDS = [*range(30), "pump", "7", b"7", b"\xff\x00"]
FEATURES = 4

WORKER = """
import sys, gatewise as gw
from gatewise.serving.cluster import RedisLog
url, partition, path = sys.argv[1:]
RedisLog(url, "killed").worker(partition, gw.models.load_model(path), batch=7).run(seconds=120)
"""


@pytest.fixture(scope="module")
def model():
    gw.utils.set_random_seed(1)
    return gw.Sequential([gw.Input((None, FEATURES)), gw.layers.LSTM(6, return_sequences=True), gw.layers.Dense(2)])


@pytest.fixture
def log(url):
    log = RedisLog(url, f"log{random.random()}", partitions=2)
    yield log
    for key in log.redis.scan_iter(f"{log.name}:*"):
        log.redis.delete(key)


class Singles:
    """What single streams say to the same events."""

    def __init__(self, model):
        self.model, self.streams, self.said = model, {}, {}

    def push(self, ids, x):
        for id_, row in zip(ids, x, strict=True):
            if id_ not in self.streams:
                self.streams[id_] = self.model.stream()
            self.said.setdefault(id_, []).append(self.streams[id_].push(row))

    def drop(self, ids):
        for id_ in ids:
            self.streams.pop(id_, None)

    def reset(self, ids):
        for id_ in ids:
            if id_ in self.streams:
                self.streams[id_].reset()


def said_by(log):
    """All outputs, by id, in order; each position once."""
    said = {}
    for partition in log.partitions:
        positions = []
        for position, ids, outputs in log.outputs(partition):
            positions.append(position)
            for id_, row in zip(ids, outputs, strict=True):
                said.setdefault(id_, []).append(row)
        assert len(positions) == len(set(positions))
    return said


def check(log, singles):
    said = said_by(log)
    assert set(said) == set(singles.said)
    for id_, rows in singles.said.items():
        np.testing.assert_array_equal(np.array(said[id_]), np.array(rows), err_msg=repr(id_))


def some_events(seed, count):
    chance, rng = random.Random(seed), np.random.default_rng(seed)
    for _ in range(count):
        ids = chance.choices(IDS, k=chance.randrange(1, 9))
        what = chance.choices(["push", "drop", "reset"], [20, 1, 1])[0]
        yield what, ids, rng.normal(size=(len(ids), FEATURES)).astype("float32")


def send(log, singles, event):
    what, ids, x = event
    arguments = (ids, x) if what == "push" else (ids,)
    getattr(log, what)(*arguments)
    getattr(singles, what)(*arguments)


def drain(log, model):
    for partition in log.partitions:
        worker = log.worker(partition, model)
        while worker.step():
            pass


def test_outputs_are_those_of_single_streams(log, model):
    singles = Singles(model)
    for event in some_events(0, 80):
        send(log, singles, event)
    drain(log, model)
    check(log, singles)
    assert all(log.redis.xlen(log.key(partition, "events")) == 0 for partition in log.partitions)


def test_each_event_acts_once_though_workers_are_killed(url, model, tmp_path):
    """Two workers a partition, of which one is killed with -9 every now and then and started again."""
    path = tmp_path / "model.keras"
    model.save(path)
    log, singles, chance = RedisLog(url, "killed", partitions=2), Singles(model), random.Random(5)

    def start(partition):
        return subprocess.Popen([sys.executable, "-c", WORKER, url, partition, str(path)])

    workers = [(partition, start(partition)) for partition in log.partitions for _ in range(2)]
    kills = 0
    try:
        for number, event in enumerate(some_events(1, 600)):
            send(log, singles, event)
            time.sleep(0.01)
            if number % 40 == 39:
                busy = {log.redis.get(log.key(partition, "worker")) for partition in log.partitions}
                assert busy
                place = chance.randrange(len(workers))
                partition, process = workers[place]
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                kills += 1
                workers[place] = partition, start(partition)
        until = time.monotonic() + 60
        while any(log.redis.xlen(log.key(p, "events")) for p in log.partitions) and time.monotonic() < until:
            time.sleep(0.2)
    finally:
        for _, process in workers:
            process.kill()
            process.wait()
    assert kills == 15
    check(log, singles)


def test_two_workers_at_once_do_no_harm(log, model):
    """As if a lease had run out: both work, in turn and at the same time; what one began in vain acts once."""
    singles = Singles(model)
    events = list(some_events(2, 120))
    one, two = log.worker("0", model, batch=3), log.worker("0", model, batch=2)
    for event in events[:60]:
        send(log, singles, event)
        chosen = random.Random(str(event[1])).choice([one, two])
        chosen.step()
    threads = [threading.Thread(target=lambda w=w: [w.step() for _ in range(150)]) for w in (one, two)]
    for event in events[60:]:
        send(log, singles, event)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain(log, model)
    check(log, singles)


def test_a_crash_at_any_command(log, model):
    """The connection breaks before or after the transaction: the worker that comes next goes on rightly."""
    singles, chance = Singles(model), random.Random(3)

    class Breaking(redis.client.Pipeline):
        def execute(self, raise_on_error=True):
            when = chance.choice(["never", "before", "after"])
            if when == "before":
                raise redis.ConnectionError("before")
            result = super().execute(raise_on_error)
            if when == "after":
                raise redis.ConnectionError("after")
            return result

    class Client(redis.Redis):
        def pipeline(self, transaction=True, shard_hint=None):
            return Breaking(self.connection_pool, self.response_callbacks, transaction, shard_hint)

    broken = RedisLog(Client(connection_pool=log.redis.connection_pool), log.name)
    workers = [broken.worker(partition, model, batch=2) for partition in log.partitions]
    crashes = 0
    for event in some_events(4, 60):
        send(log, singles, event)
        for worker in workers:
            try:
                worker.step()
            except redis.ConnectionError:
                crashes += 1
    assert crashes > 20
    drain(log, model)
    check(log, singles)


def test_bad_events_are_put_aside(log, model):
    singles = Singles(model)
    x = np.ones((2, FEATURES), "float32")
    send(log, singles, ("push", [1, 2], x))
    log.push([1, 2, 3], np.ones((3, FEATURES + 1), "float32"))
    for partition in log.partitions:
        log.redis.xadd(log.key(partition, "events"), {"what": "exec", "ids": "[1]"})
        log.redis.xadd(log.key(partition, "events"), {"nothing": "useful"})
        log.redis.xadd(log.key(partition, "events"), {"what": "push", "ids": "[1]", "x": b"?"})
        log.redis.xadd(log.key(partition, "events"), {"what": "drop", "ids": "[{}]"})
    send(log, singles, ("push", [2, 1], x))
    drain(log, model)
    check(log, singles)
    refused = [e for p in log.partitions for _, e in log.redis.xrange(log.key(p, "refused"))]
    reasons = sorted(event[b"why"].decode() for event in refused)
    assert sum("An event is one of push, drop, reset, got 'exec'" in why for why in reasons) == 2
    assert sum("KeyError: b'what'" in why for why in reasons) == 2
    assert sum("An id is an integer of 64 bits, a string or bytes, got {}" in why for why in reasons) == 2
    assert len(reasons) >= 9


def test_a_partition_that_is_not_there(log, model):
    with pytest.raises(ValueError, match=r"no partition '9'; there are \['0', '1'\]"):
        log.worker("9", model)
