"""The pictures of docs/inside.md: runs the page's own snippets and saves the figures that they draw."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

HERE = Path(__file__).parent


def draw(folder: Path = HERE) -> None:
    """Make inside_lstm.png and inside_gru.png."""
    page = (HERE.parent / "inside.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for snippet in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(snippet, names)
    for name in ("lstm", "gru"):
        names[f"{name}_figure"].savefig(folder / f"inside_{name}.png", dpi=110, facecolor="white")


if __name__ == "__main__":
    draw()
