"""Weights from files into models that were made in code."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Final

from gatewise.base import release
from gatewise.formats import ByPlace, Contents, open_contents
from gatewise.models.matching import Matching
from gatewise.models.training_state import take_state
from gatewise.models.unbuilt import build_to_fit


def load_weights(model: Any, path: Any, by_name: bool = False, skip_mismatch: bool = False) -> None:
    """Give a model the weights of a file of weights alone, or of a whole model: all, or none where one does not fit.

    Args:
        model: built, or a `Sequential` whose input can be told from the weights.
        path: of the file.
        by_name: match layers by name, and leave those as they are that the file does not have. Otherwise the file's
            layers with weights and the model's are matched in order, whatever their names.
        skip_mismatch: with `by_name`, pass over weights that do not fit, with a warning.

    Raises:
        FileNotFoundError: where there is no file.
        ValueError: a damaged file, or weights that are missing or do not fit; the model is as it was.
    """
    if skip_mismatch and not by_name:
        raise ValueError("skip_mismatch=True needs by_name=True: matching in order leaves nothing to skip.")
    with open_contents(path) as contents:
        if by_name and isinstance(contents.needed_weights(), ByPlace):
            raise contents.error("this layout of weights (.weights.h5) keeps no names: load it without by_name.")
        if not model.built:
            build_to_fit(contents, model)
        matching = Matching(contents, model, skips=skip_mismatch)
        matching.assign(matching.of_code(by_name))
        _warn_of_other_meaning(contents, model)
        if isinstance(contents.needed_weights(), ByPlace):  # The older layout's own Kerases leave the optimizer alone.
            take_state(contents, model)
    if matching.skipped:
        warnings.warn(f"{contents.path!r}: left as they were: {'; '.join(matching.skipped)}", stacklevel=3)


_PROGRAMS: Final[dict[release.Release, str]] = {"tf1": "1.14", "tf2": "2.15", "keras3": "2.21"}
"""For each generation, a TensorFlow whose programs mean it."""

_told: Final[set[tuple[str, str, str]]] = set()


def _warn_of_other_meaning(contents: Contents, model: Any) -> None:
    """Say once what a layer made in code leaves to a default that was another when its weights were written.

    Weights alone carry no meaning: they fit, and the model's numbers differ from those of the day they were saved.
    """
    version, now = contents.keras_version, release.current()
    if version is None or (then := release.of_keras(version)) == now:
        return
    for layer in model._walk():
        for name in sorted(getattr(layer, "_unsaid", ())):
            argument = layer._arguments[name]
            old, new = argument.defaults[then], argument.defaults[now]
            word = (version, type(layer).__name__, name)
            if old == new or word in _told or new in _values(contents.config, name):
                continue
            _told.add(word)
            warnings.warn(
                f"{contents.path!r} was written by Keras {version}, when {type(layer).__name__} had {name}={old!r} by "
                f"default; {layer.label} has today's default, {new!r}, and so other numbers than then. A program of "
                f"that time runs under `gatewise run --tf {_PROGRAMS[then]}`; in code, say {name}={old!r}.",
                stacklevel=4,
            )


def _values(config: Any, name: str) -> Iterator[Any]:
    """What a whole model's config says for the argument `name`, in any of its layers."""
    parts = config.values() if isinstance(config, dict) else config if isinstance(config, list) else ()
    if isinstance(config, dict) and isinstance(config.get(name), (str, bool)):
        yield config[name]
    for part in parts:
        yield from _values(part, name)
