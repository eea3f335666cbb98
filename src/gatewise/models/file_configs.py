"""Configs as files hold them: the layers that they name, and whether each is known, before any is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gatewise.base.registry import find_custom_object
from gatewise.base.typing import Config
from gatewise.layer import registered
from gatewise.layer.serialization import is_operation

_CUDNN: dict[str, tuple[str, dict[str, Any]]] = {
    "CuDNNLSTM": ("LSTM", {"activation": "tanh", "recurrent_activation": "sigmoid"}),
    "CuDNNGRU": ("GRU", {"activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": True}),
}


def entries_inside(entry: Config) -> list[Config]:
    """The layers that a model's or wrapper's config holds; Keras 2.0's Sequential is a plain list of them."""
    inner = entry.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    found = list(layers) if isinstance(layers, list) else []
    if isinstance(inner, dict):
        found += [inner.get("layer"), inner.get("backward_layer")]
    return [each for each in found if isinstance(each, dict) and isinstance(each.get("class_name"), str)]


def name_in(entry: Config) -> str:
    """The name of the layer that a config with a class name is of."""
    own = entry.get("config")
    return str((own.get("name") if isinstance(own, dict) else None) or entry.get("name"))


def _all_entries(config: Config) -> Iterator[Config]:
    """The configs with class names of all layers: the model's own, and those inside models and wrappers."""
    waiting = [config]
    while waiting:
        entry = waiting.pop()
        yield entry
        waiting += reversed(entries_inside(entry))


def find_classes(config: Config, objects: dict[str, Any]) -> None:
    """Raise ValueError for the first layer whose class is not known, or that is code, before any is made.

    A class that a program registered in a package, as "package>Class", may be given in `objects` as "Class".
    """
    for entry in _all_entries(config):
        name, layer = entry["class_name"], name_in(entry)
        short = name.rpartition(">")[2]
        if find_custom_object(name, objects) is None and find_custom_object(short, objects) is not None:
            objects[name] = find_custom_object(short, objects)
        if name == "Lambda" and find_custom_object(name, objects) is None:
            raise ValueError(
                f"The layer {layer!r} is a Lambda, Python code inside the file. A file is data, so it is not run. "
                "Write a layer class that does the same, and pass it: "
                "load_model(path, custom_objects={'Lambda': YourLayer})."
            )
        if is_operation(entry):
            continue
        try:
            registered.lookup_config(entry, objects)
        except ValueError as error:
            raise ValueError(
                f"The layer {layer!r} is of the class {name!r}, which Gatewise does not have. If it is your own, pass "
                f"it: load_model(path, custom_objects={{{short!r}: {short}}})."
            ) from error


def without_cudnn(config: Any, custom_objects: Any) -> Any:
    """The config with `CuDNNLSTM` and `CuDNNGRU` named as the layers that compute the same."""
    if isinstance(config, list):
        return [without_cudnn(part, custom_objects) for part in config]
    if not isinstance(config, dict):
        return config
    config = {key: without_cudnn(value, custom_objects) for key, value in config.items()}
    name, own = config.get("class_name"), config.get("config")
    if (
        isinstance(name, str)
        and name in _CUDNN
        and find_custom_object(name, custom_objects) is None
        and isinstance(own, dict)
    ):
        name, meaning = _CUDNN[name]
        config |= {"class_name": name, "config": own | meaning}
    return config
