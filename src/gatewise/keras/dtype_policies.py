"""`tf.keras.dtype_policies`: see `gatewise.dtype_policies`."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.dtype_policies import DTypePolicy, deserialize, get, serialize

__all__ = ["DTypePolicy", "deserialize", "get", "serialize"]
answer_for(__name__, "tf.keras.dtype_policies")
