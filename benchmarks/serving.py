"""Ours under a server's load: `python -m benchmarks.serving`.

A million live streams in one pool, pushed in batches of random ids; and one model called from many Python threads at
once.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine, report, roofline, run
from benchmarks.cases import Case, inputs, weights
from benchmarks.store import RESULTS, ROUGH, save
from benchmarks.workers.client import run_in

FEATURES, _UNITS = 8, 32
_BATCHES = (1_024, 4_096, 16_384, 65_536)
_CALLERS = (1, 2, 4, 16, 64)
_CALLED = (Case("forward", "lstm", 1, 100, 8, 32), Case("forward", "lstm", 32, 100, 64, 128))


def _operations() -> float:
    """Useful operations of one step of one stream: the LSTM's products and the Dense layer's."""
    return Case("forward", "lstm", 1, 1, FEATURES, _UNITS).operations() + 2 * _UNITS


def _resident() -> int:
    """Bytes of this process in memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmRSS in /proc/self/status")


def stream_model(gatewise: Any) -> Any:
    layers = [gatewise.layers.LSTM(_UNITS, return_sequences=True), gatewise.layers.Dense(1)]
    model = gatewise.Sequential([gatewise.Input((None, FEATURES)), *layers])
    weight = weights(Case("forward", "lstm", 1, 1, FEATURES, _UNITS))
    head = np.random.default_rng(4).standard_normal((_UNITS, 1), dtype=np.float32)
    model.set_weights([weight.kernel, weight.recurrent_kernel, weight.bias, head, np.zeros(1, np.float32)])
    return model


def _check_pool(model: Any, pool: Any, ids: Any) -> None:
    """Some streams, pushed from zeros, against `predict` of their sequences."""
    chosen = ids[:: max(1, len(ids) // 100)]
    x = np.random.default_rng(5).standard_normal((len(chosen), 10, FEATURES), dtype=np.float32)
    pool.reset(chosen)
    got = np.stack([pool.push(chosen, np.ascontiguousarray(x[:, t])) for t in range(x.shape[1])], axis=1)
    error = float(np.abs(got - model.predict(x, verbose=0)).max())
    if not error <= 1e-5:
        raise AssertionError(f"a pool's outputs differ from predict's by {error}")


def _push_rate(pool: Any, ids: Any, batch: int, seconds: float) -> dict[str, float]:
    """Steps a second, the median over pushes; the ids are drawn beforehand."""
    rng = np.random.default_rng(6)
    draws = [rng.choice(ids, batch) for _ in range(32)]
    x = rng.standard_normal((batch, FEATURES), dtype=np.float32)
    times: list[float] = []
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop or len(times) < 3:
        begin = time.perf_counter()
        pool.push(draws[len(times) % len(draws)], x)
        times.append(time.perf_counter() - begin)
    middle = statistics.median(times)
    return {"batch": batch, "steps_per_second": batch / middle, "push_us": 1e6 * middle, "pushes": len(times)}


def streams(count: int, seconds: float) -> dict[str, Any]:
    """Push rates and memory of `count` live streams of an LSTM of 32 units on 8 features with a Dense(1) head."""
    import gatewise

    model = stream_model(gatewise)
    ids = np.random.default_rng(7).permutation(count).astype(np.int64) * 7919
    model.stream_pool(16).add(ids[:16])  # Whatever is loaded at first use is not the streams'.
    gc.collect()
    before = _resident()
    pool = model.stream_pool(count)
    pool.add(ids)
    pool.push(ids, np.zeros((count, FEATURES), np.float32))
    gc.collect()
    states = count * 2 * _UNITS * 4
    memory = _resident() - before
    _check_pool(model, pool, ids)
    rates = [_push_rate(pool, ids, batch, seconds) for batch in _BATCHES if batch <= count]
    return {"streams": count, "state_bytes": states, "memory_bytes": memory, "rates": rates}


def _calls_together(model: Any, x: Any, callers: int, seconds: float) -> float:
    """Calls a second of `callers` threads that call the model again and again."""
    counts, gate, stop = [0] * callers, threading.Barrier(callers + 1), threading.Event()

    def caller(me: int) -> None:
        model(x)
        gate.wait()
        while not stop.is_set():
            model(x)
            counts[me] += 1

    team = [threading.Thread(target=caller, args=(me,)) for me in range(callers)]
    for member in team:
        member.start()
    gate.wait()
    begin = time.perf_counter()
    time.sleep(seconds)
    stop.set()
    for member in team:
        member.join()
    return sum(counts) / (time.perf_counter() - begin)


def callers(seconds: float) -> list[dict[str, Any]]:
    """Calls a second of one model from 1 to 64 Python threads; rounds in turn, the median of each."""
    import gatewise

    rows = []
    for case in _CALLED:
        layer = gatewise.layers.LSTM(case.units, return_sequences=True)
        model, weight = gatewise.Sequential([gatewise.Input((case.time, case.features)), layer]), weights(case)
        model.set_weights([weight.kernel, weight.recurrent_kernel, weight.bias])
        x = inputs(case)
        rounds = [[_calls_together(model, x, count, seconds) for count in _CALLERS] for _ in range(3)]
        rates = [statistics.median(found) for found in zip(*rounds, strict=True)]
        rows.append({"case": case.as_dict(), "callers": list(_CALLERS), "calls_per_second": rates})
    return rows


def judge(found: dict[str, Any], limits: list[dict[str, Any]]) -> None:
    """Add to each push rate its share of the vectors' peak on all cores, in useful operations."""
    peak = max(limits, key=lambda limit: limit["threads"])["flops"]
    found["operations_a_step"] = _operations()
    for rate in found["rates"]:
        rate["of_peak"] = rate["steps_per_second"] * _operations() / peak


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer streams, less time: does everything run?")
    run.add_arguments(parser)
    parser.add_argument("--part", choices=("streams", "callers"), help="measure one part here and print its JSON")
    return parser.parse_args()


def _part(name: str, quick: bool) -> Any:
    seconds = 0.2 if quick else 2.0
    return streams(50_000 if quick else 1_000_000, seconds) if name == "streams" else callers(seconds / 4)


def main() -> None:
    arguments = _arguments()
    if arguments.part:
        print(json.dumps(_part(arguments.part, arguments.quick)))
        return
    here = run.begin(arguments.isa)
    output = arguments.output or (ROUGH if arguments.quick else RESULTS)
    machine.warn_if_busy()
    results: dict[str, Any] = {"machine": here.facts()}
    limits = roofline.of_this_machine(here.isa)
    for name in ("streams", "callers"):  # Each in a process of its own, so that memory is its own too.
        options = ["-m", "benchmarks.serving", "--part", name, *(["--quick"] if arguments.quick else [])]
        results[name] = json.loads(run_in(here.ours, options))
        limits = roofline.best(limits, roofline.of_this_machine(here.isa))
    results["limits"] = limits
    judge(results["streams"], limits)
    save(here.folder(output) / "serving.json", results)
    report.write(output, here.folder(output))
    print("\n".join(report.serving_lines(results)))


if __name__ == "__main__":
    main()
