"""`tf.keras.optimizers`: see `gatewise.optimizers`."""

from __future__ import annotations

import sys

from gatewise.base.absent import absent, public
from gatewise.keras.optimizers import legacy as legacy
from gatewise.keras.optimizers import schedules as schedules
from gatewise.optimizers import *  # noqa: F403

for _name in [name for name, value in globals().items() if not getattr(value, "in_keras", True)]:
    del globals()[_name]

experimental = sys.modules[__name__]
"""Where TensorFlow 2.9 and 2.10 had today's."""

__all__ = [*public(globals(), "gatewise.optimizers"), "legacy", "schedules"]  # noqa: PLE0604
__getattr__ = absent(__name__, "tf.keras.optimizers")
