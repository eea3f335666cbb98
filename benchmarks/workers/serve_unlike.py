"""The loop of a worker for batches of unlike lengths: what every way to run a case gives is left in a file.

    {"do": "prepare", "case": {...}, "expected": "y"}  ->  {"ways": [name, ...]}; what each gives lies in "y.NAME.npy"

The other questions are those of `serve.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.unlike import Unlike
from benchmarks.workers.serve import Trial, Worker, serve_with

Prepare = Callable[[Unlike], dict[str, Trial]]


class UnlikeWorker(Worker):
    """Measures one way of many; what all give is compared by who asks."""

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if question["do"] != "prepare":
            return super().answer(question)
        self.trials = self.prepare(Unlike(**question["case"]))  # type: ignore[arg-type]
        for way, trial in self.trials.items():
            np.save(f"{question['expected']}.{way}.npy", np.asarray(trial.result()))
        return {"ways": list(self.trials)}


def serve(load: Callable[[], tuple[Prepare, dict[str, str]]]) -> None:
    """Run the loop; `load` imports the system and returns how to prepare a case, and versions to report."""

    def made() -> tuple[Worker, dict[str, str]]:
        prepare, versions = load()
        return UnlikeWorker(prepare), versions  # type: ignore[arg-type]

    serve_with(made)
