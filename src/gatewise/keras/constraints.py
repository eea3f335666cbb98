"""`tf.keras.constraints`: see `gatewise.constraints`."""

from __future__ import annotations

from gatewise.base.absent import answer_for, public
from gatewise.constraints import *  # noqa: F403

__all__ = public(globals(), "gatewise.constraints")  # noqa: PLE0605
answer_for(__name__, "tf.keras.constraints")
