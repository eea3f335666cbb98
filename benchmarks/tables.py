"""Markdown tables, and the words for figures, cases and machines that all reports share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.cases import Case
from benchmarks.compare import Row
from benchmarks.isa import WORDS


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


def place(machine: dict[str, Any]) -> str:
    """The kind of machine and the set, for the head of every section: `amd-25-17-avx512, AVX2`."""
    return f"{machine['kind']}, {WORDS[machine['isa']]}"
