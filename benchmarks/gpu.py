"""Recurrent layers on a GPU, ours through JAX against PyTorch's, which run cuDNN: forward, and a step of training.

    PYTHONPATH=src python -m benchmarks.gpu --output DIR            # float32
    PYTHONPATH=src python -m benchmarks.gpu --output DIR --tf32     # products may be of TF32 numbers, for both
    PYTHONPATH=src python -m benchmarks.gpu --output DIR --quick    # does it all run? On a CPU too

It needs JAX and PyTorch for the GPU in one environment, and the native engine of this package, for what runs on NumPy:
built by `pip install --no-build-isolation --no-deps .`, or `_native*.so` in `src/gatewise/engine`. Each library has a
process of its own. Before a case is timed, outputs are held to a float64 reference, and the weights after a step of
training to the other library's. Then they run in turn, for many rounds; times are medians of calls that end when the
result is there.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.cases import FORWARD_SHAPES, Case, Cell, expected, largest_error, weights
from benchmarks.peers import ROOT, System, variables
from benchmarks.store import save
from benchmarks.tables import short, table
from benchmarks.workers.client import Client, start

Row = dict[str, Any]

OURS, TORCH = "Gatewise", "PyTorch"
CELLS: tuple[Cell, ...] = ("lstm", "gru")
QUICK_SHAPES = ((1, 10, 4, 8), (4, 10, 4, 8))
PROGRAM_TOLERANCE = 2e-3  # Three epochs of Adam: differences of rounding grow; anything wrong is far larger.


@dataclass(frozen=True)
class Effort:
    """How long to measure: in each of `rounds` each way runs for `seconds`; no case begins after `limit` seconds."""

    rounds: int
    seconds: float
    limit: float


FULL = Effort(9, 0.05, 270.0)
QUICK = Effort(3, 0.01, 60.0)


def systems(tf32: bool) -> list[System]:
    """Both libraries, in this environment, free to see the GPU."""
    free = {
        "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0"),
        "JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS", ""),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # They share the GPU's memory.
        "BENCHMARK_TF32": "1" if tf32 else "0",
    }
    found = [System(OURS, "benchmarks.workers.gpu_ours", None, free)]
    if importlib.util.find_spec("torch") is not None:
        found.append(System(TORCH, "benchmarks.workers.gpu_pytorch", None, free))
    return found


def cases(quick: bool) -> list[tuple[str, Case]]:
    """What is run: forward at all sizes, then training."""
    shapes = QUICK_SHAPES if quick else FORWARD_SHAPES
    return [
        (what, Case("forward", cell, *shape)) for what in ("forward", "train") for cell in CELLS for shape in shapes
    ]


def measured(clients: list[Client], what: str, case: Case, effort: Effort, folder: Path) -> Row:
    """One case: everyone prepared and checked, then timed in turn."""
    for client in clients:
        client.ask(do="prepare", case=case.as_dict(), what=what, results=str(folder / client.system.name))
    answers = {client.system.name: client.answer() for client in clients}
    row: Row = {"what": what, "case": case.as_dict(), "systems": {}}
    for name, answer in answers.items():
        row["systems"][name] = {"failed": answer["failed"]} if "failed" in answer else {"ways": {}}
    ways = [(client, way) for client in clients for way in answers[client.system.name].get("ways", [])]
    found = {
        (client.system.name, way): np.load(folder / f"{client.system.name}-{place}.npy")
        for client in clients
        for place, way in enumerate(answers[client.system.name].get("ways", []))
    }
    samples: dict[tuple[str, str], list[float]] = {key: [] for key in found}
    for number in range(effort.rounds):
        shift = number % len(ways) if ways else 0
        for client, way in ways[shift:] + ways[:shift]:
            client.ask(do="run", way=way, seconds=effort.seconds)
            samples[client.system.name, way] += client.answer().get("samples", [])
    errors = _errors(what, case, found)
    for (name, way), times in samples.items():
        row["systems"][name]["ways"][way] = {**_summary(times), "error": errors[name, way]}
    return row


def _errors(what: str, case: Case, found: dict[tuple[str, str], Any]) -> dict[tuple[str, str], float]:
    """How far outputs are from the reference; of training, how far the recurrent weights moved otherwise than those of
    the last way of the others, relative to the largest move."""
    if what == "forward":
        want = expected(case)
        return {key: largest_error(case, y, want) for key, y in found.items()}
    before = weights(case).recurrent_kernel.astype(np.float64)
    moves = {key: value - before for key, value in found.items()}
    last = next(reversed(moves.values()), None)
    if last is None:
        return {}
    return {key: float(np.abs(move - last).max() / np.abs(last).max()) for key, move in moves.items()}


def _summary(nanoseconds: list[float]) -> Row:
    """Median and quartiles in microseconds."""
    if not nanoseconds:
        return {"failed": "the worker ended while it was measured"}
    low, middle, high = np.percentile(nanoseconds, [25, 50, 75]) / 1000
    return {"median_us": float(middle), "quartiles_us": [float(low), float(high)], "samples": len(nanoseconds)}


def run(effort: Effort, quick: bool, tf32: bool) -> Row:
    """All cases, within the time that there is."""
    begin = time.monotonic()
    rows, left_out = [], []
    with tempfile.TemporaryDirectory() as folder:
        clients = start(systems(tf32), None, Path(folder))
        try:
            for what, case in cases(quick):
                if time.monotonic() - begin > effort.limit:
                    left_out.append(f"{what} {_sizes({'case': case.as_dict()})}")
                    continue
                rows.append(measured(clients, what, case, effort, Path(folder)))
                print(_line(rows[-1]), file=sys.stderr, flush=True)
        finally:
            for client in clients:
                client.stop()
    versions = {name: value for client in clients for name, value in client.versions.items()}
    return {
        "machine": {**_facts(), **versions},
        "precision": "tf32" if tf32 else "float32",
        "rows": rows,
        "left_out": left_out,
        "seconds": round(time.monotonic() - begin, 1),
    }


def _facts() -> Row:
    facts = machine.facts()
    return {name: facts[name] for name in ("processor", "cores", "system", "python", "commit", "date")}


def _best(result: Row) -> tuple[str, float] | None:
    """A system's fastest way and its median in microseconds."""
    times = {way: each["median_us"] for way, each in result.get("ways", {}).items() if "median_us" in each}
    return min(times.items(), key=lambda item: item[1]) if times else None


def _sizes(row: Row) -> str:
    case = Case(**row["case"])
    return f"{case.cell.upper()} ({case.batch},{case.time},{case.features},{case.units})"


def _line(row: Row) -> str:
    parts = [f"{row['what']:<8} {_sizes(row):<24}"]
    for name, result in row["systems"].items():
        parts.append(f"{name}: {result['failed']}" if "failed" in result else "")
        parts += [
            f"{way} {each.get('median_us', float('nan')):.0f} us ({each['error']:.1e})"
            for way, each in result.get("ways", {}).items()
        ]
    return "  ".join(part for part in parts if part)


# -- a whole program --------------------------------------------------------------------------------------------------


def program() -> Row:
    """A Keras program on what JAX sees and on the CPU: both devices, and the largest difference of its numbers."""
    ours = systems(tf32=False)[0]
    on_cpu = replace(ours, settings={**ours.settings, "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"})
    command = [sys.executable, "-m", "benchmarks.workers.gpu_program"]
    runs = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**variables(None, each), "JAX_DEFAULT_MATMUL_PRECISION": "highest"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for each in (ours, on_cpu)
    ]
    said = [each.communicate()[0] for each in runs]
    if any(each.returncode for each in runs):
        return {"failed": f"exit codes {[each.returncode for each in runs]} (on JAX's device, on the CPU)"}
    here, there = (json.loads(text.splitlines()[-1]) for text in said)
    differences = {
        name: float(np.abs(np.subtract(value, there["numbers"][name])).max()) for name, value in here["numbers"].items()
    }
    telling = {name: value for name, value in differences.items() if "accuracy" not in name}
    telling["evaluate"] = abs(here["numbers"]["evaluate"][0] - there["numbers"]["evaluate"][0])
    return {
        "devices": [here["device"], there["device"]],
        "differences": differences,
        "agrees": max(telling.values()) <= PROGRAM_TOLERANCE,
        "numbers": here["numbers"],
    }


# -- the page ---------------------------------------------------------------------------------------------------------


def page(results: Row) -> list[str]:
    """The results in Markdown."""
    about = results["machine"]
    lines = [
        f"# {about.get('gpu') or about.get('device')}",
        "",
        f"{about['date']}, commit {about['commit']}, gatewise {about.get('gatewise')}, jax {about.get('jax')}, torch "
        f"{about.get('torch')} (cuDNN {about.get('cudnn of torch')}), {results['precision']}. Written by "
        "`python -m benchmarks.gpu`, whose head says how it is measured. Microseconds, medians; (B,T,I,H).",
        "",
    ]
    for what, title in (("forward", "Forward, every step's output"), ("train", "A step of training: SGD, last output")):
        rows = [row for row in results["rows"] if row["what"] == what]
        if rows:
            lines += [f"## {title}", "", *_table(rows)]
    if results["left_out"]:
        lines += [f"Left out, as the time was over: {', '.join(results['left_out'])}.", ""]
    return lines + _program_lines(results.get("program"))


def _table(rows: list[Row]) -> list[str]:
    head = sorted(
        {(name, way) for row in rows for name, each in row["systems"].items() for way in each.get("ways", {})}
    )
    body = []
    for row in rows:
        cells = [row["systems"][name].get("ways", {}).get(way, {}).get("median_us") for name, way in head]
        best = {name: _best(each) for name, each in row["systems"].items()}
        ours, theirs = best.get(OURS), best.get(TORCH)
        ratio = "-" if ours is None or theirs is None else short(theirs[1] / ours[1])
        body.append([_sizes(row), *("failed" if cell is None else short(cell) for cell in cells), ratio])
    return table(["", *(f"{name} {way}" for name, way in head), "PyTorch's best / ours"], body)


def _program_lines(found: Row | None) -> list[str]:
    if found is None:
        return []
    if "failed" in found:
        return ["## A Keras program", "", f"Failed: {found['failed']}.", ""]
    largest = ", ".join(f"{name} {value:.1e}" for name, value in found["differences"].items())
    verdict = "agree" if found["agrees"] else "DIFFER"
    return [
        "## A Keras program",
        "",
        f"compile, fit, evaluate, predict, save and load on {found['devices'][0]} and on {found['devices'][1]} "
        f"{verdict}. Largest differences: {largest}.",
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Recurrent layers on a GPU, against PyTorch's cuDNN.")
    parser.add_argument("--output", type=Path, required=True, help="the folder for gpu-PRECISION.json and .md")
    parser.add_argument("--quick", action="store_true", help="a few small cases")
    parser.add_argument("--tf32", action="store_true", help="allow TF32 in both libraries")
    parser.add_argument("--seconds", type=float, help="begin no case after so many seconds")
    parser.add_argument("--no-program", action="store_true", help="leave out the whole program")
    given = parser.parse_args()
    effort = QUICK if given.quick else FULL
    if given.seconds is not None:
        effort = replace(effort, limit=given.seconds)
    results: Row = {"program": None if given.no_program else program()}
    results = {**run(effort, given.quick, given.tf32), **results}
    path = given.output / f"gpu-{results['precision']}.json"
    save(path, results)
    text = "\n".join(page(results)).rstrip() + "\n"
    path.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
