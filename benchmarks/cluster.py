"""Streams on one core, on one machine, on Ray and fed from Redis: `python -m benchmarks.cluster`.

It needs Ray, Redis's client and redis-server, as `make test-cluster` installs them, and takes about three minutes. All
traffic stays on this machine. docs/cluster.md says what follows for a hundred machines.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import gatewise as gw
from benchmarks import machine
from benchmarks.store import save

_RESULTS = Path(__file__).parent / "results" / "cluster.json"
_PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "cluster.png"
_FEATURES, _UNITS = 8, 32
_STREAMS = 100_000
_ROWS = (1, 10, 100, 1_000, 10_000, 100_000)


def _model() -> Any:
    gw.utils.set_random_seed(0)
    layers = [gw.layers.LSTM(_UNITS, return_sequences=True), gw.layers.Dense(1)]
    return gw.Sequential([gw.Input((None, _FEATURES)), *layers])


def _measured(push: Callable[[Any, Any], Any], rows: int, seconds: float) -> dict[str, float]:
    """Pushes of so many random streams, one after the other: rows a second, and how long one takes."""
    rng = np.random.default_rng(1)
    draws = [rng.choice(_STREAMS, rows, replace=False) for _ in range(8)]
    x = rng.standard_normal((rows, _FEATURES), dtype=np.float32)
    times: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(times) < 5:
        begin = time.perf_counter()
        push(draws[len(times) % len(draws)], x)
        times.append(time.perf_counter() - begin)
    p50, p99 = np.quantile(times, [0.5, 0.99])
    return {"rows": rows, "per_second": rows / p50, "p50_ms": 1e3 * p50, "p99_ms": 1e3 * p99, "pushes": len(times)}


def _filled(pool: Any) -> Any:
    ids = np.arange(_STREAMS)
    pool.push(ids, np.zeros((_STREAMS, _FEATURES), np.float32), new="add")
    return pool


def embedded(threads: int, seconds: float) -> dict[str, Any]:
    """A pool in this process."""
    gw.config.threads = threads
    pool = _filled(_model().stream_pool())
    rates = [_measured(pool.push, rows, seconds) for rows in _ROWS]
    begin = time.perf_counter()
    saved = pool.save()
    took = time.perf_counter() - begin
    bytes_a_stream = len(saved) / _STREAMS
    return {"threads": threads, "rates": rates, "saved_bytes_a_stream": bytes_a_stream, "save_ms": 1e3 * took}


def empty_call(calls: int) -> float:
    """Milliseconds, the median, that Ray itself takes to call an actor that does nothing."""
    import ray

    class Idle:
        async def nothing(self) -> None:
            pass

    idle = ray.remote(Idle).remote()
    ray.get(idle.nothing.remote())
    times = []
    for _ in range(calls):
        begin = time.perf_counter()
        ray.get(idle.nothing.remote())
        times.append(time.perf_counter() - begin)
    ray.kill(idle)
    return 1e3 * float(np.median(times))


def on_ray(shards: int, seconds: float) -> dict[str, Any]:
    """The same on actors of Ray; then one more shard, and the death of one."""
    import psutil

    from gatewise.serving.cluster import ray_pool

    with tempfile.TemporaryDirectory() as folder:
        pool = _filled(ray_pool(_model(), folder, shards, name=f"bench{shards}", save_every=5.0, cpus=1))
        rates = [_measured(pool.push, rows, seconds) for rows in _ROWS]
        begin = time.perf_counter()
        name = pool.add_shard()
        added = time.perf_counter() - begin
        begin = time.perf_counter()
        pool.remove_shard(name)
        removed = time.perf_counter() - begin
        for child in psutil.Process().children(recursive=True):
            if "_Host" in child.name() and child.status() != psutil.STATUS_ZOMBIE:
                os.kill(child.pid, signal.SIGKILL)
                break
        begin = time.perf_counter()
        pool.push(np.arange(1000), np.zeros((1000, _FEATURES), np.float32))
        revived = time.perf_counter() - begin
        pool.close()
    moves = {"add_shard_s": added, "remove_shard_s": removed, "push_over_a_death_s": revived}
    return {"shards": shards, "rates": rates, **moves}


@contextmanager
def _redis() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes"]
        server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        try:
            time.sleep(1)
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


def on_redis(rows: int, events: int) -> dict[str, Any]:
    """Events of so many rows through one partition, from the first that is taken to the last that has acted."""
    from gatewise.serving.cluster import RedisLog

    with _redis() as url:
        log = RedisLog(url)
        rng = np.random.default_rng(2)
        for _ in range(events):
            ids = rng.choice(_STREAMS, rows, replace=False)
            log.push(ids, rng.standard_normal((rows, _FEATURES), dtype=np.float32))
        worker = log.worker("0", _model())
        begin, done = time.perf_counter(), 0
        while taken := worker.step():
            done += taken
        took = time.perf_counter() - begin
    return {"rows": rows, "events_per_second": done / took, "rows_per_second": done * rows / took}


def beside_saves(seconds: float) -> dict[str, Any]:
    """Pushes of 1,000 rows while another thread saves again and again."""
    gw.config.threads = 1
    pool = _filled(_model().stream_pool())
    stop = threading.Event()

    def saves() -> None:
        while not stop.is_set():
            pool.save()

    thread = threading.Thread(target=saves)
    thread.start()
    rate = _measured(pool.push, 1000, seconds)
    stop.set()
    thread.join()
    return rate


def draw(results: dict[str, Any], path: Path = _PICTURE) -> None:
    """How many rows a second, and how long a push takes, by the rows of a push."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    series = [
        ("in the process, 1 thread", results["core"], "#1f6fb4"),
        (f"in the process, {results['machine_wide']['threads']} threads", results["machine_wide"], "#d95f02"),
        *(
            (f"Ray, {found['shards']} shard{'s' * (found['shards'] > 1)}", found, color)
            for found, color in zip(results["ray"], ("#2a9d5c", "#8e5bb5"), strict=False)
        ),
    ]
    for label, found, color in series:
        rows = [rate["rows"] for rate in found["rates"]]
        left.loglog(rows, [rate["per_second"] for rate in found["rates"]], "o-", color=color, label=label, markersize=3)
        right.loglog(rows, [rate["p50_ms"] for rate in found["rates"]], "o-", color=color, markersize=3)
        right.loglog(rows, [rate["p99_ms"] for rate in found["rates"]], ":", color=color)
    left.set(xlabel="rows in a push", ylabel="rows a second")
    left.set_title("Throughput", loc="left", fontsize=11)
    left.legend(frameon=False, fontsize=8)
    right.set(xlabel="rows in a push", ylabel="ms a push: p50, and p99 dotted")
    right.set_title("Latency", loc="left", fontsize=11)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100, facecolor="white")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less time: does everything run?")
    parser.add_argument("--draw", action="store_true", help="draw the picture from the results that are there")
    arguments = parser.parse_args()
    if arguments.draw:
        draw(json.loads(_RESULTS.read_text()))
        return
    import ray

    machine.warn_if_busy()
    seconds, events = (0.1, 200) if arguments.quick else (1.5, 4000)
    results: dict[str, Any] = {"machine": machine.facts(), "streams": _STREAMS, "units": _UNITS}
    results["core"] = embedded(1, seconds)
    results["machine_wide"] = embedded(os.cpu_count() or 1, seconds)
    results["beside_saves"] = beside_saves(seconds)
    ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False, object_store_memory=300 * 2**20)
    results["empty_call_of_ray_ms"] = empty_call(20 if arguments.quick else 200)
    results["ray"] = [on_ray(shards, seconds) for shards in (1, os.cpu_count() or 2)]
    ray.shutdown()
    results["redis"] = [on_redis(1, events), on_redis(100, events // 4)]
    if not arguments.quick:
        save(_RESULTS, results)
        draw(results)
    print(json.dumps({key: value for key, value in results.items() if key != "machine"}, indent=1))


if __name__ == "__main__":
    main()
