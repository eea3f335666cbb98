"""`tf.keras.initializers`: see `gatewise.initializers`."""

from __future__ import annotations

from gatewise.base.absent import answer_for, public
from gatewise.initializers import *  # noqa: F403

__all__ = public(globals(), "gatewise.initializers")  # noqa: PLE0605
answer_for(__name__, "tf.keras.initializers")
