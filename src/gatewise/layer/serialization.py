"""Layers as configs with their class: what a model's config, or a layer that holds another, keeps of it."""

from __future__ import annotations

from typing import Any

from gatewise.base import release, structure
from gatewise.base.foreign import said, shown
from gatewise.base.registry import get_registered_name
from gatewise.base.typing import Config
from gatewise.layer.layer import Layer, registered


def serialize_layer(layer: Layer) -> Config:
    """A layer or model with its class, as Keras 3 writes it."""
    name = get_registered_name(type(layer))
    own = type(layer).__module__.split(".")[0] == "gatewise"
    config: Config = {
        "module": layer.keras_module if own else type(layer).__module__,
        "class_name": (registered.name_of(type(layer)) if own else None) or type(layer).__name__,
        "config": layer.get_config(),
        "registered_name": None if own else name,
    }
    if layer.built_for is not None:
        config["build_config"] = layer.built_for
    if layer.is_operation:
        config |= layer.saved_operation()  # type: ignore[attr-defined]
    if getattr(layer, "_release", "keras3") != "keras3":
        # Keras passes over this word; here it brings back what masks and states meant to the layer.
        config["release"] = layer._release  # type: ignore[attr-defined]
    return config


def deserialize_layer(config: Any) -> Layer:
    """A layer or model from a config with its class name, as any Keras wrote it.

    Raises:
        ValueError: an unknown class; the message names it and says how to pass it.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise ValueError(f"Expected the config of a layer, with its class_name, got {str(config)[:80]!r}.")
    inner = config.get("config", {})
    if is_operation(config):
        if not isinstance(inner, dict):
            raise ValueError(
                f"The config of the operation {config['class_name']!r} must be a dict, got {shown(inner)}."
            )
        return registered.lookup("Operation").from_config({**inner, "operation": config["class_name"]})
    cls = registered.lookup_config(config)
    if isinstance(inner, dict) and "name" not in inner and config.get("name"):
        inner = {**inner, "name": config["name"]}
    made = _made(cls, inner, f"{config['class_name']} {name_of(config)!r}")
    if "release" in config and hasattr(made, "_release"):
        made._release = release.checked(config["release"])
    return made


def deserialize_built(config: Any) -> Layer:
    """`deserialize_layer`, and built where the config says for which shapes it was."""
    layer = deserialize_layer(config)
    shapes = config["build_config"].get("input_shape") if isinstance(config.get("build_config"), dict) else None
    if shapes is not None and not layer.built:
        layer.build(structure.map_structure(tuple, shapes, leaf=structure.is_shape))
    return layer


def is_operation(config: Config) -> bool:
    """Whether a config with a class name is that of an operation of Keras 3, which is no layer there.

    Its module says so; files in HDF5 have none.
    """
    if "module" in config:
        return str(config["module"]).startswith("keras.src.ops")
    operation: Any = registered.lookup("Operation")
    return bool(operation.knows(config))


def name_of(config: Config) -> Any:
    """The name of the layer that a config is of, or None where it does not say."""
    inner = config.get("config")
    return (inner.get("name") if isinstance(inner, dict) else None) or config.get("name")


def _made(cls: type[Layer], config: Any, label: str) -> Layer:
    """A layer of its own config; what is wrong there is said by its key."""
    if not isinstance(config, (dict, list)):
        raise ValueError(f"The config of {label} must be a dict of its arguments, got {shown(config)}.")
    with said(lambda: f"The config of {label} is not what Keras writes: {_what_is_wrong(cls, config)}."):
        given: Any = config  # Keras 2.0's Sequential has a list.
        return cls.from_config(given)


def _what_is_wrong(cls: type[Layer], config: Any) -> str:
    """Which key of a config no layer can be made with: the one without which the error is another, or none."""
    if not isinstance(config, dict):
        return shown(config)
    first = _error_of(cls, config)
    for key in config:
        if _error_of(cls, {name: value for name, value in config.items() if name != key}) != first:
            return f"{key!r} is {shown(config[key])}"
    return (
        f"it has the keys {sorted(map(str, config))}, and lacks {first[1]}" if first[0] is KeyError else shown(config)
    )


def _error_of(cls: type[Layer], config: Config) -> tuple[type[Exception] | None, str]:
    try:
        cls.from_config(config)
    except Exception as error:
        return type(error), str(error)
    return None, ""
