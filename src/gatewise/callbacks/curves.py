"""A training's numbers as HTML: a curve for each name, drawn by the browser, and a table of epochs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

from gatewise.callbacks.progress import number

_WIDTH, _HEIGHT, _EDGE = 240, 120, 8
"""Of a curve's picture, in pixels."""
_ROWS: Final = 12
"""So many epochs stand in the table at most: the first half of them, and the last."""
_COLORS: Final = ("#0969da", "#bc4c00")
"""Of training, and of validation."""


def as_html(history: Mapping[str, Sequence[Any]], epochs: Sequence[int]) -> str:
    """The pictures and the table.

    >>> as_html({"loss": [0.5, 0.25]}, [0, 1]).count("<tr>")
    3
    """
    pictures = [_picture(name, history) for name in history if not _is_of_validation(name, history)]
    return f"<div>{''.join(pictures)}</div>{_table(history, epochs)}"


def _is_of_validation(name: str, history: Mapping[str, Any]) -> bool:
    return name.startswith("val_") and name[4:] in history


def _picture(name: str, history: Mapping[str, Sequence[Any]]) -> str:
    series = [[_plain(value) for value in history[key]] for key in (name, f"val_{name}") if key in history]
    shown = [value for values in series for value in values if math.isfinite(value)]
    low, high = min(shown, default=0.0), max(shown, default=1.0)
    lines = "".join(_line(values, low, high, color) for values, color in zip(series, _COLORS, strict=False))
    return (
        f'<figure style="display:inline-block;margin:4px"><svg width="{_WIDTH}" height="{_HEIGHT}">{lines}</svg>'
        f"<figcaption>{escape(name)}</figcaption></figure>"
    )


def _line(values: list[float], low: float, high: float, color: str) -> str:
    span, last = (high - low) or 1.0, max(len(values) - 1, 1)
    points = [
        f"{_EDGE + place / last * (_WIDTH - 2 * _EDGE):.1f},{_HEIGHT - _EDGE - share * (_HEIGHT - 2 * _EDGE):.1f}"
        for place, share in ((place, (value - low) / span) for place, value in enumerate(values))
        if math.isfinite(share)
    ]
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" stroke-width="1.5"/>'


def _table(history: Mapping[str, Sequence[Any]], epochs: Sequence[int]) -> str:
    count = max(len(epochs), *(len(values) for values in history.values())) if history else 0
    half = _ROWS // 2
    places: list[int | None] = [*range(count)] if count <= _ROWS else [*range(half), None, *range(count - half, count)]
    rows = [_row("td", _cells(history, place)) for place in places]
    return f"<table>{_row('th', ['epoch', *history])}{''.join(rows)}</table>"


def _cells(history: Mapping[str, Sequence[Any]], place: int | None) -> list[str]:
    if place is None:
        return ["..."] * (len(history) + 1)
    return [str(place + 1), *(number(values[place]) if place < len(values) else "" for values in history.values())]


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _plain(value: Any) -> float:
    try:
        return float(value.mean() if hasattr(value, "mean") else value)
    except (TypeError, ValueError):
        return math.nan
