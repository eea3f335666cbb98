"""`tf.keras.optimizers`: see `gatewise.optimizers`."""

from __future__ import annotations

import sys

from gatewise.base.absent import answer_for, public
from gatewise.keras.optimizers import legacy as legacy
from gatewise.keras.optimizers import schedules as schedules
from gatewise.optimizers import *  # noqa: F403
from gatewise.optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, Nadam, RMSprop

for _name in [name for name, value in globals().items() if not getattr(value, "in_keras", True)]:
    del globals()[_name]

# Keras 1 to 2.3 had the classes in lower case too, and Keras 2.5 to 2.8 modules of these names.
sgd, rmsprop, adam, adamax, nadam, adagrad, adadelta = SGD, RMSprop, Adam, Adamax, Nadam, Adagrad, Adadelta
adadelta_v2 = adagrad_v2 = adam_v2 = adamax_v2 = gradient_descent_v2 = nadam_v2 = rmsprop_v2 = legacy

experimental = sys.modules[__name__]
"""Where TensorFlow 2.9 and 2.10 had today's."""

__all__ = [*public(globals(), "gatewise.optimizers"), "legacy", "schedules"]  # noqa: PLE0604
answer_for(__name__, "tf.keras.optimizers")
