"""Layers as configs with their class: what a model's config, or a layer that holds another, keeps of it."""

from __future__ import annotations

from typing import Any

from gatewise.layer import Layer, registered
from gatewise.registry import get_registered_name
from gatewise.typing import Config

_OPERATIONS = "keras.src.ops.numpy"
# What Keras's public modules do not show, and its files name where it lies.
_INNER_MODULES = {"Functional": "keras.src.models.functional"}


def serialize_layer(layer: Layer) -> Config:
    """A layer or model with its class, as Keras 3 writes it."""
    name = get_registered_name(type(layer))
    module = "keras.models" if hasattr(layer, "predict") else "keras.layers"
    module = _INNER_MODULES.get(type(layer).__name__, module)
    own = type(layer).__module__.split(".")[0] == "gatewise"
    config: Config = {
        "module": module if own else type(layer).__module__,
        "class_name": type(layer).__name__,
        "config": layer.get_config(),
        "registered_name": None if own else name,
    }
    if registered.name_of(type(layer)) == "Operation":
        # Keras 3 saves `x + y` as an operation of its own module, which has a name and nothing else.
        config |= {"module": _OPERATIONS, "class_name": layer.get_config()["operation"], "config": {"name": layer.name}}
    return config


def deserialize_layer(config: Any) -> Layer:
    """A layer or model from a config with its class name, as any Keras wrote it.

    Raises:
        ValueError: an unknown class; the message names it and says how to pass it.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise ValueError(f"Expected the config of a layer, with its class_name, got {str(config)[:80]!r}.")
    inner = config.get("config", {})
    if str(config.get("module")).startswith("keras.src.ops"):
        return registered.lookup("Operation").from_config({**inner, "operation": config["class_name"]})
    cls = registered.lookup_config(config)
    if isinstance(inner, dict) and "name" not in inner and config.get("name"):
        inner = {**inner, "name": config["name"]}
    return cls.from_config(inner)
