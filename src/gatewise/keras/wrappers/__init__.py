"""`tf.keras.wrappers`: models as scikit-learn's estimators, as Keras had them until 2.12."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.keras.wrappers import scikit_learn

__all__ = ["scikit_learn"]
answer_for(__name__, "tf.keras.wrappers")
