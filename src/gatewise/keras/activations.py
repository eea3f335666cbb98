"""`tf.keras.activations`: see `gatewise.activations`."""

from __future__ import annotations

from gatewise.activations import *  # noqa: F403
from gatewise.base.absent import answer_for, public

__all__ = public(globals(), "gatewise.activations")  # noqa: PLE0605
answer_for(__name__, "tf.keras.activations")
