"""Sequences of unlike lengths: `python -m benchmarks.lengths`.

Ours with `lengths=` beside ours padded in full, and PyTorch's PackedSequence beside PyTorch padded in full, measured in
turn: forward, and with the gradients of the weights. What counts is the cost of a real step, against that of a step of
a full batch.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import isa, machine, peers, report, run
from benchmarks.compare import FULL, QUICK, Effort, measure_together
from benchmarks.peers import OURS, System
from benchmarks.store import RESULTS, ROUGH, save
from benchmarks.unlike import Unlike, all_unlike
from benchmarks.workers.client import Client, start

_OURS, _PEER = "benchmarks.workers.unlike_ours", "benchmarks.workers.unlike_pytorch"
WAYS = (
    System("Gatewise, padded", _OURS, OURS.environment, way="padded", held_as=isa.OURS_ON_JAX),
    System("Gatewise, lengths", _OURS, OURS.environment, way="lengths", held_as=isa.OURS_ON_JAX),
    System("PyTorch, padded", _PEER, "torch", way="padded", held_as="PyTorch"),
    System("PyTorch, packed", _PEER, "torch", way="packed", held_as="PyTorch"),
)
_TOLERANCE = 1e-4  # Of the largest number: float32 with other orders of sums, over 256 steps or 16,384 terms.


def _check(case: Unlike, folder: Path) -> None:
    """Raise where any way gives other numbers than the rest."""
    found = {path.name: np.load(path) for path in sorted(folder.glob("*.npy"))}
    first = next(iter(found.values()))
    for name, result in found.items():
        error = float(np.abs(result - first).max()) / float(np.abs(first).max())
        if not error <= _TOLERANCE:
            raise RuntimeError(f"{case.name}: {name} is off by {error:.1e} of the largest number")


def _row(clients: list[Client], case: Unlike, threads: int | None, effort: Effort) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        for client in clients:
            client.ask(do="prepare", case=case.as_dict(), expected=str(Path(folder) / client.system.name))
            answer = client.answer()
            if "failed" in answer:
                raise RuntimeError(f"{case.name}, {client.system.name}: {answer['failed']}")
        _check(case, Path(folder))
    for client in clients:
        client.choose()
    times = measure_together(clients, effort)
    row = {"case": case.as_dict(), "threads": threads or "default", "share": case.share(), "systems": times}
    figures = ", ".join(f"{name} {found['median_us'] / 1000:.2f} ms" for name, found in times.items())
    print(f"{row['threads']:>7}  {case.name:<26} {figures}", file=sys.stderr, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lengths", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="rough figures, in build/benchmarks/results")
    parser.add_argument("--one-thread", action="store_true", help="not with every system's own number of threads too")
    run.add_arguments(parser)
    arguments = parser.parse_args()
    peers.ensure("torch")
    machine.warn_if_busy()
    this = run.begin(arguments.isa)
    facts, rows, versions = this.facts(), [], {}
    effort = QUICK if arguments.quick else FULL
    for threads in (1,) if arguments.one_thread else (None, 1):
        with tempfile.TemporaryDirectory() as logs:
            clients = start(this.hold(WAYS), threads, Path(logs))
            try:
                rows += [_row(clients, case, threads, effort) for case in all_unlike()]
                for client in clients:
                    versions.update(client.versions)
            finally:
                for client in clients:
                    client.stop()
    root = arguments.output or (ROUGH if arguments.quick else RESULTS)
    folder = this.folder(root)
    save(folder / "lengths.json", {"machine": facts, "versions": versions, "rows": rows})
    report.write(root, folder)


if __name__ == "__main__":
    main()
