"""`tf.keras.preprocessing`: the part that sequences need."""

from __future__ import annotations

from gatewise.base.absent import absent
from gatewise.keras.preprocessing import sequence

__all__ = ["sequence"]
__getattr__ = absent(__name__, "tf.keras.preprocessing")
