"""Models and weights in HDF5 files, as Keras 2.0 to 2.15, tf.keras and Keras 3 (`model.save("name.h5")`) write them.

What such a file holds:

    /                        attributes: keras_version, backend, model_config (JSON), training_config
    /model_weights           attribute: layer_names
    /model_weights/LAYER     attribute: weight_names; the arrays lie below, at those names
    /optimizer_weights       not used here

A file of weights alone (`save_weights`) has at its root what `model_weights` has in a whole model. A layer's arrays are
all trainable ones, then all others; for a model inside a model likewise, over all its layers. Weights alone also come
in a newer layout, without names: `by_place`.

Reading changes nothing before all of it has been checked and read: an error leaves a model as it was.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from gatewise.base import structure
from gatewise.base.registry import find_custom_object
from gatewise.base.typing import Config, Shape
from gatewise.base.variable import Variable, placeholders
from gatewise.formats.description import Description, LayerDescription, WeightDescription
from gatewise.formats.hdf5 import by_place
from gatewise.formats.hdf5.access import Group, Source, Stored, opened
from gatewise.graph import config as graph_config
from gatewise.layer import Layer, registered
from gatewise.layer.serialization import deserialize_layer
from gatewise.models import Model, gate_orders

Pair: TypeAlias = tuple[Variable, Stored]

# What a file without a version means, as in Keras.
_OLDEST = "1"
_TOP_LEVEL = "top_level_model_weights"


# -- whole models ---------------------------------------------------------------------------------------------------


def load_model(path: Any, custom_objects: Any = None) -> Any:
    """The model in a file, with its weights.

    Args:
        path: of the file.
        custom_objects: your own classes and functions, by the names that the file uses.

    Raises:
        FileNotFoundError: where there is no file.
        ValueError: a file that is damaged, holds weights alone, names a class that is not known, or has weights that
            are missing or do not fit.
    """
    with opened(path) as root:
        config = _model_config(root)
        weights = _weights_of(root)
        files = _FileLayer.all(weights)
        model = _made(root, config, weights, files, custom_objects)
        pairs = _pairs_by_name(root.source, model, files, weights.text("backend"))
        pairs += _top_level(root.source, model, weights)
        _assign(pairs)
    return model


def _model_config(root: Group) -> Config:
    text = root.text("model_config")
    if text is None:
        if root.has_names("layer_names") or by_place.is_vars_layout(root):
            raise root.source.error(
                "the file holds weights alone, without a model. Build the model in code, then call "
                "model.load_weights with this file."
            )
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


def _weights_of(root: Group) -> Group:
    """Where the weights are: below `model_weights` in a whole model, at the root in a file of weights alone."""
    if root.has_names("layer_names"):
        return root
    if not root.holds("model_weights"):
        raise root.source.error("the file holds no weights: it has neither layer_names nor model_weights.")
    weights = root.group("model_weights")
    if not weights.has_names("layer_names"):
        raise root.source.error("'/model_weights' has no layer_names: the file is not complete.")
    return weights


def _version(root: Group, weights: Group) -> str | None:
    return root.text("keras_version") or weights.text("keras_version")


def _made(root: Group, config: Config, weights: Group, files: list[_FileLayer], custom_objects: Any) -> Any:
    """The model of the config, with names as the writer's version meant them, and placeholders for weights."""
    objects = dict(custom_objects or {})
    with _making(root.source, _version(root, weights) or _OLDEST):
        config = gate_orders.without_cudnn(config, objects)
        _find_classes(config, objects)
        with graph_config.custom_objects(objects):
            model = deserialize_layer(config)
            if not isinstance(model, Model):
                raise ValueError(f"{config['class_name']!r} is a layer, not a model.")
            if not model.built and any(file.stored for file in files):
                _build_to_fit(root.source, model, files)
    return model


@contextmanager
def _making(source: Source, version: str) -> Iterator[None]:
    """Where layers are made of what a file says: whatever goes wrong is that file's ValueError."""
    try:
        with graph_config.written_by(version), placeholders():
            yield
    except Exception as error:
        if source.told(error):
            raise
        words = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise source.error(f"the model cannot be made of its config. {words}") from error


def _find_classes(config: Config, objects: dict[str, Any]) -> None:
    """Raise ValueError for the first layer whose class is not known, or that is code, before any is made.

    A class that a program registered in a package, as "package>Class", may be given in `objects` as "Class".
    """
    for entry in _layer_entries(config):
        name, layer = entry["class_name"], _layer_name(entry)
        short = name.rpartition(">")[2]
        if find_custom_object(name, objects) is None and find_custom_object(short, objects) is not None:
            objects[name] = find_custom_object(short, objects)
        if name == "Lambda" and find_custom_object(name, objects) is None:
            raise ValueError(
                f"The layer {layer!r} is a Lambda, Python code inside the file. A file is data, so it is not run. "
                "Write a layer class that does the same, and pass it: "
                "load_model(path, custom_objects={'Lambda': YourLayer})."
            )
        try:
            registered.lookup_config(entry, objects)
        except ValueError as error:
            raise ValueError(
                f"The layer {layer!r} is of the class {name!r}, which Gatewise does not have. If it is your own, pass "
                f"it: load_model(path, custom_objects={{{short!r}: {short}}})."
            ) from error


def _layer_entries(config: Config) -> Iterator[Config]:
    """The configs with class names of all layers: the model's own, and those inside models and wrappers."""
    waiting = [config]
    while waiting:
        entry = waiting.pop()
        yield entry
        waiting += reversed(_entries_inside(entry))


def _entries_inside(entry: Config) -> list[Config]:
    """The layers that a model's or wrapper's config holds; Keras 2.0's Sequential is a plain list of them."""
    inner = entry.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    found = list(layers) if isinstance(layers, list) else []
    if isinstance(inner, dict):
        found += [inner.get("layer"), inner.get("backward_layer")]
    return [each for each in found if isinstance(each, dict) and isinstance(each.get("class_name"), str)]


def _layer_name(entry: Config) -> str:
    own = entry.get("config")
    return str((own.get("name") if isinstance(own, dict) else None) or entry.get("name"))


# -- weights alone --------------------------------------------------------------------------------------------------


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
    with opened(path) as root:
        if by_place.is_vars_layout(root):
            _assign(_pairs_in_vars(root, model, by_name))
            return
        weights = _weights_of(root)
        files = _FileLayer.all(weights)
        if not model.built:
            _build_to_fit(root.source, model, files)
        pair = _pairs_by_given_name if by_name else _pairs_in_order
        skipped: list[str] | None = [] if skip_mismatch else None
        pairs = pair(root.source, model, files, weights.text("backend"), skipped)
        pairs += _top_level(root.source, model, weights)
        _assign(pairs)
    if skipped:
        warnings.warn(f"{root.source.path!r}: left as they were: {'; '.join(skipped)}", stacklevel=3)


# -- matching -------------------------------------------------------------------------------------------------------


class _FileLayer:
    """A layer in a file: its name and its arrays, not read yet."""

    def __init__(self, name: str, stored: list[Stored]) -> None:
        self.name = name
        self.stored = stored

    @staticmethod
    def all(weights: Group) -> list[_FileLayer]:
        """Every layer of the file, those without weights too."""
        return [_FileLayer(name, _arrays(weights.group(name))) for name in weights.names("layer_names")]


def _arrays(group: Group) -> list[Stored]:
    return [group.stored(name) for name in group.names("weight_names")]


def _pairs_by_name(source: Source, model: Any, files: list[_FileLayer], backend: str | None) -> list[Pair]:
    """A whole model's weights: its file names the layers as its config does. Files that someone renamed go by order."""
    found = {file.name: file for file in files if file.stored}
    layers = _with_weights(model)
    if {layer.name for layer in layers} != set(found) or len(layers) != len(found):
        return _pairs_in_order(source, model, files, backend, None)
    return [pair for layer in layers for pair in _fitted(source, layer, found[layer.name], backend)]


def _pairs_in_order(
    source: Source, model: Any, files: list[_FileLayer], backend: str | None, skipped: list[str] | None
) -> list[Pair]:
    found = [file for file in files if file.stored]
    layers = _with_weights(model)
    if len(found) != len(layers):
        ours, theirs = _listed(layer.name for layer in layers), _listed(file.name for file in found)
        raise source.error(
            f"the model {model.name!r} has {len(layers)} layers with weights ({ours}), the file {len(found)} "
            f"({theirs}). Build the model as the one that was saved, or match by name those that both have: "
            "load_weights(path, by_name=True)."
        )
    return [pair for layer, file in zip(layers, found, strict=True) for pair in _fitted(source, layer, file, backend)]


def _pairs_by_given_name(
    source: Source, model: Any, files: list[_FileLayer], backend: str | None, skipped: list[str] | None
) -> list[Pair]:
    named: dict[str, list[Layer]] = {}
    for layer in model.layers:
        named.setdefault(layer.name, []).append(layer)
    return [
        pair
        for file in files
        for layer in named.get(file.name, ())
        for pair in _fitted(source, layer, file, backend, skipped)
    ]


def _pairs_in_vars(root: Group, model: Any, by_name: bool) -> list[Pair]:
    """The pairs of a file in the layout of Keras 3's `.weights.h5`, which has no names to match by."""
    if by_name:
        raise root.source.error("this layout of weights (.weights.h5) keeps no names: load it without by_name.")
    if not model.built:
        raise root.source.error(
            f"{model.label} is not built. Make it in code with a shape (in a Sequential: start with Input) or call it "
            "on data, then call load_weights with this file."
        )
    pairs = []
    for paths, layer, variables in by_place.places(model):
        file = _FileLayer(" or ".join(paths), by_place.arrays(root, paths))
        pairs += _fitted(root.source, layer, file, None, wanted=[(layer, variable) for variable in variables])
    return pairs


def _with_weights(model: Any) -> list[Layer]:
    return [layer for layer in model.layers if saved_order(layer)]


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "") or "none"


def _fitted(
    source: Source,
    layer: Layer,
    file: _FileLayer,
    backend: str | None,
    skipped: list[str] | None = None,
    wanted: list[tuple[Layer, Variable]] | None = None,
) -> list[Pair]:
    """The layer's variables (or those `wanted`), each with the array that becomes its value.

    Raises:
        ValueError: a wrong number of arrays or a wrong shape, unless `skipped` collects such.
    """
    wanted = saved_order(layer) if wanted is None else wanted
    stored = gate_orders.merged_gates(layer, file.stored)
    if len(stored) != len(wanted):
        message = (
            f"the layer {layer.label} has {len(wanted)} weights {[v.shape for _, v in wanted]}, "
            f"the file's {file.name!r} has {len(stored)}: {[s.shape for s in stored]}."
        )
        if skipped is None:
            raise source.error(message)
        skipped.append(message)
        return []
    pairs = []
    for (owner, variable), array in zip(wanted, _converted(wanted, stored, backend), strict=True):
        if variable.shape == array.shape:
            pairs.append((variable, array))
            continue
        message = (
            f"the weight {variable.name!r} of the layer {layer.label} has the shape {variable.shape}, "
            f"the file's {array.name!r} in {file.name!r} has {array.shape}."
            + gate_orders.advice(owner, variable.shape, array.shape)
        )
        if skipped is None:
            raise source.error(message)
        skipped.append(message)
    return pairs


def _converted(wanted: list[tuple[Layer, Variable]], stored: list[Stored], backend: str | None) -> list[Stored]:
    """The arrays in today's layout; each layer inside a wrapper or model is converted for itself."""
    places: dict[int, list[int]] = {}
    for place, (owner, _) in enumerate(wanted):
        places.setdefault(id(owner), []).append(place)
    result = list(stored)
    for group in places.values():
        fresh = gate_orders.converted(wanted[group[0]][0], [stored[place] for place in group], backend)
        for place, array in zip(group, fresh, strict=True):
            result[place] = array
    return result


def saved_order(layer: Layer) -> list[tuple[Layer, Variable]]:
    """A layer's weights, each with the layer that owns it, in the order of files: trainable ones first."""
    pairs = _trainable(layer) + _others(layer)
    return list({id(variable): (owner, variable) for owner, variable in pairs}.values())


def _own(layer: Layer, trainable: bool) -> list[tuple[Layer, Variable]]:
    return [(layer, variable) for variable in layer._variables if variable.trainable == trainable]


def _trainable(layer: Layer) -> list[tuple[Layer, Variable]]:
    if not layer.trainable:
        return []
    inner = [pair for child in layer._sublayers for pair in _trainable(child)]
    return inner + _own(layer, True) if isinstance(layer, Model) else _own(layer, True) + inner


def _others(layer: Layer) -> list[tuple[Layer, Variable]]:
    """What training leaves alone: all that a frozen layer holds, and moving averages and their like."""
    frozen = [] if layer.trainable else _own(layer, True)
    inner = [pair for child in layer._sublayers for pair in _others(child)]
    if isinstance(layer, Model):
        thawed = [] if layer.trainable else [pair for child in layer._sublayers for pair in _trainable(child)]
        return thawed + frozen + inner + _own(layer, False)
    if not layer.trainable:
        inner = [pair for child in layer._sublayers for pair in saved_order(child)]
    return frozen + _own(layer, False) + inner


def _top_level(source: Source, model: Any, weights: Group) -> list[Pair]:
    """The weights that a model of the user's own class holds itself, outside its layers."""
    if not weights.holds(_TOP_LEVEL):
        return []
    stored = _arrays(weights.group(_TOP_LEVEL))
    own = _own(model, True) + _own(model, False)
    if [s.shape for s in stored] != [v.shape for _, v in own]:
        raise source.error(
            f"the model {model.name!r} has {len(own)} weights of its own {[v.shape for _, v in own]}, "
            f"the file {len(stored)}: {[s.shape for s in stored]}."
        )
    return [(variable, array) for (_, variable), array in zip(own, stored, strict=True)]


def _assign(pairs: list[Pair]) -> None:
    """Read everything, then set everything: a file that fails half way changes nothing."""
    values = [(variable, array.read()) for variable, array in pairs]
    for variable, value in values:
        variable.assign(value)


# -- models that do not say their input -----------------------------------------------------------------------------


def _build_to_fit(source: Source, model: Any, files: list[_FileLayer]) -> None:
    """Build a model that has not seen data, where the first stored kernel tells the input's shape.

    Each shape that it could be is tried on a copy, so that a wrong guess leaves no trace.
    """
    for shape in _possible_inputs(model, [file for file in files if file.stored]):
        with placeholders():
            trial = type(model).from_config(model.get_config())
            try:
                trial.build(shape)
                _pairs_in_order(source, trial, files, None, None)
            except (ValueError, TypeError):
                continue
        model.build(shape)
        return
    raise source.error(
        f"{model.label} is not built, and its input's shape cannot be told from the weights. Make it in code with a "
        "shape (in a Sequential: start with Input) or call it on data, then call load_weights with this file."
    )


def _possible_inputs(model: Any, files: list[_FileLayer]) -> list[Shape]:
    """The shapes that the input may have, going by the first layer that has weights in the file."""
    found: list[Shape] = model.inputs_for(files[0].stored[0].shape) if files and files[0].stored else []
    return found


# -- description ----------------------------------------------------------------------------------------------------


def describe(path: Any) -> Description:
    """What a file holds: see `description.Description`. No array is read or made.

    Raises:
        FileNotFoundError: where there is no file.
        ValueError: a file that is damaged, or holds no model.
    """
    with opened(path) as root:
        if by_place.is_vars_layout(root):
            return _described_vars(root)
        config = None if root.has_names("layer_names") and not root.has("model_config") else _model_config(root)
        weights = _weights_of(root)
        files = _FileLayer.all(weights)
        stored = {file.name: _described(file.stored) for file in files}
        shapes, problem = _output_shapes(root, config, weights, files)
        own = (config or {}).get("config")
        return Description(
            path=root.source.path,
            format="HDF5",
            kind="weights" if config is None else "model",
            keras_version=_version(root, weights),
            backend=root.text("backend") or weights.text("backend"),
            class_name=None if config is None else config["class_name"],
            name=own.get("name") if isinstance(own, dict) else None,
            layers=tuple(_layers(config, stored, shapes)),
            training_config=root.has("training_config"),
            optimizer_weights=root.holds("optimizer_weights"),
            problem=problem,
        )


def _described_vars(root: Group) -> Description:
    layers = [LayerDescription(name, None, None, _described(found)) for name, found in by_place.described(root)]
    return Description(root.source.path, "HDF5", "weights", None, None, None, None, tuple(layers), False, False)


def _described(stored: list[Stored]) -> tuple[WeightDescription, ...]:
    return tuple(WeightDescription(array.name, array.shape, array.dtype) for array in stored)


def _layers(
    config: Config | None, stored: dict[str, tuple[WeightDescription, ...]], shapes: dict[str, Any]
) -> Iterator[LayerDescription]:
    if config is None:
        for name, arrays in stored.items():
            yield LayerDescription(name, None, None, arrays)
        return
    for entry in _entries_inside(config):
        name = _layer_name(entry)
        yield LayerDescription(name, str(entry.get("class_name")), shapes.get(name), stored.get(name, ()))


def _output_shapes(
    root: Group, config: Config | None, weights: Group, files: list[_FileLayer]
) -> tuple[dict[str, Any], str | None]:
    """The layers' output shapes by name, and why they are not known."""
    if config is None:
        return {}, None
    try:
        model = _made(root, config, weights, files, None)
    except ValueError as error:
        return {}, str(error)
    shapes = {
        layer.name: structure.map_structure(lambda tensor: tensor.shape, layer._inbound_nodes[-1].outputs)
        for layer in (*model.layers, *model._sublayers)
        if layer._inbound_nodes
    }
    return shapes, None
