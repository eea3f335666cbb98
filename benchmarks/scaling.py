"""Ours against ourselves: odd sizes against their padded neighbours, and growth with time and batch."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case, Cell, expected
from benchmarks.compare import Effort, measure_together
from benchmarks.peers import System
from benchmarks.workers.client import start

Shape = tuple[int, int, int, int]

TAIL: Shape = (7, 100, 1, 33)
NEIGHBOURS: tuple[Shape, ...] = ((8, 100, 1, 33), (7, 100, 1, 40), (7, 100, 1, 48), (7, 100, 8, 33), (8, 100, 8, 48))
LINES: dict[str, tuple[Shape, ...]] = {
    "time, B = 1": tuple((1, time, 64, 128) for time in (25, 50, 100, 200, 400)),
    "time, B = 32": tuple((32, time, 64, 128) for time in (25, 50, 100, 200, 400)),
    "batch": tuple((batch, 50, 64, 128) for batch in (1, 2, 4, 8, 16, 32, 64, 128, 256)),
}


def measure(ours: System, effort: Effort) -> list[dict[str, Any]]:
    """Median times of every shape, LSTM and GRU; the shapes of one group are measured in turn, as systems are."""
    rows: list[dict[str, Any]] = []
    cells: tuple[Cell, ...] = ("lstm", "gru")
    for cell in cells:
        for group, shapes in {"tails": (TAIL, *NEIGHBOURS), **LINES}.items():
            print(f"scaling  {cell} {group}", file=sys.stderr, flush=True)
            rows += _group(ours, group, [Case("forward", cell, *shape) for shape in shapes], effort)
    return rows


def _group(ours: System, group: str, cases: list[Case], effort: Effort) -> list[dict[str, Any]]:
    """One process a shape, all waiting but one."""
    systems = [replace(ours, name=case.name) for case in cases]
    with tempfile.TemporaryDirectory() as folder:
        clients = start(systems, None, Path(folder))
        try:
            for client, case in zip(clients, cases, strict=True):
                wanted = Path(folder) / "expected.npy"
                np.save(wanted, expected(case))
                client.prepare(case, wanted)
                answer = {**client.answer(), **client.choose()}
                if "failed" in answer:
                    raise RuntimeError(f"{case.name}: {answer['failed']}")
            found = measure_together(clients, effort)
        finally:
            for client in clients:
                client.stop()
    return [
        {"group": group, "case": case.as_dict(), "operations": case.operations(), **found[case.name]} for case in cases
    ]
