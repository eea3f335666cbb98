"""What the workers of `benchmarks.gpu` share: what is run, and the loop, which writes results down for comparison.

A way to run a case is timed with the result waited for: the call, the computation and the synchronisation.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases import Case, Floats
from benchmarks.workers.serve import Trial, Worker, serve_with

LEARNING_RATE = 0.1
FIT_BATCHES = 16

Ways = dict[str, Trial]
PrepareWhat = Callable[[Case, str], Ways]


def tf32() -> bool:
    """Whether products of float32 numbers may be made of TF32 numbers, in this run."""
    return os.environ.get("BENCHMARK_TF32") == "1"


def targets(case: Case) -> Floats:
    """y (B, H): what the last output is trained towards, by the mean of squares."""
    rng = np.random.default_rng((4, case.batch, case.units))
    return rng.uniform(-1, 1, (case.batch, case.units)).astype(np.float32)


class GpuWorker(Worker):
    """Prepares "forward" or "train"; each way's result goes to a file, and each way is timed by itself.

    {"do": "prepare", "case": {...}, "what": "train", "results": "DIR/name"}  ->  {"ways": [way, ...]}
    {"do": "run", "way": way, "seconds": 0.05}                                ->  {"samples": [nanoseconds, ...]}
    """

    def __init__(self, prepare: PrepareWhat) -> None:
        super().__init__(lambda case: {})
        self.prepare_what = prepare

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if question["do"] == "run":
            trial = self.trials[question["way"]]
            self.call, self.inner = trial.call, 1
            return {"samples": [each / trial.share for each in self.samples(question["seconds"])]}
        self.trials = {}
        gc.collect()
        self.trials = self.prepare_what(Case(**question["case"]), question["what"])
        for place, trial in enumerate(self.trials.values()):
            np.save(f"{question['results']}-{place}.npy", np.asarray(trial.result()))
        return {"ways": list(self.trials)}


def serve_on_gpu(load: Callable[[], tuple[PrepareWhat, dict[str, Any]]]) -> None:
    """Run the loop; `load` imports the system and returns how to prepare, and what to report of the machine."""

    def made() -> tuple[Worker, dict[str, Any]]:
        prepare, versions = load()
        return GpuWorker(prepare), versions

    serve_with(made)
