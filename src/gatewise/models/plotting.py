"""Pictures of models: a box for each call of a layer, a line for each tensor; SVG without any library."""

from __future__ import annotations

import html
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gatewise.base import structure
from gatewise.base.atomic import replacing
from gatewise.models.summary import shape_text

_LINE, _PADDING, _GAP, _LETTER = 17, 8, 34, 7.2
"""Sizes in pixels: a line of text, a box's edge, between boxes, and a letter's width in the font of the boxes."""
_STYLE: Final = (
    "rect{fill:#f6f8fa;stroke:#57606a}text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1f2328;"
    "text-anchor:middle}path{fill:none;stroke:#57606a}.name{font-weight:600}"
)


def plot_model(
    model: Any,
    to_file: Any = "model.svg",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    **others: Any,
) -> Drawing:
    """Draw a model, and write the picture.

    Args:
        model: built and drawn, as a Sequential or from inputs to outputs.
        to_file: ends in `.svg`; other endings need Graphviz's program `dot`, and without it an `.svg` is written
            beside. None writes nothing.
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable: what stands in the boxes
            beside the layers' classes.
        rankdir: "TB" from top to bottom, "LR" from left to right (with Graphviz alone).
        expand_nested, dpi, **others: accepted, as in Keras; inner models are one box.

    Returns:
        The drawing, which a notebook shows.

    Raises:
        ValueError: a model whose `call` cannot be seen.

    >>> import gatewise as gw
    >>> plot_model(gw.Sequential([gw.Input((5, 3)), gw.layers.LSTM(2)]), to_file=None).svg[:4]
    '<svg'
    """
    if not hasattr(model, "_graph_now") or not model.built:
        raise ValueError(
            f"{model.label} cannot be drawn: it is not built, or its own `call` cannot be seen. Make it with Input."
        )
    options = {
        "shapes": show_shapes,
        "dtype": show_dtype,
        "names": show_layer_names,
        "activations": show_layer_activations,
        "trainable": show_trainable,
    }
    drawing = Drawing(_boxes(model, options), rankdir)
    if to_file is not None:
        drawing.write(to_file)
    return drawing


@dataclass
class Box:
    """One call of a layer: lines of text, its row, and the boxes that it reads."""

    lines: list[str]
    row: int
    reads: list[int]
    x: float = 0.0
    y: float = 0.0

    @property
    def width(self) -> float:
        """In pixels."""
        return max(map(len, self.lines)) * _LETTER + 2 * _PADDING

    @property
    def height(self) -> float:
        """In pixels."""
        return len(self.lines) * _LINE + 2 * _PADDING


def _boxes(model: Any, options: dict[str, bool]) -> list[Box]:
    graph = model._graph_now()
    made: dict[int, int] = {}
    boxes: list[Box] = []
    for tensor in graph.input_tensors:
        if tensor.node is not None:
            made[id(tensor)] = len(boxes)
            boxes.append(Box(_lines(tensor.node, options), 0, []))
    for node in graph.nodes:
        reads = list(dict.fromkeys(made[id(tensor)] for tensor in node.inputs if id(tensor) in made))
        row = 1 + max((boxes[place].row for place in reads), default=-1)
        made |= {id(tensor): len(boxes) for tensor in structure.flatten(node.outputs)}
        boxes.append(Box(_lines(node, options), row, reads))
    for place, box in enumerate(boxes):
        if not box.reads:  # An input stands right above what reads it first, so that no line runs behind a box.
            box.row = min((each.row for each in boxes if place in each.reads), default=1) - 1
    return boxes


def _lines(node: Any, options: dict[str, bool]) -> list[str]:
    layer = node.layer
    lines = [f"{layer.name} ({type(layer).__name__})" if options["names"] else type(layer).__name__]
    if options["activations"] and getattr(layer, "activation", None) is not None:
        lines.append(getattr(layer.activation, "__name__", "activation"))
    outputs = structure.flatten(node.outputs)
    if options["dtype"]:
        lines.append(", ".join(str(tensor.dtype) for tensor in outputs))
    if options["shapes"]:
        lines.append(shape_text([tuple(tensor.shape) for tensor in outputs]))
    if options["trainable"] and layer.weights:
        lines.append("trainable" if layer.trainable else "not trainable")
    return lines


class Drawing:
    """A model's picture.

    Attributes:
        svg: as text.
        dot: the same for Graphviz.
    """

    def __init__(self, boxes: list[Box], rankdir: str = "TB") -> None:
        self._boxes = boxes
        self._rankdir = rankdir
        self.svg = self._drawn()

    def _repr_svg_(self) -> str:
        return self.svg

    @property
    def dot(self) -> str:
        """In the language of Graphviz."""
        quoted = ["\\n".join(each.lines).replace('"', "'") for each in self._boxes]
        boxes = [f'  n{place} [label="{text}"];' for place, text in enumerate(quoted)]
        lines = [f"  n{start} -> n{place};" for place, each in enumerate(self._boxes) for start in each.reads]
        return "\n".join(["digraph {", f"  rankdir={self._rankdir};", "  node [shape=box];", *boxes, *lines, "}"])

    def write(self, to_file: Any) -> None:
        """Into a file, by its ending."""
        path = Path(to_file)
        ending = path.suffix.lower().lstrip(".")
        if ending in ("svg", "dot", "gv"):
            with replacing(path) as temporary:
                Path(temporary).write_text(self.svg if ending == "svg" else self.dot)
        elif (program := shutil.which("dot")) is not None:
            with replacing(path) as temporary:
                command = [program, f"-T{ending or 'png'}", "-o", os.fspath(temporary)]
                subprocess.run(command, input=self.dot, text=True, check=True)
        else:
            beside = path.with_suffix(".svg")
            self.write(beside)
            print(f"plot_model: a .{ending} needs Graphviz's program `dot`; the picture is in {os.fspath(beside)!r}.")

    def _drawn(self) -> str:
        rows: dict[int, list[Box]] = {}
        for box in self._boxes:
            rows.setdefault(box.row, []).append(box)
        widths = {row: sum(b.width for b in held) + _GAP * (len(held) - 1) for row, held in rows.items()}
        whole, y = max(widths.values()) + 2 * _PADDING, float(_PADDING)
        for row, held in sorted(rows.items()):
            x = (whole - widths[row]) / 2
            for box in held:
                box.x, box.y = x, y
                x += box.width + _GAP
            y += max(box.height for box in held) + _GAP
        parts = [_path(self._boxes[start], box) for box in self._boxes for start in box.reads]
        parts += [_rectangle(box) for box in self._boxes]
        size = f'width="{whole:.0f}" height="{y - _GAP + _PADDING:.0f}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{_STYLE}</style>{"".join(parts)}</svg>'


def _path(start: Box, end: Box) -> str:
    x, y = start.x + start.width / 2, start.y + start.height
    to_x, to_y = end.x + end.width / 2, end.y
    half = (to_y - y) / 2
    return f'<path d="M{x:.1f} {y:.1f}C{x:.1f} {y + half:.1f} {to_x:.1f} {to_y - half:.1f} {to_x:.1f} {to_y:.1f}"/>'


def _rectangle(box: Box) -> str:
    place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="4"'
    texts = []
    for number, line in enumerate(box.lines):
        y = box.y + _PADDING + _LINE * (number + 0.75)
        kind = ' class="name"' if number == 0 else ""
        texts.append(f'<text x="{box.x + box.width / 2:.1f}" y="{y:.1f}"{kind}>{html.escape(line)}</text>')
    return f"<rect {place}/>{''.join(texts)}"
