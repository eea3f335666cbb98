"""Training beside the peers: `python -m benchmarks.training`.

One step on a batch at the sizes of forward; an epoch of small batches, and one of unequal lengths; the first steps,
compilation and all; and the memory of a step. All with each system's default threads.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import machine, peers, report, roofline, run
from benchmarks.cases import Case, training_cases
from benchmarks.compare import Effort, Row, compare
from benchmarks.peers import BESIDE, OURS, TRAINERS, System
from benchmarks.run import Run
from benchmarks.store import RESULTS, ROUGH, save
from benchmarks.workers.client import Client

FULL = Effort(rounds=7, seconds=0.05, case_seconds=6.0, least_rounds=3)
QUICK = Effort(rounds=1, seconds=0.02, case_seconds=1.0, least_rounds=1)

MEMORY_CASE = Case("train", "lstm", 32, 100, 256, 512)
FIRST_CASE = Case("epoch", "lstm", 32, 50, 8, 32)
_FIRST_RUNS = 3


def measure(here: Run, systems: list[System], cases: list[Case], parts: list[str], effort: Effort) -> dict[str, Any]:
    """Everything this module reports."""
    machine.warn_if_busy()
    facts, limits = here.facts(), roofline.of_this_machine(here.isa)
    held = here.hold(systems)
    shown = [system for system in held if system.name == OURS.name]
    beside = [replace(system, name=BESIDE, way="compiled step") for system in shown]
    rows: list[Row] = []
    versions: Row = {}
    for steps, taking_part in ((True, [*shown, *beside, *held[len(shown) :]]), (False, _any_way(held))):
        chosen = [case for case in cases if (case.kind == "train") == steps]
        if chosen:
            found, said = compare(taking_part, chosen, None, effort)
            rows, versions = rows + found, versions | said
            limits = roofline.best(limits, roofline.of_this_machine(here.isa))
    for row in rows:
        roofline.judge(row, limits, facts["cache_bytes"])
    results: dict[str, Any] = {"machine": {**facts, "versions": versions}, "limits": limits, "rows": rows}
    if "first" in parts:
        results["first"] = first_steps(held, 1 if effort is QUICK else _FIRST_RUNS)
    if "memory" in parts:
        results["memory"] = memory(held)
    return results


def _any_way(systems: list[System]) -> list[System]:
    """Epochs have their own ways to be called."""
    return [replace(system, way=None) for system in systems]


def first_steps(systems: list[System], runs: int) -> list[dict[str, Any]]:
    """Each system in fresh processes: seconds until it is imported, and of the first `fit` of one batch after that."""
    found = []
    for system in systems:
        loading, seconds = [], []
        for _ in range(runs):
            begin = time.perf_counter()
            answer, loaded = _alone(system, lambda client: client.first(FIRST_CASE))
            if "failed" in answer:
                raise RuntimeError(f"{system.name}, first steps: {answer['failed']}")
            loading.append(loaded - begin)
            seconds.append(answer["seconds"])
        row = {"name": system.name, "loading_s": statistics.median(loading), "first_s": statistics.median(seconds)}
        print(f"first steps  {row}", file=sys.stderr, flush=True)
        found.append(row)
    return found


def memory(systems: list[System]) -> list[dict[str, Any]]:
    """Each system in a fresh process: the resident bytes between steps, and how many more there are during one."""
    found = []
    for system in systems:
        answer, _ = _alone(system, lambda client: client.memory(MEMORY_CASE))
        if "failed" in answer:
            raise RuntimeError(f"{system.name}, memory: {answer['failed']}")
        row = {
            "name": system.name,
            "resting_bytes": answer["resting"],
            "step_bytes": answer["peak"] - answer["resting"],
        }
        print(f"memory  {row}", file=sys.stderr, flush=True)
        found.append(row)
    return found


def _alone(system: System, question: Callable[[Client], dict[str, Any]]) -> tuple[dict[str, Any], float]:
    """What a worker of its own answers, and the moment when it had been loaded."""
    with tempfile.TemporaryDirectory() as folder:
        client = Client(system, None, Path(folder) / "log")
        try:
            client.wait_loaded()
            loaded = time.perf_counter()
            return question(client), loaded
        finally:
            client.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round: does everything run? The figures are rough")
    parser.add_argument("--only", default="", help="cases whose name contains this, or 'first' or 'memory'")
    parser.add_argument("--systems", default="", help="peers to compare with, separated by commas; default all")
    run.add_arguments(parser)
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    here = run.begin(arguments.isa)
    systems = peers.named(arguments.systems, TRAINERS)
    partial = arguments.quick or arguments.only or arguments.systems
    output = arguments.output or (ROUGH if partial else RESULTS)
    for environment in dict.fromkeys(system.environment for system in systems if system.environment):
        peers.ensure(environment)
    cases = [case for case in training_cases() if arguments.only in case.name]
    parts = [part for part in ("first", "memory") if arguments.only in part]
    begin = time.monotonic()
    results = measure(here, systems, cases, parts, QUICK if arguments.quick else FULL)
    results["seconds"] = round(time.monotonic() - begin)
    folder = here.folder(output)
    save(folder / "training.json", results)
    report.write(output, folder)
    print(f"{results['seconds']} s; results in {folder}", file=sys.stderr)
    return 1 if any("failed" in row["systems"].get(OURS.name, {}) for row in results["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
