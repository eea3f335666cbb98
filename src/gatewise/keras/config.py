"""`tf.keras.config`: see `gatewise.config` and `gatewise.keras.backend`."""

from __future__ import annotations

from gatewise.base.absent import absent
from gatewise.config import config
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


def disable_interactive_logging() -> None:
    """No bars on terminals and in notebooks: `fit` writes a line for each epoch."""
    config.bars = False


def enable_interactive_logging() -> None:
    """Bars on terminals and in notebooks, as at first."""
    config.bars = True


def is_interactive_logging_enabled() -> bool:
    """Whether terminals and notebooks get bars.

    >>> is_interactive_logging_enabled()
    True
    """
    return config.bars


__all__ = [
    "backend",
    "disable_interactive_logging",
    "dtype_policy",
    "enable_interactive_logging",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_interactive_logging_enabled",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]
__getattr__ = absent(__name__, "tf.keras.config")
