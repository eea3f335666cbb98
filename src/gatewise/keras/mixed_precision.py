"""`tf.keras.mixed_precision`: see `gatewise.mixed_precision`."""

from __future__ import annotations

from gatewise.base.absent import absent
from gatewise.mixed_precision import *  # noqa: F403
from gatewise.mixed_precision import __all__  # noqa: F401

__getattr__ = absent(__name__, "tf.keras.mixed_precision")
