"""What a file of a model holds, in words and numbers: what `gatewise info` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gatewise.base import structure
from gatewise.base.typing import Config
from gatewise.formats import ByAttribute, ByPlace, Contents, StoredLayer, open_contents
from gatewise.formats.description import Description, LayerDescription, WeightDescription
from gatewise.models.file_configs import entries_inside, name_in
from gatewise.models.loading import model_of
from gatewise.models.saved_order import counted, held


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
        model, problem = _model(contents)
        layers = _stored_layers(stored) if config is None else _config_layers(contents, stored, model)
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


def _config_layers(contents: Contents, stored: list[StoredLayer], model: Any) -> Iterator[LayerDescription]:
    weights = {layer.name: _weights(layer) for layer in stored}
    shapes = {} if model is None else _output_shapes(model)
    entries = entries_inside(contents.needed_config())
    names = list(map(name_in, entries))
    for entry, name, place in zip(entries, names, _places(contents, entries, names, model), strict=True):
        yield LayerDescription(name, str(entry.get("class_name")), shapes.get(name), weights.get(place, ()))


def _places(contents: Contents, entries: list[Config], names: list[str], model: Any) -> Iterable[str]:
    """What the file calls each layer of the config."""
    if isinstance(contents.weights, ByPlace):
        return counted(str(entry.get("class_name")) for entry in entries)
    if not isinstance(contents.weights, ByAttribute) or model is None:
        return names
    numbers = {step.name: place for (place,), step in held(model)}
    return [numbers.get(name, "") for name in names]


def _model(contents: Contents) -> tuple[Any, str | None]:
    """The model without its weights, or why it cannot be made."""
    if contents.config is None:
        return None, None
    try:
        return model_of(contents), None
    except ValueError as error:
        return None, str(error)


def _output_shapes(model: Any) -> dict[str, Any]:
    """The layers' output shapes by name."""
    return {
        layer.name: structure.map_structure(lambda tensor: tensor.shape, layer._inbound_nodes[-1].outputs)
        for layer in (*model.layers, *model._sublayers)
        if layer._inbound_nodes
    }
