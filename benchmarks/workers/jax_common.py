"""What the JAX workers share."""

from __future__ import annotations

import os

from benchmarks.workers.serve import threads


def one_thread() -> None:
    """Hold XLA to one thread where the run asks for it; before JAX is imported."""
    if threads() == 1:
        given = os.environ.get("XLA_FLAGS", "").split()
        one = ["--xla_cpu_multi_thread_eigen=false", "intra_op_parallelism_threads=1"]
        os.environ["XLA_FLAGS"] = " ".join([*given, *one])
