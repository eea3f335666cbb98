"""`tf.keras.config`: see `gatewise.config` and `gatewise.keras.backend`."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.config import config
from gatewise.dtype_policies import dtype_policy, set_dtype_policy
from gatewise.keras.backend.settings import (
    backend,
    disable_traceback_filtering,
    enable_traceback_filtering,
    epsilon,
    floatx,
    image_data_format,
    is_traceback_filtering_enabled,
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


def enable_flash_attention() -> None:
    """Have attention layers made from now on take `flash_attention=True`: accepted; what they compute is the same."""
    config.flash_attention = True


def disable_flash_attention() -> None:
    """Have them take False.

    >>> disable_flash_attention()
    >>> is_flash_attention_enabled()
    False
    """
    config.flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """Which of both was said last, or None."""
    return config.flash_attention


__all__ = [
    "backend",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_traceback_filtering_enabled",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]
answer_for(__name__, "tf.keras.config")
