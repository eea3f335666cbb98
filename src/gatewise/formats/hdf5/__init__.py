"""Models and weights in HDF5 files, as Keras 2.0 to 2.15, tf.keras and Keras 3 (`model.save("name.h5")`) write them.

What such a file holds:

    /                        attributes: keras_version, backend, model_config (JSON), training_config
    /model_weights           the weights, as in a file of weights alone
    /optimizer_weights       the optimizer's state, in order

A file of weights alone (`save_weights`) has at its root what `model_weights` has in a whole model: `by_layer`. Weights
alone also come in a newer layout, without names: `by_place`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from gatewise.base.typing import Config
from gatewise.formats.contents import ByPlace, Contents
from gatewise.formats.hdf5 import by_layer, by_place
from gatewise.formats.hdf5.access import Group, opened
from gatewise.formats.places import OPTIMIZER

FORMAT = "HDF5"
SIGNATURE = b"\x89HDF\r\n\x1a\n"
_OLDEST = "1"
"""What a file without a version means, as in Keras."""

T = TypeVar("T")


def recognises(path: Any) -> bool:
    """Whether it is an HDF5 file."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return _has_signature(file)


def _has_signature(file: Any) -> bool:
    """HDF5 lets a block of a user's own stand first: the signature may be at 0, 512, 1024, 2048 and so on."""
    size = file.seek(0, os.SEEK_END)
    place = 0
    while place < size:
        file.seek(place)
        if file.read(len(SIGNATURE)) == SIGNATURE:
            return True
        place = place * 2 or 512
    return False


@contextmanager
def open_contents(path: Any) -> Iterator[Contents]:
    """What the file holds, for as long as the context lasts.

    Raises:
        ValueError: a file that is damaged.
    """
    with opened(path) as root:
        yield _weights_alone(root) if by_place.is_vars_layout(root) else _contents(root)


def _weights_alone(root: Group) -> Contents:
    weights = ByPlace(lambda path: by_place.arrays(root, path), lambda: by_place.layers(root))
    optimizer = tuple(by_place.arrays(root, OPTIMIZER))
    return Contents(root.source.path, FORMAT, weights=weights, optimizer=optimizer, optimizer_weights=bool(optimizer))


def _contents(root: Group) -> Contents:
    config, config_error = _part(lambda: _config(root))
    place, weights_error = _part(lambda: by_layer.place(root))
    held = None
    if place is not None:
        held, weights_error = _part(lambda: _weights(root, place))
    training, training_error = _part(lambda: _training(root))
    facts, facts_error = _part(lambda: _facts(root, place or root))
    return Contents(
        root.source.path,
        FORMAT,
        config=config,
        config_error=config_error or facts_error,
        weights_error=weights_error,
        training_error=training_error,
        **(training or {}),
        **(held or {}),
        **(facts or {}),
    )


def _weights(root: Group, place: Group) -> dict[str, Any]:
    return {"weights": by_layer.weights(place), "backend": place.text("backend") or root.text("backend")}


def _facts(root: Group, place: Group) -> dict[str, Any]:
    version = root.text("keras_version") or place.text("keras_version")
    return {
        "keras_version": version,
        "meaning": version or _OLDEST,
        "training_config": root.has("training_config"),
        "optimizer_weights": root.holds("optimizer_weights"),
    }


def _part(read: Callable[[], T]) -> tuple[T | None, ValueError | None]:
    """A part of the file, or what is wrong with it."""
    try:
        return read(), None
    except ValueError as error:
        return None, error


def _training(root: Group) -> dict[str, Any]:
    """The training config with the optimizer where Keras 3's `.keras` files have it, and the optimizer's state."""
    text = root.text("training_config")
    if text is None:
        return {}
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise root.source.error(f"the training config is not JSON ({error}): the file is damaged.") from error
    if not isinstance(config, dict):
        raise root.source.error(f"the training config must be a dict, got {text[:60]!r}.")
    optimizer = config.pop("optimizer_config", None)
    compiled = {"optimizer": optimizer, **config} if optimizer is not None else None
    return {"compile_config": compiled, "optimizer": by_layer.optimizer(root)}


def _config(root: Group) -> Config | None:
    text = root.text("model_config")
    if text is None:
        if root.has_names("layer_names"):
            return None
        raise root.source.error(
            "this HDF5 file holds no Keras model: its root has neither model_config nor layer_names."
        )
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise root.source.error(f"the model's config is not JSON ({error}): the file is damaged.") from error
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise root.source.error(f"the model's config must be a dict with a class_name, got {str(config)[:60]!r}.")
    return config
