"""`python -m benchmarks`: measure, write the JSON, the tables and the picture."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import machine, peers, precision, report, roofline, scaling
from benchmarks.cases import Case, all_cases, precision_cases
from benchmarks.compare import FULL, QUICK, Effort, Row, compare
from benchmarks.peers import OURS, ROOT, SYSTEMS, System

RESULTS = Path(__file__).parent / "results"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds: does everything run? The figures are rough")
    parser.add_argument("--only", default="", help="cases whose name contains this: 'step', 'gru (32,', 'bfloat16'")
    parser.add_argument("--systems", default="", help="peers to compare with, separated by commas; default all")
    parser.add_argument("--threads", choices=("default", "one", "both"), default="both")
    parser.add_argument("--no-scaling", action="store_true", help="leave out odd sizes and growth")
    parser.add_argument("--output", type=Path, help="folder for the results; benchmarks/results for a full run")
    parser.add_argument("--report", action="store_true", help="only write tables and picture again")
    return parser.parse_args()


def _systems(names: str) -> list[System]:
    wanted = [name.strip().lower() for name in names.split(",") if name.strip()]
    known = {system.name.lower(): system for system in SYSTEMS}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"unknown systems {unknown}; there are: {', '.join(system.name for system in SYSTEMS)}")
    return [system for system in SYSTEMS if not wanted or system is OURS or system.name.lower() in wanted]


def _measure(systems: list[System], cases: list[Case], modes: list[int | None], effort: Effort) -> dict[str, Any]:
    machine.warn_if_busy()
    facts, versions, rows = machine.facts(), {}, list[Row]()
    limits = {count: roofline.measure(count) for count in {roofline.cores(), 1}}
    for threads in modes:
        found, their_versions = compare(systems, cases, threads, effort)
        rows += found
        versions.update(their_versions)
        limits = {count: roofline.better(limit, roofline.measure(count)) for count, limit in limits.items()}
    for row in rows:
        _judge(row, limits[row["threads"] if row["threads"] == 1 else roofline.cores()])
    return {"machine": {**facts, "versions": versions}, "limits": list(limits.values()), "rows": rows}


def _judge(row: Row, limit: dict[str, Any]) -> None:
    """Add to a row how near ours comes to the machine's limit."""
    row["limit"] = roofline.least_seconds(row, limit)
    ours = row["systems"].get(OURS.name, {}).get("median_us")
    if ours:
        row["limit"]["reached"] = row["limit"]["least_us"] / ours


def _write(folder: Path, name: str, value: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(value, indent=1) + "\n")


def main() -> int:
    arguments = _arguments()
    partial = arguments.quick or arguments.only or arguments.systems or arguments.threads != "both"
    output = arguments.output or (ROOT / "build" / "benchmarks" / "results" if partial else RESULTS)
    if arguments.report:
        report.write(output if arguments.output else RESULTS)
        return 0
    effort = QUICK if arguments.quick else FULL
    cases = [case for case in all_cases() if arguments.only in case.name]
    systems = _systems(arguments.systems) if cases else []
    halved = [case for case in precision_cases() if arguments.only in case.name]
    for environment in dict.fromkeys(system.environment for system in systems if system.environment):
        peers.ensure(environment)
    modes: dict[str, list[int | None]] = {"default": [None], "one": [1], "both": [None, 1]}
    begin = time.monotonic()
    results = _measure(systems, cases, modes[arguments.threads], effort)
    if halved:
        results["precision"] = precision.measure(halved, modes[arguments.threads], effort)
    if not arguments.no_scaling and not arguments.only:
        results["scaling"] = scaling.measure(effort)
    results["seconds"] = round(time.monotonic() - begin)
    _write(output, "inference.json", results)
    report.write(output)
    print(f"{results['seconds']} s; results in {output}", file=sys.stderr)
    failed = any("failed" in row["systems"].get(OURS.name, {}) for row in results["rows"])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
