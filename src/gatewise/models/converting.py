"""One form of a model's file into another: `gatewise convert`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from gatewise.base import structure
from gatewise.models.describing import describe
from gatewise.models.exporting import export
from gatewise.models.loading import load_model
from gatewise.models.model import Model
from gatewise.models.saving import save_model
from gatewise.streaming.walk import takes_ids

_SAVED: Final = (".keras", ".h5", ".hdf5", ".safetensors")
_EXPORTED: Final = (".onnx", ".c")
ENDINGS: Final = (*_SAVED, *_EXPORTED)
"""Of the files that `convert` writes."""
_STEPS: Final = 7
"""Of random input, where a model leaves their number open."""


def convert(source: Any, target: Any, **options: Any) -> Iterator[str]:
    """Read a model from one file and write it to another, whose ending says the form.

    What was written is read again and given random input, where that can be done. Yields lines that say what was done,
    what the other form does not carry, and how the check went.

    Args:
        source: any file that `load_model` reads.
        target: ends in one of `ENDINGS`; a `.safetensors` is our own, a whole model.
        **options: of the form: `weights` of C.

    Raises:
        ValueError: another ending; a graph (of ONNX's, say), or a model or an option that the form has no words for;
            outputs that differ.
        OSError: a file that cannot be read or written.

    >>> import gatewise as gw, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> gw.Sequential([gw.Input((None, 3)), gw.layers.LSTM(4, name="lstm")], name="gate").save(folder / "gate.keras")
    >>> for line in convert(folder / "gate.keras", folder / "gate.h5"):
    ...     print(line)
    Read again: the same outputs on random input, to the last bit.
    .../gate.h5: Sequential 'gate', 128 parameters
    """
    target = os.fspath(target)
    ending = os.path.splitext(target)[1].lower()
    if ending not in ENDINGS:
        raise ValueError(f"{target!r}: a model is converted to a file that ends in {', '.join(ENDINGS)}.")
    if options and ending != ".c":
        raise ValueError(f"{', '.join(options)}: an option of C alone, and {target!r} is none.")
    if os.path.exists(target) and os.path.samefile(source, target):
        raise ValueError(f"{target!r} is the file to be converted: name another.")
    model: Any = load_model(source)
    if not isinstance(model, Model):
        raise ValueError(
            f"{os.fspath(source)!r} is a graph of operators, which no other form here can hold. Build its model of "
            "layers in code, take the weights with gatewise.models.load_weights_from, and save that."
        )
    if ending in _SAVED:
        save_model(model, target)
    else:
        export(model, target, **options)
    yield from _left_behind(source, target if ending in _SAVED else None)
    yield _CHECKS[ending](model, target)
    yield f"{target}: {model.label}, {model.count_params():,} parameters"


def _left_behind(source: Any, target: str | None) -> Iterator[str]:
    """What the source holds and the target does not."""
    had, has = describe(source), None if target is None else describe(target)
    for words, name in (("the training config", "training_config"), ("the optimizer's state", "optimizer_weights")):
        if getattr(had, name) and not (has is not None and getattr(has, name)):
            yield f"Not carried: {words}."


def _read_again(model: Any, target: str) -> str:
    """The outputs of the file that was written must be the very ones."""
    given = _random_input(model)
    outputs = [structure.flatten(each.predict(given)) for each in (model, load_model(target, compile=False))]
    for wanted, made in zip(*outputs, strict=True):
        if not np.array_equal(wanted, made, equal_nan=True):
            raise ValueError(f"{target!r} was written, but on random input its model gives other outputs.")
    return "Read again: the same outputs on random input, to the last bit."


def _compiled(_model: Any, target: str) -> str:
    from gatewise.formats.c.compiled import compiler, self_test
    from gatewise.formats.c.identifiers import identifier

    cc = compiler()
    if cc is None:
        return "Not run: there is no C compiler here (cc, or what CC names). The self test is inside the file."
    name = identifier(os.path.splitext(os.path.basename(target))[0])
    return f"Compiled and run: {self_test(target, name, cc=cc)}."


def _not_run(_model: Any, _target: str) -> str:
    return "Not run: Gatewise writes ONNX and does not read it."


_CHECKS: Final[dict[str, Callable[[Any, str], str]]] = {
    **dict.fromkeys(_SAVED, _read_again),
    ".c": _compiled,
    ".onnx": _not_run,
}


def _random_input(model: Any) -> Any:
    """Two samples for each input: normal numbers, a word, or for ids zeros and ones, which every table has."""
    rng = np.random.default_rng(0)
    made = []
    for tensor in model.inputs:
        shape = (tensor.shape[0] or 2, *(size or _STEPS for size in tensor.shape[1:]))
        if tensor.dtype == "string":
            made.append(np.full(shape, "word"))
            continue
        ids = takes_ids(tensor, model._graph_now()) or "int" in str(tensor.dtype)
        x: Any = rng.integers(0, 2, shape) if ids else rng.normal(size=shape)
        made.append(x.astype(str(tensor.dtype)))
    return made[0] if len(made) == 1 else made
