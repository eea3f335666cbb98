"""Models and weights into files, in the forms that Keras 3 and tf_keras write.

| file | Keras 3 | tf_keras |
| --- | --- | --- |
| `save("name.keras")` | its own | calls and inputs in Keras 2's words |
| `save("name", zipped=False)` | the same, as a folder | none |
| `save("name.h5")` | classes without modules | both |
| `save_weights("name.weights.h5")` | places | the same |
| `save_weights("name.weights.json", max_shard_size=5)` | places, in several files | none |
| `save_weights("name.h5")` | none | by layer |
| `save("name.safetensors")`, `save_weights` | none: our own, every bit of every dtype kept, read without h5py | none |

Every file is written whole or not at all (`gatewise.base.atomic`).
"""

from __future__ import annotations

import datetime
import json
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import numpy as np

from gatewise.base import release as releases
from gatewise.base.atomic import replacing
from gatewise.base.release import Release
from gatewise.base.typing import Config
from gatewise.base.variable import Variable
from gatewise.formats import keras_archive, keras_folder, safetensors, sharded
from gatewise.formats.hdf5 import writing
from gatewise.formats.hdf5.writing import LayersToWrite, ModelToWrite, Named
from gatewise.formats.places import OF_WORDS, OPTIMIZER, PlaceToWrite
from gatewise.layer import Layer
from gatewise.layer.serialization import serialize_layer
from gatewise.layers.lookup import HasVocabulary
from gatewise.models import training_state
from gatewise.models.saved_configs import of_keras2, plain, without_module
from gatewise.models.saved_order import cell_name, layers_by_place, own_order, saved_order, written_places

VERSIONS: Final[dict[Release, str]] = {"keras3": "3.15.1", "tf2": "2.15.0", "tf1": "2.2.4-tf"}
"""The version whose form is written for each release; files say it, and readers go by it."""
BACKEND: Final = "tensorflow"

_GIGABYTE: Final = 1 << 30
"""Of Keras's `max_shard_size`."""
_OF_MODELS: Final = {".keras": "keras", ".h5": "h5", ".hdf5": "h5", ".safetensors": "safetensors"}
_OF_WEIGHTS: Final = {".weights.h5": "places", ".h5": "layers", ".hdf5": "layers", ".safetensors": "safetensors"}
_NO_SAVED_MODEL: Final = (
    "a SavedModel holds a TensorFlow program, which Gatewise does not write: save as .keras, or as .h5 (HDF5)."
)


def save_model(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    include_optimizer: bool = True,
    save_format: str | None = None,
    *,
    zipped: bool | None = None,
    release: Release | None = None,
) -> None:
    """Write a whole model: config, weights, and how it was compiled with the optimizer's state.

    Args:
        model: built.
        filepath: ends in `.keras` (a zip archive), in `.h5` or `.hdf5` (HDF5, as all Keras before 3 wrote), or in
            `.safetensors` (our own: Gatewise alone makes a model of it; every bit of every dtype is kept).
        overwrite: whether a file that is there may be replaced.
        include_optimizer: whether the optimizer is written.
        save_format: "keras", "h5" or "safetensors", where the name of the file does not say it.
        zipped: False for a folder with the same three files, whose name does not end in `.keras`.
        release: whose form: "keras3" for Keras 3; "tf2" for tf_keras and TensorFlow 2 (`.h5` files of it are read by
            Keras 3 too); "tf1" for TensorFlow 1. By default that in which the program is.

    Raises:
        FileExistsError: without `overwrite`.
        FileNotFoundError: a folder that is not there.
        ValueError: a name with another ending, a model that is not built, or a config that a file cannot hold.
        OSError: a disk that is full. The file that was there is whole then, as in all these cases.

    >>> import gatewise as gw, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "model.keras")
    >>> save_model(gw.Sequential([gw.Input((5, 3)), gw.layers.LSTM(6)]), path)
    >>> gw.models.load_model(path).layers[0].units
    6
    """
    path = os.fspath(filepath)
    form = _form(model, path, save_format, zipped)
    of = releases.checked(release or releases.current())
    _check(model, path, overwrite)
    if getattr(model, "_drawn_losses", None) is not None or any(layer._loss_functions for layer in model._walk()):
        warnings.warn(f"{model.label}: the file does not keep what add_loss and add_metric were given.", stacklevel=3)
    config = serialize_layer(model)
    compiled = training_state.compile_config(model, of) if include_optimizer else None
    state = training_state.state(model, of) if compiled is not None else []
    config, compiled = plain(config, model.label), plain(compiled, model.label)
    config = config if of == "keras3" else of_keras2(config)
    if form == "h5":
        with replacing(path) as temporary:
            writing.write_model(temporary, _hdf5_model(model, config, compiled, state, of))
        return
    if form == "safetensors":
        with replacing(path) as temporary:
            _write_safetensors(temporary, model, state, of, config, compiled)
        return
    parts = _metadata(of), json.dumps({**config, "compile_config": compiled})
    places = [*_weights_by_place(model, of), *_state_by_place(model, state)]
    if form == "folder":
        keras_folder.write(path, *parts, places)
    else:
        with replacing(path) as temporary:
            keras_archive.write(temporary, *parts, places)


def save_weights(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    save_format: str | float | None = None,
    *,
    max_shard_size: float | None = None,
) -> None:
    """Write the weights alone, and in `.weights.h5` the optimizer's state, as Keras does.

    Args:
        model: built.
        filepath: ends in `.weights.h5`, in `.h5` or `.hdf5` for the older layout by the names of layers, in
            `.safetensors`, or in `.weights.json` for several files.
        overwrite: whether a file that is there may be replaced.
        save_format: "h5" or None; by place also `max_shard_size`, which is third in Keras 3.
        max_shard_size: how many gigabytes of weights one file may have; `filepath` then names the index of them.

    Raises:
        FileExistsError: without `overwrite`.
        FileNotFoundError: a folder that is not there.
        ValueError: a name with another ending, or a model that is not built.
        OSError: a disk that is full.
    """
    path = os.fspath(filepath)
    if save_format == "tf":
        raise ValueError(f"{model.label}: a TensorFlow checkpoint is not written: save as .weights.h5.")
    if isinstance(save_format, (int, float)):
        save_format, max_shard_size = None, save_format
    if max_shard_size is not None:
        _save_shards(model, path, overwrite, max_shard_size)
        return
    form = _by_ending(path, _OF_WEIGHTS)
    if form is None and save_format == "h5":
        form = "layers"
    if form is None:
        raise ValueError(f"{path!r}: the name of a file of weights ends in {_listed(_OF_WEIGHTS)}.")
    _check(model, path, overwrite)
    of = releases.current()
    with replacing(path) as temporary:
        if form == "layers":
            writing.write_layers(temporary, _weights_by_layer(model, of))
            return
        state = training_state.state(model, of)
        if form == "safetensors":
            _write_safetensors(temporary, model, state, of)
        else:
            writing.write_places(temporary, [*_weights_by_place(model, of), *_state_by_place(model, state)])


def _save_shards(model: Any, path: Any, overwrite: bool, most: float) -> None:
    name = os.fsdecode(path)
    if not name.endswith((sharded.ENDING, ".weights.h5")):
        raise ValueError(f"{path!r}: with max_shard_size the name of a file of weights ends in {sharded.ENDING}.")
    if not most > 0:
        raise ValueError(f"{model.label}: max_shard_size must be a number of gigabytes above 0, got {most!r}.")
    if not name.endswith(sharded.ENDING):
        name = name.removesuffix(".weights.h5") + sharded.ENDING
        warnings.warn(f"{path!r}: with max_shard_size the index of the weights is {name!r}, as in Keras.", stacklevel=4)
    _check(model, name, overwrite)
    of = releases.current()
    places = [*_weights_by_place(model, of), *_state_by_place(model, training_state.state(model, of))]
    sharded.write(name, places, most * _GIGABYTE)


# -- what is asked for ------------------------------------------------------------------------------------------------


def _form(model: Layer, path: Any, save_format: str | None, zipped: bool | None) -> str:
    if zipped is False:
        if _by_ending(path, _OF_MODELS) is not None or save_format == "h5":
            raise ValueError(f"{path!r}: zipped=False makes a folder: give it a name without the ending of a file.")
        return "folder"
    if save_format == "tf":
        raise ValueError(f"{model.label}: {_NO_SAVED_MODEL}")
    if save_format not in (None, "keras", "h5", "safetensors"):
        raise ValueError(
            f'{model.label}: save_format must be "keras", "h5", "safetensors" or None, got {save_format!r}.'
        )
    form = save_format or _by_ending(path, _OF_MODELS)
    if form is None:
        saved_model = "" if os.path.splitext(os.fsdecode(path))[1] else f" Without an ending: {_NO_SAVED_MODEL}"
        raise ValueError(f"{path!r}: the name of a model's file ends in {_listed(_OF_MODELS)}.{saved_model}")
    return form


def _by_ending(path: Any, forms: dict[str, str]) -> str | None:
    name = os.fsdecode(path).lower()
    return next((form for ending, form in forms.items() if name.endswith(ending)), None)


def _listed(endings: dict[str, str]) -> str:
    *others, last = endings
    return f"{', '.join(others)} or {last}"


def _check(model: Any, path: Any, overwrite: bool) -> None:
    if not model.built:
        raise ValueError(
            f"{model.label} is not built, so there are no weights to save: call it on data, or build it with a shape."
        )
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path!r} exists: pass overwrite=True to replace it, or choose another name.")
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{path!r}: there is no folder {folder!r}: make it first.")


# -- weights ----------------------------------------------------------------------------------------------------------


def _value(variable: Variable) -> np.ndarray:
    value = np.asarray(variable.numpy())
    return value.astype("float32") if value.dtype.name == "bfloat16" else value  # HDF5 has no such numbers.


def _exact(variable: Variable) -> np.ndarray:
    return np.asarray(variable.numpy())


Value: TypeAlias = Callable[[Variable], np.ndarray]


def _weights_by_place(model: Layer, of: Release, value: Value = _value) -> Iterator[PlaceToWrite]:
    for place, name, weights in written_places(model, of):
        yield PlaceToWrite(place, name, list(map(value, weights)))
    for places, layer in layers_by_place(model):
        if isinstance(layer, HasVocabulary) and (weighed := layer.words_weigh()) is not None:
            for place in layer.weighed_at:
                yield PlaceToWrite(places[0] + place, layer.name, [weighed], OF_WORDS)


def _state_by_place(model: Any, state: list[Variable], value: Value = _value) -> list[PlaceToWrite]:
    optimizer = training_state.optimizer_of(model)
    if optimizer is None or not state:
        return []
    return [PlaceToWrite(OPTIMIZER, optimizer.name, list(map(value, state)))]


def _write_safetensors(
    path: Any,
    model: Any,
    state: list[Variable],
    of: Release,
    config: Config | None = None,
    compiled: Config | None = None,
) -> None:
    """Our own form: the weights by place, and beside them the config of a whole model."""
    texts = {safetensors.VERSION: VERSIONS[of]}
    parts = {safetensors.CONFIG: config, safetensors.COMPILED: compiled}
    texts |= {name: json.dumps(part) for name, part in parts.items() if part is not None}
    safetensors.write(path, texts, [*_weights_by_place(model, of, _exact), *_state_by_place(model, state, _exact)])


def _weights_by_layer(model: Any, of: Release) -> LayersToWrite:
    layers = [(layer.name, _named_weights(layer, of)) for layer in model.layers]
    own = [(variable.name + _end(of), _value(variable)) for _, variable in own_order(model)]
    return LayersToWrite(layers, own, VERSIONS[of], BACKEND)


def _named_weights(layer: Layer, of: Release) -> Named:
    paths = dict(_paths(layer, "", of))
    return [
        (f"{paths[id(owner)]}{variable.name}{_end(of)}", _value(variable)) for owner, variable in saved_order(layer)
    ]


def _paths(layer: Layer, above: str, of: Release) -> Iterator[tuple[int, str]]:
    """Where the weights of a layer, and of each inside, stand in names: "bidirectional/forward_lstm/lstm_cell/"."""
    here = above if layer.is_model and of != "keras3" else f"{above}{layer.name}/"
    yield id(layer), here if layer.own_place == Layer.own_place else f"{here}{cell_name(layer)}/"
    for inner in layer._sublayers:
        yield from _paths(inner, here, of)


def _end(of: Release) -> str:
    return "" if of == "keras3" else ":0"


# -- models -----------------------------------------------------------------------------------------------------------


def _metadata(of: Release) -> str:
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    return json.dumps({"keras_version": VERSIONS[of], "date_saved": now})


def _hdf5_model(
    model: Any, config: Config, compiled: Config | None, state: list[Variable], of: Release
) -> ModelToWrite:
    texts = {"keras_version": VERSIONS[of], "backend": BACKEND, "model_config": json.dumps(without_module(config))}
    if compiled is not None:
        texts["training_config"] = json.dumps(training_state.hdf5_config(model, without_module(compiled), of))
    return ModelToWrite(texts, _weights_by_layer(model, of), [(_state_name(each, of), _value(each)) for each in state])


def _state_name(variable: Variable, of: Release) -> str:
    if of == "keras3":
        return variable.path
    return "iteration:0" if variable.name == "iteration" else f"{variable.path}:0"
