"""`tf.keras.losses`: see `gatewise.losses`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewise import losses as _losses
from gatewise.base.absent import answer_for, public

if TYPE_CHECKING:
    from gatewise.losses import *  # noqa: F403

# Those of Gatewise's own that Keras does not have.
_OURS = ("LossFunctionWrapper", "check_targets", "is_crossentropy", "of_shapes", "resolve")

globals().update({name: getattr(_losses, name) for name in public(vars(_losses)) if name not in _OURS})

__all__ = public(globals(), "gatewise.losses")  # noqa: PLE0605
answer_for(__name__, "tf.keras.losses")
