"""`tf.keras.initializers`: see `gatewise.initializers`."""

from __future__ import annotations

from gatewise.base.absent import absent, public
from gatewise.initializers import *  # noqa: F403

__all__ = public(globals(), "gatewise.initializers")  # noqa: PLE0605
__getattr__ = absent(__name__, "tf.keras.initializers")
