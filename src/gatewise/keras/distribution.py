"""`tf.keras.distribution`: see `gatewise.distribution`."""

from __future__ import annotations

from gatewise.base.absent import answer_for, public
from gatewise.distribution import *  # noqa: F403

__all__ = public(globals(), "gatewise.distribution")  # noqa: PLE0605
answer_for(__name__, "tf.keras.distribution")
