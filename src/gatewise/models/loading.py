"""Models made of what was saved: configs, JSON, files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gatewise.base.foreign import raised_in_words
from gatewise.base.typing import Config
from gatewise.base.variable import placeholders
from gatewise.formats import ByLayer, ByPlace, Contents, open_contents
from gatewise.graph import config as graph_config
from gatewise.layer.serialization import deserialize_layer
from gatewise.layers.lookup import VOCABULARY, HasVocabulary
from gatewise.models.file_configs import find_classes, without_cudnn
from gatewise.models.from_graph import from_graph
from gatewise.models.matching import Matching, stored_layers
from gatewise.models.model import Model
from gatewise.models.saved_order import layers_by_place
from gatewise.models.training_state import restore
from gatewise.models.unbuilt import build_as_saved, build_to_fit


def model_from_json(json_string: str, custom_objects: Any = None) -> Model:
    """Make a model from what `to_json` of any Keras (or Gatewise) gave; weights are new.

    >>> import gatewise as gw
    >>> text = gw.Sequential([gw.layers.LSTM(6, input_shape=(5, 3))]).to_json()
    >>> model_from_json(text).layers[0].units
    6
    """
    import json

    return model_from_config(json.loads(json_string), custom_objects)


def model_from_config(config: Config, custom_objects: Any = None) -> Model:
    """Make a model from a config with its class name, as `to_json` writes it.

    The Keras version that the config says it is of decides what its names mean.
    """
    with graph_config.written_by(config.get("keras_version")), graph_config.custom_objects(custom_objects):
        return deserialize_layer(config)  # type: ignore[return-value]


def load_model(filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True) -> Model:
    """Read a whole model from a file that any Keras, or Gatewise, saved.

    Args:
        filepath: a `.keras`, HDF5, ONNX or TFLite file, a SavedModel, ...; what it is shows in the file, not in its
            name. A graph of ONNX or TFLite becomes an `OnnxModel` or `TfliteModel`, a frozen graph of TensorFlow 1
            a `TensorFlowGraph`: these compute, and have no layers.
        custom_objects: your own classes and functions, by the names that the file uses.
        compile: whether the model is compiled as it was, with the optimizer's state; where the file does not say how,
            it is not.
        safe_mode: accepted; loading never runs code from a file.

    Raises:
        ValueError: a file that is not a model, is cut short, or names layers, losses or optimizers that are not known.
        FileNotFoundError: where there is no file.
    """
    with open_contents(filepath) as contents:
        if contents.program is not None:
            graph: Any = from_graph(contents.program, contents.path)  # Editors are told of the usual case.
            return graph  # type: ignore[no-any-return]
        contents.needed_config()
        contents.needed_weights()
        model = model_of(contents, custom_objects)
        matching = Matching(contents, model)
        matching.assign(matching.of_config())
        _give_assets(contents, model)
        if compile:
            with graph_config.custom_objects(custom_objects):
                restore(contents, model)
    return model


def model_of(contents: Contents, custom_objects: Any = None) -> Model:
    """The model of a file's config, with names as the writer's version meant them, and placeholders for weights.

    Raises:
        ValueError: a class that is not known, or a config that no model can be made of.
    """
    objects = dict(custom_objects or {})
    with _making(contents):
        config = without_cudnn(contents.needed_config(), objects)
        find_classes(config, objects)
        with graph_config.custom_objects(objects):
            model = deserialize_layer(config)
            if not isinstance(model, Model):
                raise ValueError(f"{config['class_name']!r} is a layer, not a model.")
            if not model.built and _has_weights(contents) and not build_as_saved(config, model):
                build_to_fit(contents, model)
    return model


def _give_assets(contents: Contents, model: Model) -> None:
    """Let layers take what Keras keeps for them beside the weights: the vocabularies that they learned."""
    weights = contents.weights
    if not isinstance(weights, ByPlace):
        return
    for places, layer in layers_by_place(model):
        if not isinstance(layer, HasVocabulary):
            continue
        for place in places:
            found = contents.asset(place + VOCABULARY)
            if found is not None:
                stored = [each for inner in layer.weighed_at for each in weights.at(place + inner)]
                try:
                    layer.load_vocabulary(found, stored[0].read() if stored else None)
                except ValueError as error:
                    raise contents.error(f"{VOCABULARY} of {layer.label} cannot be used: {error}") from error


def _has_weights(contents: Contents) -> bool:
    weights = contents.needed_weights()
    return not isinstance(weights, ByLayer) or bool(stored_layers(weights))


@contextmanager
def _making(contents: Contents) -> Iterator[None]:
    """Where layers are made of what a file says: whatever goes wrong is that file's ValueError."""
    try:
        with graph_config.written_by(contents.meaning or contents.keras_version), placeholders():
            yield
    except Exception as error:
        if contents.told(error):
            raise
        in_words = isinstance(error, ValueError) or raised_in_words(error)
        words = str(error) if in_words else f"{type(error).__name__}: {error}"
        raise contents.error(f"the model cannot be made of its config. {words}") from error
