"""The pictures of docs/state.md: `python docs/pictures/state.py`. Colours are numbers of a trace."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.patches import Polygon, Rectangle

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "src")]

from drawn import BLUE, GREEN, GREY, INK, ORANGE, Pictures, arrow, box, draw, empty, figure, say  # noqa: E402

import gatewise as gw  # noqa: E402

STEPS, FEATURES, UNITS = 6, 3, 4
ROWS: Final = ("#dce9f5", "#fbe3d0", "#dff2e5")


def column(axes: Any, x: float, y: float, values: Any, high: float, size: float = 0.34) -> None:
    """Numbers of one step as coloured squares, one above the other."""
    for place, value in enumerate(values):
        color = mpl.colormaps["RdBu_r"](0.5 + 0.5 * float(value) / high)
        axes.add_patch(Rectangle((x, y + size * place), size, size, facecolor=color, edgecolor="white", linewidth=0.8))


def axes_of_data() -> Any:
    """A block of three sequences, each a sheet of steps by features."""
    drawing = figure(7, 2.9)
    axes = drawing.subplots()
    empty(axes, 14, 5.8)
    for row in (2, 1, 0):
        left, bottom = 2.2 + 0.8 * row, 1.0 + 1.1 * row
        for step in range(STEPS):
            for feature in range(FEATURES):
                place = (left + 1.2 * step, bottom + 0.4 * feature)
                axes.add_patch(Rectangle(place, 1.2, 0.4, facecolor=ROWS[row], edgecolor="#8899aa", linewidth=0.8))
    arrow(axes, (2.2, 0.55), (9.4, 0.55))
    axes.text(5.8, 0.15, say("time T: the state goes this way"), ha="center", va="center")
    arrow(axes, (1.9, 1.0), (1.9, 2.2))
    axes.text(1.75, 1.6, say("features I"), ha="right", va="center")
    arrow(axes, (9.65, 1.2), (11.2, 3.4))
    axes.text(10.75, 2.2, say("batch B: nothing\ngoes this way"), ha="left", va="center")
    return drawing


def outputs() -> Any:
    drawing = figure(7, 3.5)
    axes = drawing.subplots()
    empty(axes, 14.2, 7.2)
    gw.keras.utils.set_random_seed(1)
    layer = gw.layers.LSTM(UNITS)
    layer.build((1, None, FEATURES))
    x = np.random.default_rng(0).normal(size=(1, STEPS, FEATURES))
    trace = layer.trace(x)[layer.name]
    high = float(np.abs(trace.cell_state).max())
    for step in range(STEPS):
        left = 1.7 + 1.7 * step
        column(axes, left + 0.33, 0.35, x[0, step], float(np.abs(x).max()))
        arrow(axes, (left + 0.5, 1.4), (left + 0.5, 2.0))
        box(axes, left, 2.0, 1.0, 1.6, "LSTM", fontsize=9)
        arrow(axes, (left + 0.5, 3.6), (left + 0.5, 4.3))
        column(axes, left + 0.33, 4.35, trace.output[0, step], high)
        for height, letter in ((3.2, "h"), (2.4, "c")):
            arrow(axes, (left + 1.0, height), (left + 1.7, height))
            axes.text(left + 1.35, height + 0.1, letter, ha="center", va="bottom", fontsize=9)
        axes.text(left + 0.5, 0.1, f"x{step + 1}", ha="center", va="center", fontsize=9, color=GREY)
    for height in (3.2, 2.4):
        arrow(axes, (1.0, height), (1.7, height))
        axes.text(0.9, height, "0", ha="right", va="center", color=GREY)
    column(axes, 12.0, 1.05, trace.cell_state[0, -1], high)
    last = 1.7 + 1.7 * (STEPS - 1) + 0.33
    frame = {"fill": False, "linewidth": 2.0}
    axes.add_patch(Rectangle((1.7 + 0.15, 4.2), last - 1.7 - 0.15 + 0.62, 1.66, edgecolor=BLUE, **frame))
    axes.text(1.85, 6.2, say("return_sequences=True: all h, (B, T, H)"), color=BLUE, va="center")
    axes.add_patch(Rectangle((last - 0.12, 4.27), 0.58, 1.52, edgecolor=ORANGE, **frame))
    axes.text(last + 0.75, 5.0, say("the default:\nthe last h, (B, H)"), color=ORANGE, va="center")
    axes.add_patch(Rectangle((11.85, 0.95), 0.64, 1.56, edgecolor=GREEN, **frame))
    axes.text(
        11.9, 0.45, say("return_state=True:\nthe last h and c too"), color=GREEN, va="center", ha="left", fontsize=10
    )
    return drawing


def _call(axes: Any, left: float, row: int, bottom: float, start: str, color: str) -> None:
    axes.text(left - 0.15, bottom + 0.35, start, ha="right", va="center", color=color, fontsize=10)
    for step in range(4):
        x = left + 0.95 * step
        axes.add_patch(Rectangle((x, bottom), 0.7, 0.7, facecolor=ROWS[row], edgecolor="#8899aa"))
        if step:
            arrow(axes, (x - 0.25, bottom + 0.35), (x, bottom + 0.35), shrinkA=0, shrinkB=0)


def stateful() -> Any:
    drawing = figure(7, 3.2)
    axes = drawing.subplots()
    empty(axes, 14, 6.4)
    for place, (title, keeps) in enumerate((("stateful=False", False), ("stateful=True", True))):
        base = 3.3 - 3.1 * place
        axes.text(0.1, base + 2.55, title, va="center", color=INK)
        for row in range(2):
            bottom = base + 1.15 - 0.95 * row
            axes.text(0.1, bottom + 0.35, f"{say('row')} {row}", va="center", color=GREY, fontsize=10)
            _call(axes, 2.4, row, bottom, "0", GREY)
            _call(axes, 9.0, row, bottom, "" if keeps else "0", GREY)
            if keeps:
                arrow(axes, (6.0, bottom + 0.35), (8.95, bottom + 0.35), color=BLUE)
                axes.text(7.5, bottom + 0.42, say("state"), ha="center", va="bottom", color=BLUE, fontsize=9)
    for call, x in ((1, 4.1), (2, 10.8)):
        axes.text(x, 5.85, f"{say('call')} {call}", ha="center", va="center", color=GREY)
    axes.plot([7.45, 7.45], [3.3, 6.1], color=GREY, linewidth=0.8, linestyle=":")
    return drawing


def windows() -> Any:
    drawing = figure(7, 2.9)
    axes = drawing.subplots()
    empty(axes, 14, 5.8)
    size = 0.55
    axes.text(0.1, 5.35, say("the series"), va="center")
    for step in range(24):
        place = (0.3 + size * step, 4.3)
        axes.add_patch(Rectangle(place, size, size, facecolor=ROWS[step // 12], edgecolor="#8899aa", linewidth=0.8))
        axes.text(place[0] + size / 2, 4.3 + size / 2, str(step), ha="center", va="center", fontsize=8)
    for row in range(2):
        bottom = 1.5 - 1.1 * row
        axes.text(0.1, bottom + size / 2, f"{say('row')} {row}", va="center", color=GREY, fontsize=10)
        for step in range(12):
            left = 2.0 + size * step + 1.4 * (step // 4)
            axes.add_patch(
                Rectangle((left, bottom), size, size, facecolor=ROWS[row], edgecolor="#8899aa", linewidth=0.8)
            )
            axes.text(left + size / 2, bottom + size / 2, str(12 * row + step), ha="center", va="center", fontsize=8)
            if step in (4, 8):
                arrow(axes, (left - 1.4, bottom + size / 2), (left, bottom + size / 2), color=BLUE)
    for batch in range(3):
        left = 2.0 + batch * (4 * size + 1.4) - 0.12
        axes.add_patch(
            Rectangle((left, 0.25), 4 * size + 0.24, 1.95, fill=False, edgecolor=GREY, linestyle="--", linewidth=1)
        )
        axes.text(left + 2 * size + 0.12, 2.6, f"{say('batch')} {batch}", ha="center", va="center", color=GREY)
    axes.add_patch(Polygon([(6.9, 4.1), (7.2, 4.1), (7.05, 3.5)], color=GREY))
    return drawing


PICTURES: Final[Pictures] = {
    "state_axes": axes_of_data,
    "state_outputs": outputs,
    "state_stateful": stateful,
    "state_windows": windows,
}

CHINESE: Final = {
    "time T: the state goes this way": "时间 T：状态沿此方向传递",
    "features I": "特征 I",
    "batch B: nothing\ngoes this way": "批次 B：序列之间\n互不传递",
    "return_sequences=True: all h, (B, T, H)": "return_sequences=True：全部 h，(B, T, H)",
    "the default:\nthe last h, (B, H)": "默认：最后的 h，\n(B, H)",
    "return_state=True:\nthe last h and c too": "return_state=True：\n再给出最后的 h 和 c",
    "row": "行",
    "call": "调用",
    "state": "状态",
    "the series": "整个序列",
    "batch": "批次",
}


if __name__ == "__main__":
    draw(PICTURES, CHINESE, HERE)
