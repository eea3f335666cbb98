"""`tf.keras.callbacks`: see `gatewise.callbacks`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gatewise import callbacks as _callbacks
from gatewise.base.absent import answer_for, public

if TYPE_CHECKING:
    from gatewise.callbacks import *  # noqa: F403

_OURS = ("LazyLogs", "Resumable")
globals().update({name: getattr(_callbacks, name) for name in public(vars(_callbacks)) if name not in _OURS})

experimental = sys.modules[__name__]
"""Where TensorFlow 2.3 to 2.7 had BackupAndRestore."""

__all__ = public(globals(), "gatewise.callbacks")  # noqa: PLE0605
answer_for(__name__, "tf.keras.callbacks")
