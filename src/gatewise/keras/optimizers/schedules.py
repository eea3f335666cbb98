"""`tf.keras.optimizers.schedules`: see `gatewise.optimizers.schedules`."""

from __future__ import annotations

from gatewise.base.absent import answer_for, public
from gatewise.optimizers.schedules import *  # noqa: F403

__all__ = public(globals(), "gatewise.optimizers.schedules")  # noqa: PLE0605
answer_for(__name__, "tf.keras.optimizers.schedules")
