"""`tf.keras.saving`: models from files, and the names that files may use for a program's own classes."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.base.registry import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from gatewise.models import load_model, save_model
from gatewise.models.objects import deserialize_keras_object, serialize_keras_object

CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "register_keras_serializable",
    "save_model",
    "serialize_keras_object",
]
answer_for(__name__, "tf.keras.saving")
