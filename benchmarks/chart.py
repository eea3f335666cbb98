"""The picture: each system's time over Gatewise's, a line a case. Runs in the environment that has matplotlib."""

from __future__ import annotations

import json
import sys
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.isa import WORDS

# Colours that stay apart for colour-blind readers (P. Tol's bright set), and a marker each for print.
_STYLE = {
    "PyTorch": ("#ee6677", "o"),
    "ONNX Runtime": ("#4477aa", "s"),
    "OpenVINO": ("#228833", "D"),
    "Keras-TF": ("#ccbb44", "^"),
    "Keras-JAX": ("#66ccee", "v"),
    "Flax": ("#aa3377", "P"),
}
_OURS, _INK, _FAINT = "Gatewise", "#222222", "#dddddd"
_TICKS = (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


def _label(case: dict[str, Any]) -> str:
    sizes = [case[name] for name in ("batch", "time", "features", "units")]
    words = {"step": "one step, ", "mixed": "mixed lengths, "}.get(case["kind"], "")
    return f"{words}({', '.join(map(str, sizes[2:] if case['kind'] == 'step' else sizes))})"


def _ratios(row: dict[str, Any]) -> dict[str, float]:
    times = {name: result.get("median_us") for name, result in row["systems"].items()}
    ours = times.get(_OURS)
    return {name: times[name] / ours for name in _STYLE if ours and times.get(name)}


def _panel(axes: Any, rows: list[dict[str, Any]], title: str) -> None:
    for place, row in enumerate(rows):
        ratios = _ratios(row)
        axes.axhline(place, color=_FAINT, linewidth=0.8, zorder=0)
        if ratios:
            axes.plot([1, min(ratios.values())], [place, place], color="#999999", linewidth=2.5, zorder=1)
        for name, ratio in ratios.items():
            colour, marker = _STYLE[name]
            axes.scatter(ratio, place, color=colour, marker=marker, s=34, linewidth=0.6, edgecolor="white", zorder=3)
    axes.axvline(1, color=_INK, linewidth=1.4, zorder=2)
    axes.set_yticks(range(len(rows)), [_label(row["case"]) for row in rows], fontsize=8.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_title(title, fontsize=10.5, loc="left", color=_INK)
    axes.tick_params(length=0, colors=_INK)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _scale(axes: Any, rows: list[dict[str, Any]]) -> None:
    every = [ratio for row in rows for ratio in _ratios(row).values()] or [1.0]
    axes.set_xscale("log", base=2)
    axes.set_xlim(min(0.8, min(every) / 1.25), max(2.5, max(every) * 1.25))
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))


def _legend(figure: Any) -> None:
    marks = [
        plt.Line2D([], [], color=colour, marker=marker, linestyle="", markersize=6, label=name)
        for name, (colour, marker) in _STYLE.items()
    ]
    marks.insert(0, plt.Line2D([], [], color=_INK, linewidth=1.4, label="Gatewise"))
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), frameon=False, fontsize=9)


def draw(results: dict[str, Any], target: str) -> None:
    """Two columns, LSTM and GRU; a row of panels for each way of threading."""
    rows = results["rows"]
    modes = list(dict.fromkeys(row["threads"] for row in rows))
    cells = list(dict.fromkeys(row["case"]["cell"] for row in rows))
    panels = {
        (mode, cell): [row for row in rows if row["threads"] == mode and row["case"]["cell"] == cell]
        for mode in modes
        for cell in cells
    }
    tallest = max(map(len, panels.values()))
    size = (6.3 * len(cells), (0.27 * tallest + 0.75) * len(modes) + 1.1)
    options = {"figsize": size, "squeeze": False, "layout": "constrained", "sharex": True, "sharey": "row"}
    figure, grid = plt.subplots(len(modes), len(cells), **options)
    for line, mode in enumerate(modes):
        for column, cell in enumerate(cells):
            words = "one thread" if mode == 1 else "default threads"
            _panel(grid[line][column], panels[mode, cell], f"{cell.upper()}, {words}")
    for axes in grid[-1]:
        axes.set_xlabel("time over Gatewise's (right of the line: Gatewise is faster)", fontsize=9, color=_INK)
    _scale(grid[0][0], rows)
    machine = results["machine"]
    title = (
        f"Recurrent layers on {machine['cores']} CPU cores ({machine['kind']}, {WORDS[machine['isa']]}), float32, "
        f"(B, T, I, H); {machine['date'][:10]}"
    )
    figure.suptitle(title, fontsize=12, color=_INK)
    _legend(figure)
    figure.savefig(target, dpi=130, facecolor="white")


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        draw(json.load(file), sys.argv[2])
