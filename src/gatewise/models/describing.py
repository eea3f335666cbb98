"""What a file of a model holds, in words and numbers: what `gatewise info` prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gatewise.base import structure
from gatewise.base.typing import Config
from gatewise.formats import ByPlace, Contents, StoredLayer, open_contents
from gatewise.formats.description import Description, LayerDescription, WeightDescription
from gatewise.models.file_configs import entries_inside, name_in
from gatewise.models.loading import model_of
from gatewise.models.saved_order import counted


def describe(path: Any) -> Description:
    """What wrote a file, its layers, their shapes and parameters; no array is read or made.

    Raises:
        FileNotFoundError: where there is no file.
        ValueError: for a file of no known format, that is damaged, or that holds no model.

    >>> import h5py, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "weights.h5"
    >>> with h5py.File(path, "w") as file:  # as `save_weights` of Keras 2 would
    ...     file.attrs.update(keras_version="2.4.0", layer_names=["head"])
    ...     file["head/head/kernel:0"] = [[1.0], [2.0]]
    ...     file["head"].attrs["weight_names"] = ["head/kernel:0"]
    >>> found = describe(path)
    >>> found.kind, found.keras_version, found.parameters
    ('weights', '2.4.0', 2)
    >>> [(layer.name, layer.weights[0].shape) for layer in found.layers]
    [('head', (2, 1))]
    """
    with open_contents(path) as contents:
        if contents.config_error is not None:
            raise contents.config_error
        config, stored = contents.config, list(contents.needed_weights().listed())
        shapes, problem = _output_shapes(contents)
        by_place = isinstance(contents.weights, ByPlace)
        layers = _stored_layers(stored) if config is None else _config_layers(config, stored, shapes, by_place)
        own = (config or {}).get("config")
        return Description(
            path=contents.path,
            format=contents.format,
            kind="weights" if config is None else "model",
            keras_version=contents.keras_version,
            backend=contents.backend,
            class_name=None if config is None else config["class_name"],
            name=own.get("name") if isinstance(own, dict) else None,
            layers=tuple(layers),
            training_config=contents.training_config,
            optimizer_weights=contents.optimizer_weights,
            problem=problem,
        )


def _weights(layer: StoredLayer) -> tuple[WeightDescription, ...]:
    return tuple(WeightDescription(array.name, array.shape, array.dtype) for array in layer.arrays)


def _stored_layers(stored: list[StoredLayer]) -> Iterator[LayerDescription]:
    yield from (LayerDescription(layer.name, None, None, _weights(layer)) for layer in stored)


def _config_layers(
    config: Config, stored: list[StoredLayer], shapes: dict[str, Any], by_place: bool
) -> Iterator[LayerDescription]:
    weights = {layer.name: _weights(layer) for layer in stored}
    entries = entries_inside(config)
    names = list(map(name_in, entries))
    places = counted(str(entry.get("class_name")) for entry in entries) if by_place else names
    for entry, name, place in zip(entries, names, places, strict=True):
        yield LayerDescription(name, str(entry.get("class_name")), shapes.get(name), weights.get(place, ()))


def _output_shapes(contents: Contents) -> tuple[dict[str, Any], str | None]:
    """The layers' output shapes by name, and why they are not known."""
    if contents.config is None:
        return {}, None
    try:
        model = model_of(contents)
    except ValueError as error:
        return {}, str(error)
    shapes = {
        layer.name: structure.map_structure(lambda tensor: tensor.shape, layer._inbound_nodes[-1].outputs)
        for layer in (*model.layers, *model._sublayers)
        if layer._inbound_nodes
    }
    return shapes, None
