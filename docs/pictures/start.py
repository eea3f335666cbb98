"""The pictures of docs/start.md: runs the page's own snippets, and draws what they made."""

from __future__ import annotations

import doctest
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "src")]

from drawn import BLUE, GREY, ORANGE, Pictures, draw, figure, finish, say  # noqa: E402


def made() -> dict[str, Any]:
    """The names of the page after its last snippet."""
    page = (HERE.parent / "start.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    snippets = "".join(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for example in doctest.DocTestParser().get_examples(snippets):
            exec(example.source, names)
        os.chdir(HERE)
    return names


def forecast() -> Any:
    drawing = figure(7, 2.7)
    left, right = drawing.subplots(1, 2, width_ratios=[2, 1])
    left.plot(NAMES["y_test"][:, 0], color=GREY, linewidth=1.2, label=say("value"))
    left.plot(
        NAMES["model"].predict(NAMES["x_test"], verbose=0)[:, 0], color=BLUE, linewidth=1.6, label=say("forecast")
    )
    left.set(xlabel=say("test window"))
    finish(left)
    right.plot(NAMES["history"].history["loss"], color=BLUE, linewidth=1.8, label=say("training error"))
    right.axhline(NAMES["simplest"], color=ORANGE, linestyle="--", linewidth=1.2, label=say("the simplest"))
    right.set(xlabel=say("epoch"), yscale="log")
    finish(right, fontsize=9)
    return drawing


PICTURES: Final[Pictures] = {"start_forecast": forecast}

CHINESE: Final = {
    "value": "实际值",
    "forecast": "预测值",
    "test window": "测试窗口",
    "training error": "训练误差",
    "the simplest": "最简单的预测",
    "epoch": "轮次",
}


if __name__ == "__main__":
    NAMES: Final = made()
    draw(PICTURES, CHINESE, HERE)
    NAMES["figure"].savefig(HERE / "start_inside.png", dpi=100, facecolor="white")
