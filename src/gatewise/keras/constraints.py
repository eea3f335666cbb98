"""`tf.keras.constraints`: see `gatewise.constraints`."""

from __future__ import annotations

from gatewise.base.absent import absent, public
from gatewise.constraints import *  # noqa: F403

__all__ = public(globals(), "gatewise.constraints")  # noqa: PLE0605
__getattr__ = absent(__name__, "tf.keras.constraints")
