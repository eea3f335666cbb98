"""`tf.keras.metrics`: see `gatewise.metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewise import metrics as _metrics
from gatewise.base.absent import answer_for, public

if TYPE_CHECKING:
    from gatewise.metrics import *  # noqa: F403

globals().update({name: getattr(_metrics, name) for name in public(vars(_metrics)) if name != "resolve"})

__all__ = public(globals(), "gatewise.metrics", "gatewise.losses")  # noqa: PLE0605
answer_for(__name__, "tf.keras.metrics")
