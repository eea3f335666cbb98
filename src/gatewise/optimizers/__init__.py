"""The optimizers, under Keras's names, and with Keras's arguments, defaults and numbers.

Which Keras an optimizer belongs to is settled when it is made, by `gatewise.base.release`, and it stays: `generation`.

    keras3   Keras 3, what plain Gatewise code means
    tf2      TensorFlow 2.11 to 2.15 and tf_keras
    legacy   TensorFlow 1, and 2 up to 2.10: `gatewise.optimizers.legacy`. All names mean these where a program asks for
             such a TensorFlow; under TensorFlow 2 they do with the arguments `lr` or `decay` too, which only these had.

**State in files.** `variables` is all state. `stored_variables` is what a file of the generation holds, in its order:

    keras3   iteration, learning_rate (if a number), averages, accumulators, slots: group by group, and in a group
             weight by weight; Nadam's product of momenta comes last. `optimizer/vars/0`, `1`, ... in a `.keras` file.
    tf2      iteration, averages, slots in the same order; no learning rate and no product.
    legacy   iteration, Nadam's product, slots: kind by kind, and in a kind weight by weight (Ftrl: weight by weight).

In HDF5 files of tf2 the names are `iteration:0` and `Adam/m/dense/kernel:0`, those of legacy `Adam/iter:0` and
`Adam/dense/kernel/m:0`: the path of each variable here, with `:0`, but for the count's. SGD of tf2 keeps and saves a
momentum even where it has none.

**optax** gives Keras's numbers to the last bits for gradient descent without momentum, for clipping by value, and
for exponential and polynomial schedules, and a test holds ours to it there. Elsewhere it differs, in the last bits or
in more; each optimizer says how. All the same the equations stand here, in a few lines each: one form for all, which
runs on NumPy's arrays without JAX too. An optax transformation can be an optimizer: see `Optax`.
"""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.optimizers import legacy as legacy
from gatewise.optimizers import schedules as schedules
from gatewise.optimizers.adadelta import Adadelta as Adadelta
from gatewise.optimizers.adafactor import Adafactor as Adafactor
from gatewise.optimizers.adagrad import Adagrad as Adagrad
from gatewise.optimizers.adam import Adam as Adam
from gatewise.optimizers.adam import AdamW as AdamW
from gatewise.optimizers.adamax import Adamax as Adamax
from gatewise.optimizers.from_optax import Optax as Optax
from gatewise.optimizers.ftrl import Ftrl as Ftrl
from gatewise.optimizers.lamb import Lamb as Lamb
from gatewise.optimizers.lion import Lion as Lion
from gatewise.optimizers.loss_scale import LossScaleOptimizer as LossScaleOptimizer
from gatewise.optimizers.multi import MultiOptimizer as MultiOptimizer
from gatewise.optimizers.multi import OptimizerMap as OptimizerMap
from gatewise.optimizers.muon import Muon as Muon
from gatewise.optimizers.nadam import Nadam as Nadam
from gatewise.optimizers.optimizer import Optimizer as Optimizer
from gatewise.optimizers.registry import deserialize as deserialize
from gatewise.optimizers.registry import get as get
from gatewise.optimizers.registry import serialize as serialize
from gatewise.optimizers.rmsprop import RMSprop as RMSprop
from gatewise.optimizers.schedule_free_adamw import ScheduleFreeAdamW as ScheduleFreeAdamW
from gatewise.optimizers.sgd import SGD as SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optax",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "serialize",
]

answer_for(__name__, "gatewise.optimizers")
