"""`tf.keras.utils`: see `gatewise.utils`."""

from __future__ import annotations

from gatewise.base.absent import absent
from gatewise.keras.backend.settings import clear_session, is_keras_tensor
from gatewise.keras.saving import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from gatewise.utils import (
    PyDataset,
    get_file,
    normalize,
    pad_sequences,
    set_random_seed,
    timeseries_dataset_from_array,
    to_categorical,
)

Sequence = PyDataset

__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "is_keras_tensor",
    "normalize",
    "pad_sequences",
    "register_keras_serializable",
    "set_random_seed",
    "timeseries_dataset_from_array",
    "to_categorical",
]
__getattr__ = absent(__name__, "tf.keras.utils")
