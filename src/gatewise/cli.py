"""The command line: `gatewise run | info | predict | convert | serve`.

It ends with 0 where all went well, 1 where the work failed, 2 where it was asked for wrongly; `run` ends as its program
does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from gatewise.base.version import __version__

if TYPE_CHECKING:
    import numpy as np
    from rich.table import Table

    from gatewise.formats.description import Description, LayerDescription

_debug = click.option("--debug", is_flag=True, help="Show where in Gatewise an error came from.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gatewise", message="%(prog)s %(version)s")
def main() -> None:
    """LSTM, GRU and their family: run Keras programs, look into Keras models, predict with them."""


@contextmanager
def _failures_in_a_line(debug: bool) -> Iterator[None]:
    """Turn an error into one line and exit code 1, unless it is to be shown whole."""
    try:
        yield
    except click.ClickException:
        raise
    except Exception as error:
        if debug:
            raise
        raise click.ClickException(_words(error)) from None


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fspath(error.filename)!r}: {error.strerror}"
    return str(error) or f"{type(error).__name__}; --debug shows where"


# --- run --------------------------------------------------------------------------------------------------------


@main.command(context_settings={"allow_interspersed_args": False})
@click.option("--tf", "version", metavar="VERSION", help="The TensorFlow whose defaults the layers have, such as 1.14.")
@click.option("-m", "as_module", is_flag=True, help="PROGRAM is the name of a module, as for python -m.")
@click.argument("program")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@_debug
def run(version: str | None, as_module: bool, program: str, args: tuple[str, ...], debug: bool) -> None:
    """Run a program that imports TensorFlow or Keras, unchanged, with Gatewise in their place.

    PROGRAM runs as `python PROGRAM ARGS...` would run it, or a notebook (.ipynb) cell by cell. TensorFlow and Keras
    need not be installed.
    """
    from gatewise.compat import run as runner

    if debug:
        runner.show_all()
    try:
        runner.prepare(version, near=os.getcwd() if as_module else os.path.dirname(os.path.realpath(program)))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--tf") from None
    try:
        (runner.module if as_module else runner.script)(program, list(args))
    except runner.CannotRunError as error:
        raise click.UsageError(str(error)) from None


# --- info -------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("file", type=click.Path())
@click.option("--weights", is_flag=True, help="List each weight, with its shape and dtype.")
@_debug
def info(file: str, weights: bool, debug: bool) -> None:
    """Show what wrote a model FILE, its layers, their output shapes and their parameters."""
    from rich.console import Console

    from gatewise import models

    with _failures_in_a_line(debug):
        description = models.describe(file)
        click.echo(_heading(description))
        Console(highlight=False).print(_layer_table(description, weights))
        click.echo(_totals(description))
        if description.problem:
            click.echo(f"Gatewise cannot make this model as it stands: {description.problem}")


def _heading(description: Description) -> str:
    backend = f" on {description.backend}" if description.backend else ""
    writer = (
        f"Keras {description.keras_version}{backend}" if description.keras_version else "unknown: the file does not say"
    )
    if description.kind == "model":
        content = f"a whole model, {description.class_name}" + (f" {description.name!r}" if description.name else "")
    else:
        content = "weights alone: build the model in code and call model.load_weights"
    extras = [
        words
        for words, there in (
            ("training config", description.training_config),
            ("optimizer state", description.optimizer_weights),
        )
        if there
    ]
    lines = [
        ("File", f"{description.path} ({description.format}, {_bytes(os.path.getsize(description.path))})"),
        ("Written by", writer),
        ("Holds", content),
        ("Not used", ", ".join(extras)),
    ]
    return "\n".join(f"{name + ':':<12}{words}" for name, words in lines if words)


def _layer_table(description: Description, weights: bool) -> Table:
    from rich import box
    from rich.table import Table

    from gatewise.models.summary import shape_text

    table = Table(box=box.SQUARE, header_style="")
    whole = description.kind == "model"
    table.add_column("Layer (type)" if whole else "Layer", overflow="fold")
    if whole:
        table.add_column("Output shape", overflow="fold")
    table.add_column("Parameters", justify="right")
    if weights:
        table.add_column("Weights", overflow="fold")
    for layer in description.layers:
        name = f"{layer.name} ({layer.class_name})" if layer.class_name else layer.name
        cells = [name, *([shape_text(layer.output_shape)] if whole else []), f"{layer.parameters:,}"]
        table.add_row(*map(_plain, [*cells, *([_weight_lines(layer)] if weights else [])]))
    return table


def _plain(text: str) -> Any:
    """Text for a table, in which square brackets are square brackets."""
    from rich.text import Text

    return Text(text)


def _weight_lines(layer: LayerDescription) -> str:
    return "\n".join(f"{weight.name} {weight.shape} {weight.dtype}" for weight in layer.weights)


def _totals(description: Description) -> str:
    import math

    import numpy as np

    held = [weight for layer in description.layers for weight in layer.weights]
    size = sum(math.prod(weight.shape) * np.dtype(weight.dtype).itemsize for weight in held)
    return f"Parameters in all: {description.parameters:,} ({_bytes(size)})"


def _bytes(count: int) -> str:
    from gatewise.models.summary import byte_text

    return byte_text(count)


# --- predict ----------------------------------------------------------------------------------------------------


def _array_file(_: click.Context, parameter: click.Parameter, path: str) -> str:
    from gatewise.utils import array_files

    try:
        array_files.suffix(path)
    except ValueError as error:
        raise click.BadParameter(str(error), param=parameter) from None
    return path


@main.command()
@click.argument("file", type=click.Path())
@click.argument("input", type=click.Path(), callback=_array_file)
@click.option("-o", "--output", required=True, type=click.Path(), callback=_array_file, help="Where the outputs go.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Samples at a time; by default as many as are fast.")
@_debug
def predict(file: str, input: str, output: str, batch_size: int | None, debug: bool) -> None:
    """Predict with the model in FILE on the data in INPUT.

    INPUT and the output are .npy (one array), .npz (arrays by the names of the model's inputs and outputs) or .csv
    (numbers, one sample a row: for sequences its steps one after the other; a table with one step a row is one sample).
    The output appears whole, or where something fails not at all.
    """
    from gatewise import models
    from gatewise.base import structure
    from gatewise.utils import array_files

    with _failures_in_a_line(debug):
        _check_output(output, file)
        data = array_files.read(input)
        model = models.load_model(file)
        names = _names(model.output_names)
        if len(names) > 1 and array_files.suffix(output) != ".npz":
            raise click.UsageError(f"The model has {len(names)} outputs ({', '.join(names)}): name the output .npz.")
        outputs = model.predict(_matched(data, model, input), batch_size=batch_size)
        found = dict(zip(names, structure.flatten(outputs), strict=True))
        array_files.write(output, found)
    shapes = ", ".join(f"{name} {array.shape}" for name, array in found.items())
    click.echo(f"{output}: {shapes} {next(iter(found.values())).dtype}")


# --- convert ----------------------------------------------------------------------------------------------------


@main.command()
@click.argument("file", type=click.Path())
@click.argument("output", type=click.Path())
@click.option("--weights", type=click.Choice(["float32", "int8"]), help="How a .c keeps tables of weights.")
@_debug
def convert(file: str, output: str, weights: str | None, debug: bool) -> None:
    """Write the model in FILE in another form: OUTPUT ends in .keras, .h5, .safetensors, .onnx or .c.

    It says what the other form does not carry. What was written is read again, or compiled, and given random input.
    """
    from gatewise.models import converting

    with _failures_in_a_line(debug):
        _check_output(output, file)
        for line in converting.convert(file, output, **({} if weights is None else {"weights": weights})):
            click.echo(line)


# --- serve ------------------------------------------------------------------------------------------------------


def _settings(command: Any) -> Any:
    """An option for each setting of a service; what each is stands in `serving.http.settings`."""
    import dataclasses

    from gatewise.serving.http.settings import Settings

    for field in reversed(dataclasses.fields(Settings)):
        name = "--" + field.name.replace("_", "-")
        if field.name == "token":
            continue  # Others of the machine can read a command line.
        if field.default is False:
            option = click.option(name, is_flag=True, help=field.metadata["words"])
        else:
            shown = field.metadata["shown"] or (None if field.default is None else str(field.default))
            option = click.option(
                name,
                callback=_setting(field.metadata["parse"]),
                metavar=field.metadata["metavar"],
                help=field.metadata["words"] + (f"  [default: {shown}]" if shown else ""),
            )
        command = option(command)
    return command


def _setting(parse: Any) -> Any:
    def callback(_: click.Context, parameter: click.Parameter, value: str | None) -> Any:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), param=parameter) from None

    return callback


@main.command()
@click.argument("file", type=click.Path())
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at; 0.0.0.0 is all.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@_settings
@click.option(
    "--token-file",
    type=click.Path(),
    help="A file with the bearer token that requests must carry; or the variable GATEWISE_TOKEN.",
)
@click.option("--grace", default="10s", show_default=True, help="How long the end waits for requests under way.")
@click.option("--ssl-certfile", type=click.Path(), help="A certificate, to serve HTTPS.")
@click.option("--ssl-keyfile", type=click.Path(), help="Its key.")
@click.option(
    "--log-level",
    default="info",
    show_default=True,
    type=click.Choice(["critical", "error", "warning", "info", "debug"]),
    help="With debug every request is a line.",
)
@_debug
def serve(file: str, host: str, port: int, debug: bool, **options: Any) -> None:
    """Serve the model in FILE, and streams of it by id, over HTTP and WebSocket. See docs/serving.md.

    SIGTERM or Ctrl-C stops it: requests under way are finished, and the snapshot is written.
    """
    with _failures_in_a_line(debug):
        from gatewise.serving.http import running
        from gatewise.serving.http.settings import Settings, seconds

        try:
            token = _token(options.pop("token_file"))
            own = {name: options.pop(name) for name in ("grace", "log_level", "ssl_certfile", "ssl_keyfile")}
            grace = seconds(own["grace"])
            settings = Settings(token=token, **{name: value for name, value in options.items() if value is not None})
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        from gatewise import models

        running.serve(
            models.load_model(file),
            settings,
            host=host,
            port=port,
            grace=grace,
            log_level=own["log_level"],
            certificate=own["ssl_certfile"],
            key=own["ssl_keyfile"],
        )


def _token(path: str | None) -> str | None:
    """The token that requests must carry, where there is one."""
    if path is None:
        return os.environ.get("GATEWISE_TOKEN") or None
    with open(path, encoding="utf-8") as file:
        token = file.read().strip()
    if not token:
        raise ValueError(f"{path!r}: the file of the token is empty.")
    return token


# --- what they share --------------------------------------------------------------------------------------------


def _check_output(path: str, model: str) -> None:
    """Raise before the work where the output could not be written after it, or would take the model's place.

    It may take that of the data, which has been read by then.
    """
    from gatewise.base.atomic import check_replaceable

    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise ValueError(f"{path!r}: there is no folder {folder!r} to write it in.")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{path!r}: the folder {folder!r} cannot be written to.")
    check_replaceable(path)
    if os.path.exists(path) and os.path.exists(model) and os.path.samefile(path, model):
        raise ValueError(f"{path!r} is the file of the model, which the output would overwrite: name another.")


def _names(names: list[str]) -> list[str]:
    """The names of outputs, told apart: a layer that gives several appears several times."""
    counts: dict[str, int] = {}
    told = []
    for name in names:
        count = counts[name] = counts.get(name, -1) + 1
        told.append(f"{name}_{count}" if count else name)
    return told


def _matched(data: np.ndarray | dict[str, np.ndarray], model: Any, path: str) -> np.ndarray | dict[str, np.ndarray]:
    """The data in the structure of the model's inputs; the model checks what is left."""
    from gatewise.utils import array_files

    if not isinstance(data, dict):
        is_table = array_files.suffix(path) == ".csv" and len(model.inputs) == 1
        return array_files.as_samples(data, model.inputs[0].shape) if is_table else data
    if len(model.inputs) == 1 and len(data) == 1:
        (only,) = data.values()
        return only
    missing = [name for name in model.input_names if name not in data]
    if missing:
        raise ValueError(f"{path!r} holds {sorted(data)}, but the model's inputs are {model.input_names}.")
    return {name: data[name] for name in model.input_names}
