"""Adamax."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, real
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.optimizers.arguments import LearningRate, epsilon
from gatewise.optimizers.optimizer import Optimizer, power
from gatewise.optimizers.registry import registry
from gatewise.optimizers.state import Slot


@registry.register("Adamax")
class Adamax(Optimizer):
    """Adamax: Adam with the largest gradient, slowly forgotten, in place of the root of the mean square.

        m += (1 - beta_1) * (g - m)
        u = max(beta_2 * u, |g|)
        w -= rate * m / ((1 - beta_1^t) * (u + epsilon))

    optax's `adamax` adds epsilon to the gradient before the maximum is taken.

    Source: Kingma and Ba, 2014, section 7.1, https://arxiv.org/abs/1412.6980.

    Args:
        learning_rate: the size of a step.
        beta_1: how much of the mean stays.
        beta_2: how much of the largest gradient stays.
        epsilon: keeps the division finite.

    The other arguments are those of `Optimizer`.
    """

    learning_rate: Argument[Any, Any] = LearningRate(0.001)
    beta_1: Argument[Any, float] = real(0.9, after="learning_rate")
    beta_2: Argument[Any, float] = real(0.999, after="beta_1")
    epsilon: Argument[Any, float] = epsilon(after="beta_2")

    def slots(self) -> list[tuple[Slot, ...]]:
        return [(Slot("momentum", "m", "m"), Slot("norm", "u", "v"))]

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        xp = namespace(w)
        m, u = slots
        m = m + (g - m) * (1 - self.beta_1)
        u = xp.maximum(self.beta_2 * u, xp.abs(g))
        return w - rate * m / ((1 - power(self.beta_1, t)) * (u + self.epsilon)), (m, u)
