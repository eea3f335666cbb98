"""HDF5 files of models, written: what `by_layer` and `by_place` read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np

from gatewise.formats.places import PlaceToWrite

_MOST_BYTES: Final = 64_512
"""HDF5 keeps an attribute of fixed size in an object's header, which has room for this many bytes of it."""

Named = list[tuple[str, np.ndarray]]
"""Arrays with their names, in the order in which readers match them."""


@dataclass(frozen=True)
class LayersToWrite:
    """Weights in the layout by layer.

    Attributes:
        layers: the layers' names, each with its arrays, in the model's order.
        own: what the model holds outside its layers.
        keras_version, backend: what the file says of its writer.
    """

    layers: list[tuple[str, Named]]
    own: Named
    keras_version: str
    backend: str


@dataclass(frozen=True)
class ModelToWrite:
    """A whole model in HDF5: texts for the root's attributes, weights, and the optimizer's arrays, if any."""

    texts: dict[str, str]
    weights: LayersToWrite
    optimizer: Named


def write_model(path: Any, model: ModelToWrite) -> None:
    """A whole model, as `save("name.h5")` of Keras 2 and 3."""
    with _created(path) as file:
        for name, text in model.texts.items():
            file.attrs[name] = text if name in ("keras_version", "backend") else text.encode()
        _put_layers(file.create_group("model_weights"), model.weights)
        if model.optimizer:
            _put_arrays(file.create_group("optimizer_weights"), model.optimizer)


def write_layers(path: Any, weights: LayersToWrite) -> None:
    """Weights alone by layer, as `save_weights("name.h5")` of Keras 2."""
    with _created(path) as file:
        _put_layers(file, weights)


def write_places(path: Any, places: Iterable[PlaceToWrite]) -> None:
    """Weights alone by place, as `save_weights("name.weights.h5")` of Keras 3; a path, or an open file."""
    with _created(path) as file:
        for place in places:
            group = file.require_group(place.path)
            if place.name is not None:
                group.attrs["name"] = place.name
            for number, array in enumerate(place.arrays, place.first):
                group.create_dataset(place.of or str(number), data=array)


@contextmanager
def _created(place: Any) -> Iterator[Any]:
    """A file of HDF5's that is made in memory, and written to a path or an open file when it is whole.

    Where a disk is full, HDF5 cannot let go of a file that it writes itself: the process crashes when it ends.
    """
    import h5py

    whole = BytesIO()
    with h5py.File(whole, "w") as file:
        yield file
    if hasattr(place, "write"):
        place.write(whole.getbuffer())
    else:
        Path(place).write_bytes(whole.getbuffer())


def _put_layers(group: Any, weights: LayersToWrite) -> None:
    _put_names(group, "layer_names", [name for name, _ in weights.layers])
    group.attrs["backend"] = weights.backend.encode()
    group.attrs["keras_version"] = weights.keras_version.encode()
    # In the order of names, so that a group stands before those whose names continue its own.
    for name, arrays in sorted(weights.layers, key=lambda layer: layer[0]):
        _put_arrays(group.create_group(name), arrays)
    _put_arrays(group.create_group("top_level_model_weights"), weights.own)


def _put_arrays(group: Any, arrays: Named) -> None:
    names = _distinct([name for name, _ in arrays])
    _put_names(group, "weight_names", names)
    for name, (_, array) in zip(names, arrays, strict=True):
        group.create_dataset(name, data=array)


def _distinct(names: list[str]) -> list[str]:
    """The names, with a number behind each that is taken, or that is on the way to another."""
    taken: set[str] = set()
    above: set[str] = set()
    found = []
    for name in names:
        number, fresh = 0, name
        while fresh in taken or fresh in above or not taken.isdisjoint(_parents(fresh)):
            number += 1
            fresh = _numbered(name, number, taken)
        taken.add(fresh)
        above.update(_parents(fresh))
        found.append(fresh)
    return found


def _numbered(name: str, number: int, taken: set[str]) -> str:
    """The name with a number at its end, or at that of the first part that is an array's name."""
    part = next((parent for parent in _parents(name) if parent in taken), name)
    stem, colon, end = part.rpartition(":")
    return (f"{stem}_{number}{colon}{end}" if colon else f"{part}_{number}") + name[len(part) :]


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _put_names(group: Any, attribute: str, names: list[str]) -> None:
    """A list of texts; in parts where it is too long for one attribute.

    Raises:
        ValueError: a name that is too long for any.
    """
    held = [name.encode() for name in names]
    longest = max((len(name) for name in held), default=1)
    if longest > _MOST_BYTES:
        raise ValueError(f"HDF5 has no room for a name of {longest} bytes: {names[0][:60]!r}...")
    size = max(_MOST_BYTES // longest, 1)
    if len(held) <= size:
        group.attrs[attribute] = np.array(held, dtype=f"S{longest}") if held else np.empty(0)
        return
    for part, start in enumerate(range(0, len(held), size)):
        group.attrs[f"{attribute}{part}"] = np.array(held[start : start + size], dtype=f"S{longest}")
