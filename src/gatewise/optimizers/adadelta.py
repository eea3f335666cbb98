"""Adadelta."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, real
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.optimizers.arguments import LearningRate, epsilon
from gatewise.optimizers.optimizer import Optimizer
from gatewise.optimizers.registry import registry
from gatewise.optimizers.state import Slot


@registry.register("Adadelta")
class Adadelta(Optimizer):
    """Adadelta: steps in the measure of the steps before, so that they need no learning rate of their own.

        s = rho * s + (1 - rho) * g^2
        d = -sqrt(a + epsilon) / sqrt(s + epsilon) * g
        a = rho * a + (1 - rho) * d^2
        w += rate * d

    The paper's learning rate is 1, Keras's default 0.001. optax's `adadelta` rounds otherwise.

    Source: Zeiler, 2012, https://arxiv.org/abs/1212.5701.

    Args:
        learning_rate: what the paper's step is multiplied by.
        rho: how much of the means stays.
        epsilon: keeps the division finite, and the first steps above zero.

    The other arguments are those of `Optimizer`.
    """

    learning_rate: Argument[Any, Any] = LearningRate(0.001)
    rho: Argument[Any, float] = real(0.95, after="learning_rate")
    epsilon: Argument[Any, float] = epsilon(after="rho")

    def slots(self) -> list[tuple[Slot, ...]]:
        return [(Slot("accumulated_grad", legacy="accum_grad"), Slot("accumulated_delta_var", legacy="accum_var"))]

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        xp = namespace(w)
        s, a = slots
        s = self.rho * s + (1 - self.rho) * xp.square(g)
        d = -(xp.sqrt(a + self.epsilon) * g / xp.sqrt(s + self.epsilon))
        a = self.rho * a + (1 - self.rho) * xp.square(d)
        return w + rate * d, (s, a)
