"""`tf.keras.layers`: see `gatewise.layers`."""

from __future__ import annotations

from typing import Any

from gatewise.base.absent import answer_for, public
from gatewise.base.registry import custom_object_scope
from gatewise.layer import serialization as layer_config
from gatewise.layers import *  # noqa: F403
from gatewise.layers import Layer


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Layer:
    """A layer from what `serialize`, or any Keras, wrote.

    Args:
        config: a dict with the class's name and its config.
        custom_objects: your own classes and functions, by the names that the config uses.

    >>> deserialize({"class_name": "LSTM", "config": {"units": 6, "name": "encoder"}})
    LSTM(units=6, name='encoder')
    """
    with custom_object_scope(custom_objects or {}):
        return layer_config.deserialize_built(config)


def serialize(layer: Layer) -> dict[str, Any]:
    """A layer's class and config, as Keras 3 writes them.

    >>> from gatewise import layers
    >>> deserialize(serialize(layers.LSTM(6, name="encoder")))
    LSTM(units=6, name='encoder')
    """
    return layer_config.serialize_layer(layer)


_homes = ("gatewise.graph", "gatewise.layer", "gatewise.recurrent", __name__)
for _name in [name for name, value in globals().items() if not getattr(value, "in_keras", True)]:
    del globals()[_name]

__all__ = public(globals(), *_homes)  # noqa: PLE0605
answer_for(__name__, "tf.keras.layers")
