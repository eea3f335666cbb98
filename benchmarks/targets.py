"""What the engine is to reach, beside what a run found.

A share of the peak holds useful products against the multiply-adds that the vectors of the set make at best on all
cores; a share of the reads' bound holds the time against reading the recurrent weights once a step. All with each
system's default threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.cases import FORWARD_SHAPES, GATES
from benchmarks.compare import Row, geometric_mean
from benchmarks.tables import percent, shape, table

_OVER_PEERS = 1.1
_TRAINING_OVER_PEERS, _TRAINING_MEAN, _TRAINING_OF_PEAK, _EPOCH_OVER_PEERS = 1.2, 2.0, 0.75, 3.0
# The least share of the peak by (B, T, I, H): on AVX2, and on every other set.
_OF_PEAK = {
    (32, 100, 256, 512): (0.70, 0.75),
    (256, 50, 64, 128): (0.70, 0.75),
    (256, 50, 256, 512): (0.80, 0.85),
}
_OF_READS = {(1, 100, 256, 512): 0.70}
_POOL = 0.35


@dataclass(frozen=True)
class Target:
    """One figure: what it is of, what was found, the least that is wanted (None: nothing), and where it was found."""

    what: str
    found: float | None
    least: float | None = None
    share: bool = True
    where: str = ""

    @property
    def missed(self) -> bool:
        """Whether less was found than is wanted."""
        return self.least is not None and self.found is not None and self.found < self.least

    def words(self, value: float | None) -> str:
        """A figure of this kind: a share in percent, a ratio with two decimals, a dash for nothing."""
        return percent(value) if self.share or value is None else f"{value:.2f}"

    def cell(self) -> str:
        """What was found, bold where it is missed, and in brackets what is wanted."""
        text = self.words(self.found) + (f" at {self.where}" if self.where else "")
        text = f"**{text}**" if self.missed else text
        return text if self.least is None else f"{text} ({self.words(self.least)})"


def targets(found: dict[str, Any]) -> list[Target]:
    """The targets of one machine and set; `found` has the results of its folder, by "inference",
    "training" and "serving"."""
    made: list[Target] = []
    if "inference" in found:
        made += _forward(found["inference"])
    if "training" in found:
        made += _training(found["training"])
    if "serving" in found:
        made += _pool(found["serving"])
    return made


def _forward(results: dict[str, Any]) -> list[Target]:
    rows = [row for row in results["rows"] if row["case"]["kind"] == "forward" and row["threads"] == "default"]
    judged = _judged(rows)
    if not judged:
        return []
    mean = Target("forward, best peer / ours: geometric mean", _mean(judged), share=False)
    lowest, ahead = _over_peers("forward", judged, _OVER_PEERS)
    return [lowest, mean, ahead, *_shares(rows, results["machine"]["isa"])]


def _training(results: dict[str, Any]) -> list[Target]:
    rows = results["rows"]
    steps = _judged([row for row in rows if row["case"]["kind"] == "train"])
    made = _over_peers("training step", steps, _TRAINING_OVER_PEERS) if steps else []
    for cell in GATES:
        own = [row for row in steps if row["case"]["cell"] == cell]
        if own:
            what = f"training step, best peer / ours: geometric mean, {cell.upper()}"
            made.append(Target(what, _mean(own), _TRAINING_MEAN, share=False))
    for row in rows:
        if row["case"]["kind"] == "train" and sizes(row) in _OF_PEAK:
            what = f"of the peak: training step, {shape(row)}"
            made.append(Target(what, row["limit"].get("of_peak"), _TRAINING_OF_PEAK))
    epochs = _judged([row for row in rows if row["case"]["kind"] == "epoch"])
    return made + [
        Target(f"epoch of fit, best peer / ours: {shape(row)}", row["ratio"], _EPOCH_OVER_PEERS, share=False)
        for row in epochs
    ]


def _judged(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["ratio"] is not None]


def _mean(rows: list[Row]) -> float:
    return geometric_mean([row["ratio"] for row in rows])


def _over_peers(what: str, judged: list[Row], least: float) -> list[Target]:
    """The lowest ratio, and the share of all rows that reach it."""
    lowest = min(judged, key=lambda row: row["ratio"])
    whole = len(FORWARD_SHAPES) * len(GATES)
    ahead = sum(row["ratio"] >= least for row in judged)
    return [
        Target(f"{what}, best peer / ours: lowest", lowest["ratio"], least, share=False, where=shape(lowest)),
        Target(f"{what}: rows of {whole} at {least} or more", ahead / whole, 1.0),
    ]


def sizes(row: Row) -> tuple[int, int, int, int]:
    """(B, T, I, H) of a row."""
    case = row["case"]
    return case["batch"], case["time"], case["features"], case["units"]


def _shares(rows: list[Row], isa: str) -> list[Target]:
    made = []
    for row in rows:
        limit = row["limit"]
        if sizes(row) in _OF_PEAK:
            least = _OF_PEAK[sizes(row)][isa != "avx2"]
            made.append(Target(f"of the peak: {shape(row)}", limit.get("of_peak"), least))
        if sizes(row) in _OF_READS:
            made.append(Target(f"of the reads' bound: {shape(row)}", limit.get("of_reads"), _OF_READS[sizes(row)]))
    return made


def _pool(results: dict[str, Any]) -> list[Target]:
    streams = results["streams"]
    what = f"of the peak: pool of {streams['streams']:,} streams"
    return [Target(f"{what}, {rate['batch']:,} ids", rate.get("of_peak"), _POOL) for rate in streams["rates"]]


def side_by_side(columns: dict[str, list[Target]]) -> list[str]:
    """A table of the targets, a column for each machine and set."""
    cells = {name: {target.what: target.cell() for target in column} for name, column in columns.items()}
    whats = dict.fromkeys(what for column in cells.values() for what in column)
    head = ["found (wanted)", *columns]
    return table(head, ([what, *(column.get(what, "-") for column in cells.values())] for what in whats))
