"""`tf.keras.preprocessing.sequence`: see `gatewise.utils`."""

from __future__ import annotations

from gatewise.base.absent import absent
from gatewise.utils import pad_sequences

__all__ = ["pad_sequences"]
__getattr__ = absent(__name__, "tf.keras.preprocessing.sequence")
