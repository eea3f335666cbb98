"""A trace: what every recurrent layer of a model computed at every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from types import MappingProxyType
from typing import Any

import numpy as np

from gatewise.base import structure
from gatewise.base.arrays import is_array
from gatewise.base.variable import Scope, steady
from gatewise.base.words import nearest
from gatewise.inside.layer_trace import LayerTrace
from gatewise.inside.memory import memory_in_words
from gatewise.inside.watching import Seen, watching
from gatewise.layer import Layer

_COLUMNS = ("layer", "class", "samples", "steps", "units", "gates", "states", "remembers (steps)")


class Trace(Mapping[str, LayerTrace]):
    """The recurrent layers of one forward pass by name, in the order in which they ran.

    Two layers of one name stand under their paths ("encoder/lstm"); the second call of one layer is "lstm:2".

    Attributes:
        label: the model or layer that was traced.
        output: what it gave, NumPy arrays in the structure of its outputs.
    """

    def __init__(self, label: str, layers: Mapping[str, LayerTrace], output: Any) -> None:
        self.label = label
        self.output = output
        self._layers = dict(layers)

    @property
    def layers(self) -> Mapping[str, LayerTrace]:
        """The same as the trace itself: what each layer computed, by its name."""
        return MappingProxyType(self._layers)

    def __getitem__(self, name: str) -> LayerTrace:
        if name in self._layers:
            return self._layers[name]
        inside = [key for key, each in self._layers.items() if name in each.path.split("/")]
        by_path = [each for each in self._layers.values() if each.path == name]
        if by_path:
            return by_path[0]
        hint = f" Did you mean one of {inside}?" if inside else nearest(str(name), self._layers)
        raise KeyError(f"The trace has no recurrent layer {name!r}.{hint} It has {[*self._layers]}.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def plot(
        self,
        layer: str | None = None,
        sample: int = 0,
        units: int | Iterable[int] | None = None,
        *,
        by_memory: bool = False,
    ) -> Any:
        """Draw one sample: the input, each gate, each state and the output, units by time.

        Gates stand on a scale from 0, shut, to 1, open; what has a sign on one around 0. Masked steps are hatched.

        Args:
            layer: its name; by default all, side by side.
            sample: which.
            units: which, in the order in which to draw them; by default all.
            by_memory: draw those that remember longest first.

        Returns:
            The `matplotlib.figure.Figure`, made by pyplot: `figure.savefig("inside.png")`, or `pyplot.show()`.

        Raises:
            ImportError: without matplotlib, which `pip install gatewise[plot]` brings.
            KeyError, IndexError: for a layer, sample or unit that is not there.
        """
        from gatewise.inside.drawing import draw

        chosen = list(self._layers.values()) if layer is None else [self[layer]]
        return draw(chosen, sample, units, by_memory=by_memory)

    def _rows(self) -> list[list[str]]:
        rows = []
        for each in self._layers.values():
            sizes = map(str, each.shape)
            letters = (" ".join(each.gates) or "-", " ".join(each.states))
            rows.append([each.name, each.layer, *sizes, *letters, memory_in_words(each.memory)])
        return rows

    def __repr__(self) -> str:
        from rich import box
        from rich.console import Console
        from rich.table import Table

        title = f"Trace of {self.label}"
        table = Table(*_COLUMNS, box=box.SQUARE, title=title, title_justify="left", title_style="", header_style="")
        for row in self._rows():
            table.add_row(*map(escape_markup, row))
        console = Console(width=110, color_system=None, force_terminal=False, force_jupyter=False, legacy_windows=False)
        with console.capture() as captured:
            console.print(table)
        return captured.get().rstrip()

    def _repr_html_(self) -> str:
        def line(tag: str, cells: Iterable[str]) -> str:
            return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

        body = "".join(line("td", row) for row in self._rows())
        return f"<table><caption>Trace of {escape(self.label)}</caption>{line('th', _COLUMNS)}{body}</table>"


def escape_markup(text: str) -> str:
    """The text as it is, for rich."""
    from rich.markup import escape as rich_escape

    return rich_escape(text)


def trace(holder: Layer, inputs: Any, **arguments: Any) -> Trace:
    """Call `holder`, a model or a layer, on arrays at inference, and keep what its recurrent layers compute.

    Nothing changes by it: stateful layers start from their state, and stay there.

    Args:
        holder: what to call.
        inputs: as it takes them.
        **arguments: others of its call.

    Raises:
        ValueError: where it is not built, has no recurrent layer that ran, or refuses the inputs.
    """
    if not holder.built:
        raise ValueError(
            f"{holder.label} is not built, so it has no weights to look at: load them, call it on data first, or build "
            "it with the shape of its input."
        )
    if "training" in holder._call_takes().accepted:
        arguments["training"] = False
    scope = Scope()
    try:
        with steady(scope), watching() as seen:
            outputs = holder(inputs, **arguments)
    finally:
        scope.undo()  # States that the call has made, as nothing of it stays.
    if not seen:
        raise ValueError(
            f"{holder.label} has no recurrent layer to look into: no LSTM, GRU, SimpleRNN or other RecurrentLayer ran."
        )
    output = structure.map_structure(lambda leaf: np.array(leaf) if is_array(leaf) else leaf, outputs)
    return Trace(holder.label, {each.name: each for each in _named(holder, seen)}, output)


def _named(holder: Layer, seen: list[Seen]) -> Iterator[LayerTrace]:
    """What was seen, under names that tell the layers and calls apart."""
    paths = {id(layer): path for layer, path in reversed(list(_paths(holder, "")))}
    layers = {id(each.layer): each.layer for each in seen}
    names = Counter(layer.name for layer in layers.values())
    calls: Counter[str] = Counter()
    for each in seen:
        path = paths.get(id(each.layer), each.layer.name)
        name = each.layer.name if names[each.layer.name] == 1 else path
        calls[name] += 1
        yield LayerTrace(each, name if calls[name] == 1 else f"{name}:{calls[name]}", path)


def _paths(layer: Layer, above: str) -> Iterator[tuple[Layer, str]]:
    for part in layer._sublayers:
        path = f"{above}{part.name}"
        yield part, path
        yield from _paths(part, f"{path}/")
