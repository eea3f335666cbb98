"""Ours in bfloat16 beside ours in float32."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.compare import Effort, Row, measure_together, right_answer
from benchmarks.peers import System
from benchmarks.workers.client import Client, run_in, start

_ASK = ["-c", "from gatewise.engine import _native; print(_native.has_bfloat16())"]


def measure(ours: System, cases: list[Case], modes: list[int | None], effort: Effort) -> dict[str, Any]:
    """One row a case and way of threading, the two precisions in turn; and whether there are instructions for it."""
    rows: list[Row] = []
    for threads in modes:
        with tempfile.TemporaryDirectory() as folder:
            clients = start([replace(ours, name=name) for name in ("float32", "bfloat16")], threads, Path(folder))
            try:
                rows += [_row(clients, case, threads, effort, Path(folder)) for case in cases]
            finally:
                for client in clients:
                    client.stop()
    return {"instructions": run_in(ours, _ASK).strip() == "True", "rows": rows}


def _row(clients: list[Client], case: Case, threads: int | None, effort: Effort, folder: Path) -> Row:
    plain, wanted = replace(case, precision="float32"), folder / "expected.npy"
    np.save(wanted, right_answer(plain))
    results: dict[str, Row] = {}
    for client, each in zip(clients, (plain, case), strict=True):
        client.prepare(each, wanted)
        answer = client.answer()
        if "failed" in answer:
            raise RuntimeError(f"{each.name}: {answer['failed']}")
        results[client.system.name] = {**answer, **client.choose()}
    for name, found in measure_together(clients, effort).items():
        results[name].update(found)
    ratio = results["float32"]["median_us"] / results["bfloat16"]["median_us"]
    print(
        f"{threads or 'default':>7}  {case.name:<40} {ratio:.2f} times as fast as float32", file=sys.stderr, flush=True
    )
    return {"case": plain.as_dict(), "threads": threads or "default", "precisions": results, "ratio": ratio}
