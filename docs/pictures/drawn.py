"""What the drawings of these pages share: one look, and words in two languages.

A picture is a function that gives a figure. It says its words through `say`, so that the Chinese page has the picture
with Chinese words: Sphinx takes `name.zh_CN.svg` for it where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

INK: Final = "#222222"
BLUE, ORANGE, GREEN, GREY = "#1f6fb4", "#d95f02", "#2a9d5c", "#999999"

_LOOK: Final = {
    "svg.fonttype": "none",  # Letters stay letters: small files, sharp at any size.
    "svg.hashsalt": "gatewise",  # The same picture is the same file.
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "figure.facecolor": "white",
}

Pictures = Mapping[str, Callable[[], Any]]

_words: Mapping[str, str] = {}


def say(english: str) -> str:
    """The words in the language that is being drawn."""
    if not _words:
        return english
    return _words[english]


def draw(pictures: Pictures, chinese: Mapping[str, str], folder: Path) -> None:
    """Make each picture in English and in Chinese."""
    global _words
    for words, ending in (({}, ".svg"), (chinese, ".zh_CN.svg")):
        _words = words
        for name, picture in pictures.items():
            with mpl.rc_context(_LOOK):
                figure = picture()
                save(figure, folder / f"{name}{ending}")
    _words = {}


def save(figure: Any, path: Path) -> None:
    """The figure as a small SVG file: numbers with two digits behind the point, and no date."""
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"-?\d+\.\d{4,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), text)
    text = text.replace("font: 11px 'sans-serif'", "font: 11px sans-serif").replace("'sans-serif'", "sans-serif")
    path.write_text(text, encoding="utf-8")


def figure(width: float = 7.0, height: float = 2.4) -> Any:
    """An empty figure, inches wide and high."""
    return plt.figure(figsize=(width, height), layout="constrained")


def lines(axes: Any, curves: Iterable[tuple[str, Any, str]], xlabel: str, ylabel: str) -> None:
    """Curves over steps, each with its label and colour."""
    for label, values, color in curves:
        axes.plot(np.arange(len(values)), values, color=color, label=label, linewidth=1.8)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    finish(axes)


def finish(axes: Any, **how: Any) -> None:
    """The legend above, where no curve is, and whole numbers as steps."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2, **how)
    axes.xaxis.get_major_locator().set_params(integer=True)


def pulses(axes: Any, x: Any) -> None:
    """Thin lines where the input has a pulse."""
    for step in np.flatnonzero(np.asarray(x).ravel()):
        axes.axvline(step, color=GREY, linewidth=0.8, linestyle=":")


def grid(axes: Any, values: Any, *, signed: bool = True, high: float | None = None) -> Any:
    """Numbers as colours: a row a unit, a column a step. Blue and red around zero, or light to dark."""
    values = np.asarray(values)
    high = high or float(np.abs(values).max()) or 1.0
    shown = axes.imshow(
        values,
        aspect="auto",
        interpolation="nearest",
        cmap="RdBu_r" if signed else "YlGnBu",
        vmin=-high if signed else 0,
        vmax=high,
    )
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return shown


def box(
    axes: Any, x: float, y: float, width: float, height: float, words: str, color: str = "#eef3f8", **how: Any
) -> None:
    """A box with words in its middle."""
    edge = how.pop("edge", "#8899aa")
    axes.add_patch(plt.Rectangle((x, y), width, height, facecolor=color, edgecolor=edge, linewidth=1.0))
    axes.text(x + width / 2, y + height / 2, words, ha="center", va="center", **how)


def arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], color: str = INK, **how: Any) -> None:
    """An arrow from one point to another."""
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 1.2, **how})


def empty(axes: Any, width: float, height: float) -> None:
    """Axes without axes, to draw boxes on."""
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
