"""The tables of the project's README: several machines and sets side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks import isa, store
from benchmarks.compare import Row, geometric_mean
from benchmarks.peers import OURS
from benchmarks.tables import held_names, shape, short, table

# What is shown, and how a row is called.
_KINDS = {"forward": "{}", "step": "one step of a stream, {}"}
_TRAINING_KINDS = {"train": "{}", "epoch": "epoch of `fit`, {}", "unequal": "epoch of unequal lengths, {}"}


def lines(root: Path, pairs: list[str], training: bool = False) -> list[str]:
    """What each pair "KIND/SET" under `root` was measured on, and one table with three columns a pair.

    With `training` of the runs that train, else of those at inference.
    """
    kinds = _TRAINING_KINDS if training else _KINDS
    columns = {pair: _results(root, pair, "training" if training else "inference") for pair in pairs}
    rows = {pair: _rows(results, kinds) for pair, results in columns.items()}
    names = dict.fromkeys(name for chosen in rows.values() for name in chosen)
    head = ["us (median), default threads"]
    for results in columns.values():
        head += [f"Gatewise, {_title(results, columns)}", "best peer", "best peer / ours"]
    body = [[name, *(cell for chosen in rows.values() for cell in _cells(chosen.get(name)))] for name in names]
    return [line for pair, results in columns.items() for line in _about(results, rows[pair])] + table(head, body)


def _results(root: Path, pair: str, name: str) -> dict[str, Any]:
    found = store.load(root / pair)
    if name not in found:
        known = [path.relative_to(root).as_posix() for path in store.pairs(root)]
        sys.exit(f"no {name}.json for {pair}; there are results of {', '.join(known) or 'nothing'}")
    return found[name]


def _rows(results: dict[str, Any], kinds: dict[str, str]) -> dict[str, Row]:
    """The rows that are shown, by what they are called."""
    shown = [row for row in results["rows"] if row["threads"] == "default" and row["case"]["kind"] in kinds]
    return {kinds[row["case"]["kind"]].format(shape(row)): row for row in shown}


def _title(results: dict[str, Any], columns: dict[str, Any]) -> str:
    """The set, and the machine too where there are several."""
    words = isa.WORDS[results["machine"]["isa"]]
    kinds = {each["machine"]["kind"] for each in columns.values()}
    return words if len(kinds) == 1 else f"{results['machine']['kind']}, {words}"


def _about(results: dict[str, Any], rows: dict[str, Row]) -> list[str]:
    machine = results["machine"]
    ratios = [row["ratio"] for row in rows.values() if row["ratio"] is not None]
    ahead = sum(ratio > 1 for ratio in ratios)
    holding = isa.sentence(held_names(rows.values()), machine["isa"], machine["held"])
    return [
        f"{isa.WORDS[machine['isa']]}: {machine['cores']} cores of {machine['processor']}, {machine['date'][:10]}, "
        f"commit {machine['commit']}. {holding} "
        f"Ours is first in {ahead} of {len(ratios)} rows; the geometric mean of best peer / ours is "
        f"{geometric_mean(ratios):.2f}.",
        "",
    ]


def _cells(row: Row | None) -> list[str]:
    if row is None:
        return ["-", "-", "-"]
    times = {name: result["median_us"] for name, result in row["systems"].items() if "median_us" in result}
    ours = short(times[OURS.name]) if OURS.name in times else "failed"
    peer = f"{short(times[row['best_peer']])} {row['best_peer']}" if row["best_peer"] else "-"
    return [ours, peer, "-" if row["ratio"] is None else f"{row['ratio']:.2f}"]
