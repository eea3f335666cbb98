"""`tf.keras.optimizers.legacy`: see `gatewise.optimizers.legacy`."""

from __future__ import annotations

from gatewise.base.absent import answer_for, public
from gatewise.optimizers.legacy import *  # noqa: F403

__all__ = public(globals(), "gatewise.optimizers.legacy")  # noqa: PLE0605
answer_for(__name__, "tf.keras.optimizers.legacy")
