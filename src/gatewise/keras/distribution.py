"""`tf.keras.distribution`: see `gatewise.distribution`."""

from __future__ import annotations

from gatewise.base.absent import absent, public
from gatewise.distribution import *  # noqa: F403

__all__ = public(globals(), "gatewise.distribution")  # noqa: PLE0605
__getattr__ = absent(__name__, "tf.keras.distribution")
