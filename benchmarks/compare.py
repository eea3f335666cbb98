"""Measure ours and theirs in turn: for every case many rounds, in every round every system, one at a time."""

from __future__ import annotations

import functools
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case, expected
from benchmarks.lessons import expected_losses
from benchmarks.peers import BESIDE, OURS, System
from benchmarks.workers.client import Client, start

Row = dict[str, Any]


@functools.cache  # The same for every way of threading.
def right_answer(case: Case) -> Any:
    """What every system must give: its outputs, or in training its first losses."""
    return expected_losses(case) if case.trains else expected(case)


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int  # In each of them every system runs once.
    seconds: float  # For one system in one round; at least one call.
    case_seconds: float  # A case stops after so long, with at least `least_rounds`.
    least_rounds: int


FULL = Effort(rounds=9, seconds=0.05, case_seconds=10.0, least_rounds=4)
QUICK = Effort(rounds=3, seconds=0.02, case_seconds=2.0, least_rounds=1)


def compare(systems: list[System], cases: list[Case], threads: int | None, effort: Effort) -> tuple[list[Row], Row]:
    """One row a case, and the versions of what ran; `threads` None means every system's own default."""
    with tempfile.TemporaryDirectory() as folder:
        clients = start(systems, threads, Path(folder))
        try:
            rows = [_case_row(clients, case, threads, effort, Path(folder)) for case in cases]
        finally:
            for client in clients:
                client.stop()
    versions: Row = {}
    for client in clients:
        versions.update(client.versions)
    hits = {client.system.name: client.settle_limit_hits for client in clients if client.settle_limit_hits}
    if hits:
        print(f"threads that were still running half a second after their work: {hits}", file=sys.stderr)
    return rows, versions


def _case_row(clients: list[Client], case: Case, threads: int | None, effort: Effort, folder: Path) -> Row:
    begin = time.monotonic()
    results = _prepare(clients, case, folder)
    prepared = time.monotonic()
    ready = [client for client in clients if "failed" not in results[client.system.name]]
    for name, found in measure_together(ready, effort).items():
        results[name].update(found)
    row: Row = {"case": case.as_dict(), "name": case.name, "threads": threads or "default", "systems": results}
    row["seconds"] = {"preparing": round(prepared - begin, 1), "measuring": round(time.monotonic() - prepared, 1)}
    row["operations"], row["recurrent_bytes"] = case.operations(), case.recurrent_bytes()
    row.update(verdict(results))
    print(_line(row), file=sys.stderr, flush=True)
    return row


def _prepare(clients: list[Client], case: Case, folder: Path) -> dict[str, Row]:
    """Every system ready and its outputs checked; who fails says why, and is not measured."""
    wanted = folder / "expected.npy"
    np.save(wanted, right_answer(case))
    for client in clients:
        client.prepare(case, wanted)
    results = {client.system.name: client.answer() for client in clients}
    for client in clients:
        result = results[client.system.name]
        if "failed" not in result:
            result.update(client.choose())
    for client in clients:
        client.settle()
    return results


def measure_together(clients: list[Client], effort: Effort) -> dict[str, Row]:
    """The times of prepared workers, by name: rounds in which each runs once while the others sleep.

    Each round starts with another worker, so that none always follows the same one.
    """
    samples: dict[str, list[float]] = {client.system.name: [] for client in clients}
    begin = time.monotonic()
    for number in range(effort.rounds):
        if number >= effort.least_rounds and time.monotonic() - begin > effort.case_seconds:
            break
        shift = number % len(clients) if clients else 0
        for client in clients[shift:] + clients[:shift]:
            if client.alive:
                samples[client.system.name] += client.run(effort.seconds)
    return {name: _summary(times) for name, times in samples.items()}


def _summary(nanoseconds: list[float]) -> Row:
    """Median and quartiles in microseconds."""
    if not nanoseconds:
        return {"failed": "the worker ended while it was measured"}
    low, middle, high = np.percentile(nanoseconds, [25, 50, 75]) / 1000
    return {"median_us": float(middle), "quartiles_us": [float(low), float(high)], "samples": len(nanoseconds)}


def verdict(results: dict[str, Row]) -> Row:
    """Who wins, and the best peer's time over ours (above 1: we are ahead). What is only shown beside takes no part."""
    times = {name: found["median_us"] for name, found in results.items() if "median_us" in found and name != BESIDE}
    peers = {name: value for name, value in times.items() if name != OURS.name}
    row: Row = {"winner": min(times, key=lambda name: times[name]) if times else None, "best_peer": None, "ratio": None}
    if peers:
        row["best_peer"] = min(peers, key=lambda name: peers[name])
        if OURS.name in times:
            row["ratio"] = peers[row["best_peer"]] / times[OURS.name]
    return row


def geometric_mean(ratios: list[float]) -> float:
    """The mean of ratios that does not depend on which side is the numerator."""
    return statistics.geometric_mean(ratios) if ratios else float("nan")


def _line(row: Row) -> str:
    ours = row["systems"].get(OURS.name, {}).get("median_us", float("nan"))
    ratio = "-" if row["ratio"] is None else f"{row['ratio']:.2f}"
    failed = [f"{name}: {result['failed']}" for name, result in row["systems"].items() if "failed" in result]
    text = f"{row['threads']:>7}  {row['name']:<32} ours {ours:11.1f} us  best peer {row['best_peer']}  ratio {ratio}"
    return "\n".join([text, *(f"         FAILED {each}" for each in failed)])
