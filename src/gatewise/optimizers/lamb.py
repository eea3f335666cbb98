"""Lamb."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, real
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.optimizers.arguments import LearningRate, epsilon
from gatewise.optimizers.optimizer import Optimizer, power
from gatewise.optimizers.registry import registry
from gatewise.optimizers.state import Slot


@registry.register("Lamb")
class Lamb(Optimizer):
    """Lamb: Adam's step, brought to the length of the weight it changes.

        u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)
        w -= rate * |w| / |u| * u

    with m and v as in Adam; a weight or a step of length 0 is not rescaled. optax's `lamb` rounds otherwise.

    Source: You et al., 2019, https://arxiv.org/abs/1904.00962.

    Args:
        learning_rate: the size of a step, as a share of the weight.
        beta_1: how much of the mean stays.
        beta_2: how much of the mean of squares stays.
        epsilon: keeps the division finite.

    The other arguments are those of `Optimizer`.
    """

    learning_rate: Argument[Any, Any] = LearningRate(0.001)
    beta_1: Argument[Any, float] = real(0.9, after="learning_rate")
    beta_2: Argument[Any, float] = real(0.999, after="beta_1")
    epsilon: Argument[Any, float] = epsilon(after="beta_2")

    def slots(self) -> list[tuple[Slot, ...]]:
        return [(Slot("momentum"), Slot("velocity"))]

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        xp = namespace(w)
        m, v = slots
        m = m + (g - m) * (1 - self.beta_1)
        v = v + (xp.square(g) - v) * (1 - self.beta_2)
        u = m / (1 - power(self.beta_1, t)) / (xp.sqrt(v / (1 - power(self.beta_2, t))) + self.epsilon)
        lengths = [xp.sqrt(xp.sum(xp.square(each))) for each in (w, u)]
        scaled = (lengths[0] > 0) & (lengths[1] > 0)
        ratio = xp.where(scaled, lengths[0] / xp.where(scaled, lengths[1], 1), 1)
        return w - xp.asarray(ratio, dtype=w.dtype) * rate * u, (m, v)
