"""`tf.keras.wrappers.scikit_learn`: see `gatewise.models.scikit_learn`."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.models.scikit_learn import BaseWrapper, KerasClassifier, KerasRegressor

__all__ = ["BaseWrapper", "KerasClassifier", "KerasRegressor"]
answer_for(__name__, "tf.keras.wrappers.scikit_learn")
