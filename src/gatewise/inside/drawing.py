"""Pictures of traces: a column a layer, a panel each for the input, the gates, the states and the output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from gatewise.inside.memory import memory_in_words, steps_in_words

if TYPE_CHECKING:
    from gatewise.inside.layer_trace import LayerTrace

_OPENING: Final = "YlGnBu"  # Light is shut and dark is open, also in print.
_SIGNED: Final = "RdBu_r"
_MOST_LABELS: Final = 12
_INK: Final = "#222222"


class _Panel(NamedTuple):
    """What one panel shows of one sample.

    Attributes:
        title: above it.
        values: (rows, T), a row a unit or feature.
        rows: the numbers of these units.
        each: what a row is: "unit", or "feature".
        opens: whether the scale is from 0 to 1, and not one around 0.
        remembers: a text a row, at its right; or none.
    """

    title: str
    values: np.ndarray
    rows: list[int]
    each: str
    opens: bool
    remembers: list[str]

    @property
    def height(self) -> float:
        """In inches."""
        return float(np.clip(0.17 * len(self.rows), 0.4, 1.7))


def draw(layers: list[LayerTrace], sample: int, units: int | Iterable[int] | None, *, by_memory: bool) -> Any:
    """The figure; see `Trace.plot`."""
    plt = _pyplot()
    columns = [(layer, _panels(layer, sample, units, by_memory=by_memory)) for layer in layers]
    tallest = max(sum(panel.height + 0.36 for panel in panels) for _, panels in columns)
    width = 8.0 if len(columns) == 1 else 6.2 * len(columns)
    figure = plt.figure(figsize=(width, tallest + 0.9), layout="constrained")
    parts = np.ravel(figure.subfigures(1, len(columns)))
    for part, (layer, panels) in zip(parts, columns, strict=True):
        _column(part, layer, sample, panels)
    return figure


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot as plt
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise ImportError("A trace draws itself with matplotlib: pip install 'gatewise[plot]'.") from None
    return plt


# -- what to draw -----------------------------------------------------------------------------------------------------


def _panels(layer: LayerTrace, sample: int, units: int | Iterable[int] | None, *, by_memory: bool) -> list[_Panel]:
    batch, steps, width = layer.shape
    if not -batch <= sample < batch:
        raise IndexError(f"The trace of {layer.name!r} has {batch} samples, 0 to {batch - 1}; sample={sample} came.")
    if not steps:
        raise ValueError(f"The trace of {layer.name!r} has no steps to draw.")
    memory, carry = layer.memory, layer.carry
    rows = _rows(layer, width, units)
    if by_memory and memory is not None:
        rows.sort(key=lambda unit: -memory[unit])
    return [
        _panel("input x", layer.input[sample], range(layer.input.shape[2]), each="feature"),
        *(
            _panel(
                f"{layer.gates.words[letter]} {letter}",
                gate[sample],
                rows,
                signed=letter == layer.cell.candidate,
                memory=memory if letter == carry else None,
            )
            for letter, gate in layer.gates.items()
        ),
        # The first state is the output, but for masked steps that a layer gives as zeros.
        *(
            _panel(f"{layer.states.words[letter]} {letter}", state[sample], rows, signed=True)
            for letter, state in list(layer.states.items())[1:]
        ),
        _panel(f"output {next(iter(layer.states))}", layer.output[sample], rows, signed=True),
    ]


def _rows(layer: LayerTrace, width: int, units: int | Iterable[int] | None) -> list[int]:
    chosen = range(width) if units is None else [units] if isinstance(units, (int, np.integer)) else units
    rows = [int(unit) for unit in chosen]
    wrong = [unit for unit in rows if not 0 <= unit < width]
    if wrong or not rows:
        raise IndexError(
            f"The trace of {layer.name!r} has {width} units, 0 to {width - 1}; units={wrong or rows} came."
        )
    return rows


def _panel(
    title: str,
    values: np.ndarray,
    rows: Iterable[int],
    *,
    each: str = "unit",
    signed: bool = False,
    memory: np.ndarray | None = None,
) -> _Panel:
    """A panel of values (T, width); without a sign, the scale is 0..1 where they fit it."""
    rows = [row for row in rows if row < values.shape[1]]
    shown = values[:, rows].T.astype("float64")
    real = shown[np.isfinite(shown)]
    opens = not signed and bool(((real >= 0) & (real <= 1)).all())
    if memory is None:
        return _Panel(title, shown, rows, each, opens, [])
    few = len(rows) <= _MOST_LABELS
    words = "how many steps each unit remembers" if few else f"units remember {memory_in_words(memory)} steps"
    remembers = [steps_in_words(memory[row]) for row in rows if few]
    return _Panel(f"{title}, and {words}" if few else f"{title}; {words}", shown, rows, each, opens, remembers)


# -- drawing ----------------------------------------------------------------------------------------------------------


def _column(part: Any, layer: LayerTrace, sample: int, panels: list[_Panel]) -> None:
    """One layer's panels, one above the other over the same time."""
    grid = part.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=[panel.height for panel in panels])
    masked = None if layer.mask is None else ~layer.mask[sample]
    for axes, panel in zip(grid[:, 0], panels, strict=True):
        _draw_panel(part, axes, panel)
        for start, stop in _runs(masked):
            axes.axvspan(start - 0.5, stop - 0.5, facecolor="#eeeeee", edgecolor="#999999", hatch="////", linewidth=0)
    words = ["reads from right to left"] if layer.go_backwards else []
    words += ["hatched: masked"] if masked is not None and masked.any() else []
    part.suptitle(
        f"{layer.name} ({layer.layer}, {layer.shape[2]} units), sample {sample}\n{'; '.join(words)}".rstrip(),
        fontsize=11,
        color=_INK,
    )
    grid[-1, 0].set_xlabel("time step", fontsize=9, color=_INK)


def _draw_panel(part: Any, axes: Any, panel: _Panel) -> None:
    rows, steps = panel.values.shape
    real = np.abs(panel.values[np.isfinite(panel.values)])
    high = 1.0 if panel.opens or not real.size or not real.max() else float(real.max())
    low = 0.0 if panel.opens else -high
    image = axes.imshow(
        panel.values,
        aspect="auto",
        interpolation="nearest",
        cmap=_OPENING if panel.opens else _SIGNED,
        vmin=low,
        vmax=high,
        extent=(-0.5, steps - 0.5, rows - 0.5, -0.5),
    )
    axes.set_title(panel.title, fontsize=9, loc="left", color=_INK, pad=3)
    axes.tick_params(length=0, labelsize=8, colors=_INK)
    places = range(0, rows, -(-rows // _MOST_LABELS))
    axes.set_yticks(places, [str(panel.rows[place]) for place in places])
    axes.set_ylabel(panel.each, fontsize=8, color=_INK)
    for place in range(1, rows if rows <= _MOST_LABELS else 1):
        axes.axhline(place - 0.5, color="white", linewidth=1)
    if panel.remembers:
        right = axes.secondary_yaxis("right")
        right.set_yticks(range(rows), panel.remembers)
        right.tick_params(length=0, labelsize=8, colors=_INK)
        right.spines["right"].set_visible(False)
    bar = part.colorbar(image, ax=axes, ticks=[low, high] if panel.opens else [low, 0, high], pad=0.012, aspect=8)
    bar.ax.set_yticklabels([f"{tick:.2g}" for tick in bar.get_ticks()])
    bar.ax.tick_params(length=0, labelsize=7, colors=_INK)
    for edges in (axes, bar.ax):
        for spine in edges.spines.values():
            spine.set_visible(False)


def _runs(masked: np.ndarray | None) -> Iterator[tuple[int, int]]:
    """Where masked steps stand together: the first, and the one after the last.

    >>> list(_runs(np.array([True, True, False, True])))
    [(0, 2), (3, 4)]
    """
    place = 0
    for is_masked, run in groupby([] if masked is None else masked.tolist()):
        length = len(list(run))
        if is_masked:
            yield place, place + length
        place += length
