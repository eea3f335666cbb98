"""`cases.jsonl.gz` and `cases.npz`: models and layers with their outputs."""

from __future__ import annotations

from pathlib import Path

import layer_cases
import model_cases
import recurrent_cases
from case import record
from store import Store, write_lines
from systems import SYSTEMS


def make(out: Path) -> None:
    store, lines = Store(), []
    for system in SYSTEMS:
        for group in (recurrent_cases, layer_cases, model_cases):
            lines += [record(system, case, store) for case in group.cases(system)]
    names = [line["id"] for line in lines]
    assert len(set(names)) == len(names), "two cases of one name"
    write_lines(out / "cases.jsonl.gz", lines)
    store.save(out / "cases.npz")
    print(len(lines), "cases")
