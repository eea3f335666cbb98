"""`tf.keras.utils`: see `gatewise.utils`."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.keras.backend.settings import clear_session, is_keras_tensor, standardize_dtype
from gatewise.keras.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from gatewise.keras.saving import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from gatewise.models.plotting import plot_model
from gatewise.utils import (
    Progbar,
    PyDataset,
    get_file,
    normalize,
    pack_x_y_sample_weight,
    pad_sequences,
    set_random_seed,
    split_dataset,
    text_dataset_from_directory,
    timeseries_dataset_from_array,
    to_categorical,
    unpack_x_y_sample_weight,
)

Sequence = PyDataset

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
answer_for(__name__, "tf.keras.utils")
