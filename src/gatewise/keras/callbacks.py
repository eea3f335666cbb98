"""`tf.keras.callbacks`: see `gatewise.callbacks`."""

from __future__ import annotations

import sys

from gatewise import callbacks as _callbacks
from gatewise.base.absent import absent, public

_OURS = ("LazyLogs", "Resumable")
globals().update({name: getattr(_callbacks, name) for name in public(vars(_callbacks)) if name not in _OURS})

experimental = sys.modules[__name__]
"""Where TensorFlow 2.3 to 2.7 had BackupAndRestore."""

__all__ = public(globals(), "gatewise.callbacks")  # noqa: PLE0605
__getattr__ = absent(__name__, "tf.keras.callbacks")
