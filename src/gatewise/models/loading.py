"""Models made of what was saved: configs, JSON, files."""

from __future__ import annotations

from typing import Any

from gatewise.base.typing import Config
from gatewise.graph import config as graph_config
from gatewise.layer.serialization import deserialize_layer
from gatewise.models.model import Model


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """Make a model from what `to_json` of any Keras (or Gatewise) gave; weights are new.

    >>> import gatewise as gw
    >>> text = gw.Sequential([gw.layers.LSTM(6, input_shape=(5, 3))]).to_json()
    >>> model_from_json(text).layers[0].units
    6
    """
    import json

    return model_from_config(json.loads(json_string), custom_objects)


def model_from_config(config: Config, custom_objects: Any = None) -> Any:
    """Make a model from a config with its class name, as `to_json` writes it.

    The Keras version that the config says it is of decides what its names mean.
    """
    with graph_config.written_by(config.get("keras_version")), graph_config.custom_objects(custom_objects):
        return deserialize_layer(config)


def load_model(filepath: Any, custom_objects: Any = None, compile: bool = False, safe_mode: bool = True) -> Any:
    """Read a whole model from a file that any Keras saved.

    Args:
        filepath: an HDF5 file.
        custom_objects: your own classes and functions, by the names that the file uses.
        compile: accepted; the training config in the file is not used.
        safe_mode: accepted; loading never runs code from a file.

    Raises:
        ValueError: a file that is not a model, is cut short, or names layers that are not known.
        FileNotFoundError: where there is no file.
    """
    from gatewise.formats import load

    return load(filepath, custom_objects=custom_objects)


def clone_model(model: Model) -> Any:
    """A new model of the same architecture, with new weights."""
    classes = {type(layer).__name__: type(layer) for layer in model._walk()}
    with graph_config.custom_objects(classes):
        return type(model).from_config(model.get_config())
