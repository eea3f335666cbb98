"""What a second thread is worth where other programs are at work: `python -m benchmarks.busy`.

Each case runs beside 0, 1 and 2 neighbours, processes that spin, with one thread and with as many as the engine takes
by itself; the two are measured in turn, in the same process. On a busy machine the ratio should be near one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import gatewise as gw
from benchmarks import machine

_RESULTS = Path(__file__).parent / "results" / "busy.json"
_NEIGHBOUR = "while True: pass"
_AUTOMATIC = 0

# (B, T, I), and the layers with their units.
_CASES: dict[str, tuple[tuple[int, int, int], tuple[tuple[str, int], ...]]] = {
    "LSTM 96 + GRU 96 (1, 100, 64)": ((1, 100, 64), (("LSTM", 96), ("GRU", 96))),
    "LSTM (1, 100, 256, 512)": ((1, 100, 256), (("LSTM", 512),)),
    "LSTM (32, 100, 64, 128)": ((32, 100, 64), (("LSTM", 128),)),
    "GRU (32, 100, 64, 128)": ((32, 100, 64), (("GRU", 128),)),
}


def _call(shape: tuple[int, int, int], layers: tuple[tuple[str, int], ...]) -> Callable[[], Any]:
    """One forward pass of the layers."""
    batch, steps, inputs = shape
    stack = [getattr(gw.layers, name)(units, return_sequences=True) for name, units in layers]
    model = gw.Sequential([gw.Input((steps, inputs)), *stack])
    x = np.random.default_rng(0).uniform(-1, 1, (batch, steps, inputs)).astype(np.float32)
    return lambda: model(x)


@contextmanager
def _neighbours(count: int) -> Iterator[None]:
    """Some processes that each want a whole processor, for as long as the block runs."""
    processes = [subprocess.Popen([sys.executable, "-c", _NEIGHBOUR]) for _ in range(count)]
    try:
        time.sleep(0.5)
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _times(call: Callable[[], Any], threads: int, seconds: float) -> list[float]:
    """Of calls one after the other, in microseconds."""
    gw.config.threads = threads
    times: list[float] = []
    end = time.perf_counter() + seconds
    while (begin := time.perf_counter()) < end:
        call()
        times.append((time.perf_counter() - begin) * 1e6)
    return times


def _summary(times: list[float]) -> dict[str, float]:
    return {
        "median_us": float(np.median(times)),
        "p90_us": float(np.percentile(times, 90)),
        "mean_us": float(np.mean(times)),
    }


def _row(name: str, neighbours: int, rounds: int, seconds: float) -> dict[str, Any]:
    call = _call(*_CASES[name])
    call()
    one: list[float] = []
    two: list[float] = []
    with _neighbours(neighbours):
        for _ in range(rounds):
            one += _times(call, 1, seconds)
            two += _times(call, _AUTOMATIC, seconds)
    gw.config.threads = _AUTOMATIC
    found = {"one": _summary(one), "default": _summary(two)}
    ratios = {key.replace("_us", ""): found["default"][key] / found["one"][key] for key in found["one"]}
    return {"case": name, "neighbours": neighbours, **found, "ratio": ratios}


def _print(row: dict[str, Any]) -> None:
    one, two, ratio = row["one"], row["default"], row["ratio"]
    print(
        f"{row['case']:30} {row['neighbours']} neighbours   "
        f"one {one['median_us']:8.0f} us (90%: {one['p90_us']:8.0f})   "
        f"default {two['median_us']:8.0f} us ({two['p90_us']:8.0f})   "
        f"ratio {ratio['median']:.2f} ({ratio['p90']:.2f}, mean {ratio['mean']:.2f})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.busy", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds: does everything run? Nothing is written")
    parser.add_argument("--output", type=Path, default=_RESULTS, help="the JSON file of a full run")
    arguments = parser.parse_args()
    facts = machine.facts()
    rounds, seconds = (2, 0.2) if arguments.quick else (10, 1.0)
    rows = []
    for neighbours in (0, 1, 2):
        for name in _CASES:
            rows.append(_row(name, neighbours, rounds, seconds))
            _print(rows[-1])
    if not arguments.quick:
        arguments.output.write_text(json.dumps({"machine": facts, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
