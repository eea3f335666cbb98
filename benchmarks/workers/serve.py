"""The loop of a worker process: JSON lines in, JSON lines out.

    {"do": "prepare", "case": {...}, "expected": "y.npy"}  ->  {"largest_errors": {way: error, ...}}
    {"do": "choose", "way": null}                          ->  {"call": way, "tried_us": {way: time, ...}}
    {"do": "run", "seconds": 0.05}                         ->  {"samples": [nanoseconds a call, ...]}
    {"do": "first", "case": {...}}                         ->  {"seconds": of a first run, compilation and all}
    {"do": "memory", "case": {...}}                        ->  {"resting": bytes, "peak": bytes, while it runs}
    {"do": "stop"}

Or {"failed": "..."} instead. A worker computes only between a question and its answer.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

import numpy as np

from benchmarks import memory
from benchmarks.cases import Case, largest_error, tolerance
from benchmarks.lessons import LOSSES_CHECKED

_SAMPLE = 200_000  # Nanoseconds: shorter calls are timed several at a time, so that the clock costs nothing.
_CHOICE = 0.03  # Seconds for each way to call, when the fastest is looked for.


@dataclass(frozen=True)
class Trial:
    """One way to run a case.

    call: what is timed; it returns when the result is there.
    result: runs the case afresh and gives the outputs (B, steps, H) as a NumPy array.
    share: how many pieces of work a call is; on a GPU times are those of one.
    """

    call: Callable[[], object]
    result: Callable[[], Any]
    share: int = 1


def trial_of(call: Callable[[], Any], to_numpy: Callable[[Any], Any]) -> Trial:
    """The trial whose call gives all outputs, in the system's own kind of array."""
    return Trial(call, lambda: to_numpy(call()))


def steps_of(loss: Callable[[], Any], call: Callable[[], object] | None = None) -> Trial:
    """The trial of training: `loss` makes a step on the first batch and gives the loss before it; `call` is what is
    timed, where that is something else."""
    return Trial(call or loss, lambda: np.array([float(loss()) for _ in range(LOSSES_CHECKED)]))


# Ways to run a case by what they are called, most usual first; the fastest that gives right numbers is measured.
Prepare = Callable[[Case], dict[str, Trial]]


@dataclass
class Worker:
    """The state of the loop: what is being measured now."""

    prepare: Prepare
    trials: dict[str, Trial] = field(default_factory=dict)
    call: Callable[[], object] = field(default=lambda: None)
    inner: int = 1

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if question["do"] == "run":
            return {"samples": self.samples(question["seconds"])}
        if question["do"] == "choose":
            return self.choose(question["way"])
        if question["do"] == "first":
            return self.first(Case(**question["case"]))
        if question["do"] == "memory":
            return self.memory(Case(**question["case"]))
        return self.check(Case(**question["case"]), np.load(question["expected"]))

    def check(self, case: Case, expected: Any) -> dict[str, Any]:
        """Prepare every way to run the case, and keep those whose outputs are right."""
        self.trials, self.call = {}, lambda: None
        gc.collect()
        trials = self.prepare(case)
        errors = {way: largest_error(case, np.asarray(trial.result()), expected) for way, trial in trials.items()}
        self.trials = {way: trial for way, trial in trials.items() if errors[way] <= tolerance(case)}
        if not self.trials:
            return {"failed": f"outputs differ from the reference by {errors}"}
        return {"largest_errors": errors}

    def first(self, case: Case) -> dict[str, Any]:
        """The time of the first run of the most usual way, in a process that has run nothing yet."""
        trial = next(iter(self.prepare(case).values()))
        begin = time.perf_counter()
        trial.result()
        return {"seconds": time.perf_counter() - begin}

    def memory(self, case: Case) -> dict[str, Any]:
        """The process's memory between two runs of the most usual way, and the most that it was while it ran."""
        trials = self.prepare(case)
        call = next(iter(trials.values())).call
        del trials
        call()
        resting = memory.after_tidying()
        memory.forget_peak()
        for _ in range(3):
            call()
        return {"resting": resting, "peak": memory.peak()}

    def choose(self, way: str | None) -> dict[str, Any]:
        """Take this way, or the fastest; the others are forgotten."""
        if way is not None and way not in self.trials:
            return {"failed": f"{way} gives other numbers than the reference"}
        if way is not None:
            self.trials = {way: self.trials[way]}
        times = {way: _quick_time(trial.call) for way, trial in self.trials.items()}
        best = min(times, key=lambda way: times[way])
        self.trials = {best: self.trials[best]}
        self.call, self.inner = self.trials[best].call, max(1, round(_SAMPLE / times[best]))
        return {"call": best, "tried_us": {way: time / 1000 for way, time in times.items()}}

    def samples(self, seconds: float) -> list[float]:
        """Nanoseconds a call: a warm-up that fills caches and wakes threads, then `seconds` of calls."""
        call, inner, clock = self.call, self.inner, time.perf_counter_ns
        warm_until = clock() + int(seconds * 1e8)
        while True:
            begin = clock()
            call()
            end = clock()
            if end >= warm_until:
                break
        found: list[float] = []
        stop = clock() + int(seconds * 1e9)
        gc.disable()
        while not found or clock() < stop:
            begin = clock()
            for _ in range(inner):
                call()
            found.append((clock() - begin) / inner)
        gc.enable()
        return found


def _quick_time(call: Callable[[], object]) -> float:
    """The least time of a call in nanoseconds, after warming up."""
    call()
    least, stop = float("inf"), time.perf_counter() + _CHOICE
    while time.perf_counter() < stop or least == float("inf"):
        begin = time.perf_counter_ns()
        call()
        least = min(least, time.perf_counter_ns() - begin)
    return max(least, 1.0)


def threads() -> int | None:
    """How many threads the system may use; None leaves it to the system's own default."""
    value = os.environ.get("BENCHMARK_THREADS")
    return None if value is None else int(value)


def _own_stdout() -> TextIO:
    """The answers' channel; whatever a library prints goes to stderr instead."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return channel


def serve(load: Callable[[], tuple[Prepare, dict[str, str]]]) -> None:
    """Run the loop; `load` imports the system and returns how to prepare a case, and versions to report."""

    def made() -> tuple[Worker, dict[str, str]]:
        prepare, versions = load()
        return Worker(prepare), versions

    serve_with(made)


def serve_with(make: Callable[[], tuple[Worker, dict[str, Any]]]) -> None:
    """Run the loop of a worker; `make` imports the system and returns the worker, and versions to report."""
    channel = _own_stdout()
    if threads() == 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    worker, versions = make()
    print(json.dumps({"versions": versions}), file=channel)
    for line in sys.stdin:
        question = json.loads(line)
        if question["do"] == "stop":
            return
        try:
            answer = worker.answer(question)
        except Exception as error:  # Any failure of a peer is a result to print, not an end of the run.
            answer = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=channel)
