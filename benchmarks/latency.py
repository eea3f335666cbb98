"""How long a push of a pool takes at worst, alone and with snapshots beside it: `python -m benchmarks.latency`.

Pools of 10,000 to a million live streams (the model of `serving.py`), pushes of 1 to 10,000 random ids, every push
timed by itself. Beside them another thread writes one snapshot after the other to a file, without a pause.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine, report, run
from benchmarks.serving import FEATURES, stream_model
from benchmarks.store import RESULTS, ROUGH, save
from benchmarks.workers.client import run_in

_STREAMS = (10_000, 100_000, 1_000_000)
_ROWS = (1, 100, 10_000)
_SHARES = {"p50": 50.0, "p99": 99.0, "p999": 99.9, "max": 100.0}


@contextmanager
def _snapshots(pool: Any, folder: str) -> Iterator[list[float]]:
    """Another thread that writes snapshots meanwhile; how many seconds each took."""
    stop, seconds = threading.Event(), list[float]()

    def work() -> None:
        while not stop.is_set():
            begin = time.perf_counter()
            pool.snapshot(Path(folder, "streams"))
            seconds.append(time.perf_counter() - begin)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield seconds
    finally:
        stop.set()
        thread.join()


def _pushes(pool: Any, ids: Any, rows: int, seconds: float) -> dict[str, float]:
    """Shares of the times of pushes, in microseconds; and, "own", of what the calling thread worked in them.

    What a push waits for (other threads of the pool's, or whoever else wants the processor) is not its own. The ids are
    drawn beforehand.
    """
    rng = np.random.default_rng(6)
    draws = [rng.choice(ids, rows) for _ in range(64)]
    x = rng.standard_normal((rows, FEATURES), dtype=np.float32)
    out = np.empty((rows, 1), np.float32)
    for draw in draws[:8]:
        pool.push(draw, x, out=out)
    times: list[int] = []
    own: list[int] = []
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop or len(times) < 10:
        draw = draws[len(times) % len(draws)]
        work, begin = time.thread_time_ns(), time.perf_counter_ns()
        pool.push(draw, x, out=out)
        times.append(time.perf_counter_ns() - begin)
        own.append(time.thread_time_ns() - work)
    return {"pushes": len(times), **_shares(times, ""), **_shares(own, "own_")}


def _shares(times: list[int], prefix: str) -> dict[str, float]:
    found = np.percentile(np.array(times) / 1e3, list(_SHARES.values()), method="higher")
    return {prefix + name: share for name, share in zip(_SHARES, found.tolist(), strict=True)}


def latencies(count: int, seconds: float) -> list[dict[str, Any]]:
    """Rows of a table for a pool of `count` live streams."""
    import gatewise

    pool = stream_model(gatewise).stream_pool(count)
    ids = np.random.default_rng(7).permutation(count).astype(np.int64) * 7919
    pool.add(ids)
    pool.push(ids, np.zeros((count, FEATURES), np.float32))
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for rows in _ROWS:
            found.append({"streams": count, "rows": rows, "snapshots": 0, **_pushes(pool, ids, rows, seconds)})
            with _snapshots(pool, folder) as written:
                beside = _pushes(pool, ids, rows, 2 * seconds)
            whole = {"snapshots": len(written), "snapshot_seconds": float(np.median(written))}
            found.append({"streams": count, "rows": rows, **whole, **beside})
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer streams, less time: does everything run?")
    run.add_arguments(parser)
    parser.add_argument("--part", type=int, help="measure a pool of so many streams here and print its JSON")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    seconds = 0.1 if arguments.quick else 3.0
    if arguments.part:
        print(json.dumps(latencies(arguments.part, seconds)))
        return
    here = run.begin(arguments.isa)
    output = arguments.output or (ROUGH if arguments.quick else RESULTS)
    machine.warn_if_busy()
    rows: list[dict[str, Any]] = []
    for count in _STREAMS[:1] if arguments.quick else _STREAMS:  # Each in a process of its own.
        options = ["-m", "benchmarks.latency", "--part", str(count), *(["--quick"] if arguments.quick else [])]
        rows += json.loads(run_in(here.ours, options))
    results = {"machine": here.facts(), "rows": rows}
    save(here.folder(output) / "latency.json", results)
    report.write(output, here.folder(output))
    print("\n".join(report.latency_lines(results)))


if __name__ == "__main__":
    main()
