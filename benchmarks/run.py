"""What a run is made on: the machine's kind, the set of instructions, and the folder that its results go to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import isa, machine
from benchmarks.peers import OURS, System
from benchmarks.workers.client import run_in

_ASK = ["-c", "from gatewise.engine import _native; print(*_native.isas())"]


@dataclass(frozen=True)
class Run:
    """The kind of machine (see `machine.kind`), the set that ours uses, and whether all are held to it."""

    kind: str
    isa: str
    held: bool

    @property
    def ours(self) -> System:
        return self.hold([OURS])[0]

    def hold(self, systems: Iterable[System]) -> list[System]:
        """The systems with the switches of this run."""
        return [
            replace(each, settings=isa.switches(each.held_as or each.name, self.isa) if self.held else {})
            for each in systems
        ]

    def facts(self) -> dict[str, Any]:
        """What the results say about the machine and the set."""
        return {**machine.facts(), "kind": self.kind, "isa": self.isa, "held": self.held}

    def folder(self, root: Path) -> Path:
        """Where results that depend on the set go, under `root`."""
        return root / self.kind / self.isa


def begin(wanted: str | None) -> Run:
    """The run on this machine, held to the set `wanted`, or free; what the machine lacks ends the program."""
    sets = run_in(OURS, _ASK).split()
    if wanted and wanted not in sets:
        sys.exit(f"--isa {wanted}: this machine has {', '.join(sets)}")
    return Run(machine.kind(machine.cpu(), sets[-1]), wanted or sets[-1], held=bool(wanted))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that all programs of the benchmarks share."""
    parser.add_argument("--isa", help=f"hold ours and the peers to one set of instructions: {', '.join(isa.WORDS)}")
    parser.add_argument("--output", type=Path, help="root of the results; benchmarks/results for a full run")
