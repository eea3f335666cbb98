"""`tf.keras.config`: see `gatewise.config` and `gatewise.keras.backend`."""

from __future__ import annotations

from gatewise.base.absent import absent
from gatewise.dtype_policies import dtype_policy, set_dtype_policy
from gatewise.keras.backend.settings import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)

__all__ = [
    "backend",
    "dtype_policy",
    "epsilon",
    "floatx",
    "image_data_format",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]
__getattr__ = absent(__name__, "tf.keras.config")
