"""Markdown tables, and the words for figures, cases and machines that all reports share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.cases import Case
from benchmarks.compare import Row
from benchmarks.isa import OURS_ON_JAX, WORDS
from benchmarks.peers import BESIDE, OURS, SYSTEMS


def table(head: list[str], body: Iterable[list[str]]) -> list[str]:
    """A Markdown table: the first column to the left, the others to the right."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(line) + " |" for line in [head, rule, *body]] + [""]


def short(value: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def percent(value: float | None) -> str:
    """A share, or a dash where there is none."""
    return "-" if value is None else f"{value:.0%}"


def shape(row: Row) -> str:
    """`LSTM (B,T,I,H)`, or with only I and H for a step."""
    case = Case(**row["case"])
    sizes = (case.features, case.units) if case.kind == "step" else (case.batch, case.time, case.features, case.units)
    return f"{case.cell.upper()} ({','.join(map(str, sizes))})"


def systems_of(rows: Iterable[Row]) -> list[str]:
    """The systems that rows have results of, in the order of the tables; without what is only shown beside them."""
    known = {name for row in rows for name in row["systems"]}
    return [system.name for system in SYSTEMS if system.name in known]


def columns_of(rows: Iterable[Row]) -> list[str]:
    """`systems_of`, and beside ours what is shown beside it."""
    rows = list(rows)
    shown = [BESIDE] if any(BESIDE in row["systems"] for row in rows) else []
    names = systems_of(rows)
    return [*(name for name in names if name == OURS.name), *shown, *(name for name in names if name != OURS.name)]


def held_names(rows: Iterable[Row]) -> list[str]:
    """The systems, as the table of switches calls them."""
    rows = list(rows)
    training = any(Case(**row["case"]).trains for row in rows)
    return [OURS_ON_JAX if training and name == OURS.name else name for name in systems_of(rows)]


def place(machine: dict[str, Any]) -> str:
    """The kind of machine and the set, for the head of every section: `amd-25-17-avx512, AVX2`."""
    return f"{machine['kind']}, {WORDS[machine['isa']]}"
