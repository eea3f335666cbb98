"""The table that `model.summary()` prints."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from gatewise.base import structure
from gatewise.base.typing import Shape
from gatewise.base.variable import Variable

if TYPE_CHECKING:
    from gatewise.layer import Layer
    from gatewise.models import Model


def render(model: Model, width: int | None = None, show_trainable: bool = False, expand_nested: bool = False) -> str:
    """The summary as text: a line a layer, with output shape and parameters, and the totals with their bytes."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SQUARE, title=f'Model: "{model.name}"', title_justify="left", title_style="", header_style="")
    table.add_column("Layer (type)", overflow="fold")
    table.add_column("Output shape", overflow="fold")
    table.add_column("Parameters", justify="right")
    if show_trainable:
        table.add_column("Trainable")
    for depth, layer in _rows(model, expand_nested):
        name = f"{'  ' * depth}{layer.name} ({type(layer).__name__})"
        cells = [name, shape_text(_shape(layer)), _parameters(layer)]
        table.add_row(*cells, *(["yes" if layer.trainable else "no"] if show_trainable else []))
    console = Console(
        width=width or 88, color_system=None, force_terminal=False, force_jupyter=False, legacy_windows=False
    )
    with console.capture() as captured:
        console.print(table)
        console.print(_totals(model), highlight=False, end="")
    return captured.get()


def as_html(model: Model) -> str:
    """The summary for a notebook."""

    def line(tag: str, cells: list[str]) -> str:
        return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

    rows = [
        [f"{layer.name} ({type(layer).__name__})", shape_text(_shape(layer)), _parameters(layer)]
        for _, layer in _rows(model, expand_nested=False)
    ]
    head = line("th", ["Layer (type)", "Output shape", "Parameters"])
    totals = "<br>".join(escape(words) for words in _totals(model).strip().splitlines())
    title = f'Model: "{escape(model.name)}"'
    return f"<table><caption>{title}</caption>{head}{''.join(line('td', row) for row in rows)}</table><p>{totals}</p>"


def _parameters(layer: Layer) -> str:
    return f"{layer.count_params():,}" if layer.built or layer.weights else "not built"


def _rows(model: Model, expand_nested: bool, depth: int = 0) -> list[tuple[int, Layer]]:
    rows: list[tuple[int, Layer]] = []
    for layer in getattr(model, "operations", None) or model.layers:
        rows.append((depth, layer))
        if expand_nested and getattr(layer, "layers", None):
            rows += _rows(layer, expand_nested, depth + 1)  # type: ignore[arg-type]
    return rows


def _shape(layer: Layer) -> Any:
    if not layer._inbound_nodes:
        return None
    return structure.map_structure(lambda tensor: tensor.shape, layer._inbound_nodes[-1].outputs)


def shape_text(shape: Any) -> str:
    """Text such as "(None, 5, 6)", or a list of shapes one after the other; "?" for None."""
    if shape is None:
        return "?"
    shapes: list[Shape] = structure.flatten(shape, leaf=structure.is_shape)
    return ", ".join(str(tuple(each)) for each in shapes)


def _totals(model: Model) -> str:
    if not model.built:
        return "The model is not built: its parameters are known when it is called on data, or built with a shape.\n"
    lines = [
        ("Total parameters", model.weights),
        ("Trainable", list(model.trainable_variables)),
        ("Not trainable", model.non_trainable_weights),
    ]
    return "".join(f"{words}: {sum(v.size for v in held):,} ({byte_text(_bytes(held))})\n" for words, held in lines)


def _bytes(variables: list[Variable]) -> int:
    return sum(variable.nbytes for variable in variables)


def byte_text(count: int) -> str:
    """A number of bytes in the unit that fits.

    >>> byte_text(1536)
    '1.50 KiB'
    """
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{count} B" if unit == "B" else f"{size:.2f} {unit}"


def show(model: Model, print_fn: Callable[[str], Any] | None, **options: Any) -> None:
    """Print the summary, a line at a time through `print_fn` where one is given."""
    text = render(model, **options)
    if print_fn is None:
        print(text, end="")
        return
    for line in text.splitlines():
        print_fn(line)
