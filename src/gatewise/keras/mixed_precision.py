"""`tf.keras.mixed_precision`: see `gatewise.mixed_precision`."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.mixed_precision import *  # noqa: F403
from gatewise.mixed_precision import __all__  # noqa: F401

answer_for(__name__, "tf.keras.mixed_precision")
