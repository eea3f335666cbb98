"""`tf.keras.regularizers`: see `gatewise.regularizers`."""

from __future__ import annotations

from gatewise.base.absent import answer_for, public
from gatewise.regularizers import *  # noqa: F403

__all__ = public(globals(), "gatewise.regularizers")  # noqa: PLE0605
answer_for(__name__, "tf.keras.regularizers")
