"""Gradient descent, with momentum."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, flag, rate
from gatewise.base.typing import Array
from gatewise.optimizers.arguments import LearningRate
from gatewise.optimizers.optimizer import Optimizer
from gatewise.optimizers.registry import registry
from gatewise.optimizers.state import Slot


@registry.register("SGD")
class SGD(Optimizer):
    """Gradient descent: w -= rate * g; with momentum m = momentum * m - rate * g, and w += m.

    Nesterov's momentum looks a step ahead: w += momentum * m - rate * g. Here the momentum holds steps, learning rate
    included; optax's `trace` holds gradients, which is another thing as soon as the learning rate changes.

    Args:
        learning_rate: the size of a step.
        momentum: how much of the last step stays, between 0 and 1.
        nesterov: whether to look ahead.

    The other arguments are those of `Optimizer`.
    """

    learning_rate: Argument[Any, Any] = LearningRate(0.01)
    momentum: Argument[Any, float] = rate(0.0, after="learning_rate")
    nesterov: Argument[bool, bool] = flag(False, after="momentum")

    def slots(self) -> list[tuple[Slot, ...]]:
        # TensorFlow 2.11 to 2.15 keep and save the momentum even where there is none.
        return [(Slot("momentum", "m"),)] if self.momentum or self.generation == "tf2" else []

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        if not slots:
            return w - g * rate, ()
        m = slots[0] * self.momentum - g * rate
        return w + (m * self.momentum - g * rate if self.nesterov else m), (m,)
