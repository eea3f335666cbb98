"""The names of optimizers: how 'adam' or a config in a file becomes one, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gatewise.base import release
from gatewise.base.registry import ObjectRegistry, find_custom_object
from gatewise.optimizers.from_optax import Optax, is_transformation
from gatewise.optimizers.optimizer import Optimizer

registry: ObjectRegistry[Optimizer] = ObjectRegistry("optimizer", "keras.optimizers")
"""Today's, which include those of TensorFlow 2.11 to 2.15."""

old: ObjectRegistry[Optimizer] = ObjectRegistry("optimizer", "keras.optimizers.legacy")
"""Those of the releases before: `gatewise.optimizers.legacy`."""

_PACKAGE: Final = "Custom>"
"""What TensorFlow 2.11 to 2.15 write before the names of their own optimizers in HDF5 files."""


def get(identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Optimizer | None:
    """The optimizer that `identifier` says: None, an optimizer, a name, a config, a class, or optax's.

    Raises:
        ValueError: for an unknown name, with the nearest known one.
        TypeError: for something else.

    >>> get("adam").beta_1, get({"class_name": "SGD", "config": {"learning_rate": 0.5}}).get_config()["learning_rate"]
    (0.9, 0.5)
    >>> get("rmsprob")
    Traceback (most recent call last):
        ...
    ValueError: Unknown optimizer 'rmsprob': did you mean 'RMSprop'? If it is your own, name it in custom_objects: keras.utils.custom_object_scope({'rmsprob': ...}).
    """  # noqa: E501
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, Mapping):
        return deserialize(identifier, custom_objects)
    if not isinstance(identifier, type) and is_transformation(identifier):
        return Optax(identifier)
    return _checked(registry.get(identifier, custom_objects), identifier)


def serialize(optimizer: Optimizer) -> Any:
    """A config for an optimizer.

    >>> from gatewise.optimizers import SGD
    >>> serialize(SGD())["class_name"]
    'SGD'
    """
    return (old if optimizer.generation == "legacy" else registry).serialize(optimizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
    """The optimizer that `serialize`, or any Keras, wrote.

    As tf_keras does, a config of TensorFlow 1 or 2 that does not say `"is_legacy_optimizer": false` is taken for one of
    the releases before 2.11.

    >>> from gatewise.optimizers import SGD
    >>> deserialize(serialize(SGD(0.5, momentum=0.9))).momentum
    0.9
    """
    if not isinstance(config, Mapping):
        return _checked(registry.get(config, custom_objects), config)
    name, inner = config.get("class_name"), config.get("config") or {}
    if isinstance(name, str) and name.startswith(_PACKAGE) and find_custom_object(name, custom_objects) is None:
        name = name.removeprefix(_PACKAGE)
        config = {**config, "class_name": name}
    was_old = (
        release.current() != "keras3"
        and bool(inner)
        and isinstance(inner, Mapping)
        and inner.get("is_legacy_optimizer", "inner_optimizer" not in inner)
    )
    from_old = str(config.get("module")).endswith(".legacy") or (was_old and name in old)
    return _checked((old if from_old else registry).deserialize(config, custom_objects), config)


def _checked(found: Any, identifier: Any) -> Optimizer:
    if not isinstance(found, Optimizer):
        raise TypeError(f"Cannot read {identifier!r} as an optimizer: expected an optimizer, its name or its config.")
    return found
