"""Any object of Keras's as a config, and the way back: `keras.saving.serialize_keras_object` and its other half.

A config is data: it names entries that exist, and a program's own classes are found among the custom objects alone.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from gatewise import activations, constraints, dtype_policies, initializers, losses, metrics, optimizers, regularizers
from gatewise.base.arrays import array_of, described, is_array
from gatewise.base.registry import ObjectRegistry, custom_object_scope, find_custom_object, get_registered_name
from gatewise.base.typing import Config
from gatewise.layer import Layer
from gatewise.layer.serialization import deserialize_built, serialize_layer
from gatewise.layer.symbolic import SymbolicTensor
from gatewise.losses.registry import registry as of_losses
from gatewise.metrics.registry import registry as of_metrics
from gatewise.optimizers import schedules
from gatewise.optimizers.registry import registry as of_optimizers

_REGISTRIES: Final[dict[str, ObjectRegistry[Any]]] = {
    each.module: each
    for each in (
        activations.registry,
        initializers.registry,
        regularizers.registry,
        constraints.registry,
        of_losses,
        of_metrics,
        of_optimizers,
        schedules.registry,
    )
}
_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "keras.metrics": metrics.deserialize,
    "keras.optimizers": optimizers.deserialize,
    "keras.losses": losses.deserialize,
}
"""Where more than the registry has a say."""

_PLAIN: Final = (type(None), bool, int, float, str)


def serialize_keras_object(obj: Any) -> Any:
    """A config of anything that Keras 3 can write: objects of its modules, a program's own with `get_config`, arrays,
    and lists, tuples and dicts of them.

    Raises:
        TypeError: an object without `get_config`.
        ValueError: a lambda, whose code a file may not hold.

    >>> serialize_keras_object(initializers.Zeros())["class_name"]
    'Zeros'
    >>> serialize_keras_object({"a": (1, np.float32(2.0))})
    {'a': (1, 2.0)}
    """
    if isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        parts = [serialize_keras_object(part) for part in obj]
        return tuple(parts) if isinstance(obj, tuple) else parts
    if (found := _value(obj)) is not None:
        return found
    if isinstance(obj, types.FunctionType):
        return _function(obj)
    if isinstance(obj, Layer):
        return serialize_layer(obj)
    if isinstance(obj, dtype_policies.DTypePolicy):
        return dtype_policies.serialize(obj)
    for registry in _REGISTRIES.values():
        if registry.name_of(type(obj)) is not None:
            return registry.serialize(obj)
    return _own(obj)


def _value(obj: Any) -> Any:
    """What a config holds for a value that is no object of Keras's; None for others."""
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, SymbolicTensor):
        node = obj.node
        made_by = [] if node is None else [node.layer.name, node.layer._inbound_nodes.index(node), obj.index]
        config = {"shape": tuple(obj.shape), "dtype": obj.dtype, "keras_history": made_by}
        return {"class_name": "__keras_tensor__", "config": config}
    if is_array(obj):
        return described(obj)
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode()}}
    if isinstance(obj, slice):
        return {"class_name": "__slice__", "config": {"start": obj.start, "stop": obj.stop, "step": obj.step}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, type) and issubclass(obj, np.generic):
        return {"module": "builtins", "class_name": "type", "config": np.dtype(obj).name, "registered_name": "type"}
    return None


def _function(obj: Any) -> Config:
    if obj.__name__ == "<lambda>":
        raise ValueError(
            "serialize_keras_object: a lambda has no name that a config could hold, and code is never written to "
            "files. Use a named function."
        )
    for registry in _REGISTRIES.values():
        own = registry.name_of(obj)
        if own is not None:
            return {"module": "builtins", "class_name": "function", "config": own, "registered_name": "function"}
    name = get_registered_name(obj)
    return {"module": "builtins", "class_name": "function", "config": obj.__name__, "registered_name": name}


def _own(obj: Any) -> Config:
    """The config of an object of a program's own class."""
    if not hasattr(obj, "get_config"):
        raise TypeError(
            f"serialize_keras_object: {obj!r} of the class {type(obj).__name__} has no get_config method, which says "
            "how to make it anew. Give it one that returns its constructor's arguments as a dict."
        )
    cls = type(obj)
    ours = cls.__module__.split(".")[0] == "gatewise"
    return {
        "module": "keras" if ours else None if cls.__module__ == "__main__" else cls.__module__,
        "class_name": cls.__name__,
        "config": serialize_keras_object(obj.get_config()),
        "registered_name": None if ours else get_registered_name(cls),
    }


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True, **_: Any
) -> Any:
    """What `serialize_keras_object`, or any Keras 3, wrote.

    Args:
        config: a dict with `class_name` and `config`, or a list, tuple or dict of such; all else comes back as it is.
        custom_objects: your own classes and functions, by the names that the config uses.
        safe_mode: accepted; code in a config never runs.

    Raises:
        ValueError: a name that nothing has.

    >>> deserialize_keras_object(serialize_keras_object(initializers.Constant(2.0)))
    Constant(value=2.0)
    """
    with custom_object_scope(custom_objects or {}):
        return _read(config)


def _read(config: Any) -> Any:
    if isinstance(config, (list, tuple)):
        parts = [_read(part) for part in config]
        return tuple(parts) if isinstance(config, tuple) else parts
    if not isinstance(config, dict):
        own = find_custom_object(config) if isinstance(config, str) else None
        return config if own is None else own
    if "class_name" not in config or "config" not in config:
        return {key: _read(value) for key, value in config.items()}
    name, inner, module = config["class_name"], config["config"], str(config.get("module") or "")
    if name in ("__numpy__", "__tensor__"):
        return array_of(config)
    if name in _VALUES:
        return _VALUES[name](inner)
    if name == "function":
        return _read_function(inner, config.get("registered_name"))
    registered_name = config.get("registered_name")
    for each in (registered_name, name):
        own = find_custom_object(each) if isinstance(each, str) else None
        if own is not None:
            return _made(own, inner)
    if module in _REGISTRIES:
        reader: Any = _READERS.get(module) or _REGISTRIES[module].deserialize
        return reader(config)
    if name in ("DTypePolicy", "FloatDTypePolicy", "Policy"):
        return dtype_policies.deserialize(config)
    return deserialize_built(config)


def _made(cls: Any, config: Config) -> Any:
    """An object of a program's own class."""
    make: Any = getattr(cls, "from_config", None)
    return cls(**config) if make is None else make(config)


def _read_function(name: str, registered_name: Any) -> Any:
    for each in (registered_name, name):
        own = find_custom_object(each) if isinstance(each, str) else None
        if own is not None:
            return own
    registry: Any
    for registry in _REGISTRIES.values():
        if name in registry:
            return registry.get(name)
    return activations.registry.lookup(name)  # Whose error says how to pass it.


_VALUES: Final[dict[str, Callable[[Any], Any]]] = {
    "__bytes__": lambda inner: inner["value"].encode(),
    "__slice__": lambda inner: slice(inner["start"], inner["stop"], inner["step"]),
    "__ellipsis__": lambda inner: Ellipsis,
    "__keras_tensor__": lambda inner: SymbolicTensor(tuple(inner["shape"]), inner["dtype"], "keras_tensor"),
    "type": lambda inner: np.dtype(inner).type,
}
"""What is no object of a class with `from_config`, by the name that Keras 3 gives it."""
