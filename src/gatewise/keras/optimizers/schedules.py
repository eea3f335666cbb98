"""`tf.keras.optimizers.schedules`: see `gatewise.optimizers.schedules`."""

from __future__ import annotations

from gatewise.base.absent import absent, public
from gatewise.optimizers.schedules import *  # noqa: F403

__all__ = public(globals(), "gatewise.optimizers.schedules")  # noqa: PLE0605
__getattr__ = absent(__name__, "tf.keras.optimizers.schedules")
