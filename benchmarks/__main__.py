"""`python -m benchmarks`: measure, write the JSON, the tables and the picture."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from benchmarks import machine, peers, precision, report, roofline, run, scaling
from benchmarks.cases import Case, all_cases, precision_cases
from benchmarks.compare import FULL, QUICK, Effort, Row, compare
from benchmarks.peers import OURS, SYSTEMS, System
from benchmarks.run import Run
from benchmarks.store import RESULTS, ROUGH, save


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds: does everything run? The figures are rough")
    parser.add_argument("--only", default="", help="cases whose name contains this: 'step', 'gru (32,', 'bfloat16'")
    parser.add_argument("--systems", default="", help="peers to compare with, separated by commas; default all")
    parser.add_argument("--threads", choices=("default", "one", "both"), default="both")
    parser.add_argument("--no-scaling", action="store_true", help="leave out odd sizes and growth")
    run.add_arguments(parser)
    return parser.parse_args()


def _measure(
    here: Run, systems: list[System], cases: list[Case], modes: list[int | None], effort: Effort
) -> dict[str, Any]:
    machine.warn_if_busy()
    facts, versions, rows = here.facts(), {}, list[Row]()
    limits = roofline.of_this_machine(here.isa)
    for threads in modes:
        found, their_versions = compare(here.hold(systems), cases, threads, effort)
        rows += found
        versions.update(their_versions)
        limits = roofline.best(limits, roofline.of_this_machine(here.isa))
    for row in rows:
        roofline.judge(row, limits, facts["cache_bytes"])
    return {"machine": {**facts, "versions": versions}, "limits": limits, "rows": rows}


def main() -> int:
    arguments = _arguments()
    here = run.begin(arguments.isa)
    partial = arguments.quick or arguments.only or arguments.systems or arguments.threads != "both"
    output = arguments.output or (ROUGH if partial else RESULTS)
    effort = QUICK if arguments.quick else FULL
    cases = [case for case in all_cases() if arguments.only in case.name]
    systems = peers.named(arguments.systems, SYSTEMS) if cases else []
    halved = [case for case in precision_cases() if arguments.only in case.name]
    for environment in dict.fromkeys(system.environment for system in systems if system.environment):
        peers.ensure(environment)
    modes: dict[str, list[int | None]] = {"default": [None], "one": [1], "both": [None, 1]}
    begin = time.monotonic()
    results = _measure(here, systems, cases, modes[arguments.threads], effort)
    if halved:
        results["precision"] = precision.measure(here.ours, halved, modes[arguments.threads], effort)
    if not arguments.no_scaling and not arguments.only:
        results["scaling"] = scaling.measure(here.ours, effort)
    results["seconds"] = round(time.monotonic() - begin)
    folder = here.folder(output)
    save(folder / "inference.json", results)
    report.write(output, folder)
    print(f"{results['seconds']} s; results in {folder}", file=sys.stderr)
    failed = any("failed" in row["systems"].get(OURS.name, {}) for row in results["rows"])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
