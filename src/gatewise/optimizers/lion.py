"""Lion."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, number, real
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.optimizers.arguments import LearningRate
from gatewise.optimizers.optimizer import Optimizer
from gatewise.optimizers.registry import registry
from gatewise.optimizers.state import Slot


def _above_zero(value: Any) -> float:
    if not 0 < number(value) <= 1:
        raise ValueError(f"expected a number above 0 and at most 1, got {value!r}.")
    return number(value)


@registry.register("Lion")
class Lion(Optimizer):
    """Lion: steps of one size, by the sign of the gradient mixed with its mean.

        w -= rate * sign(beta_1 * m + (1 - beta_1) * g)
        m = beta_2 * m + (1 - beta_2) * g

    optax's `scale_by_lion` says the same but for the last bits: it takes 1 - beta in float64.

    Source: Chen et al., 2023, https://arxiv.org/abs/2302.06675.

    Args:
        learning_rate: the size of a step; in TensorFlow 2 a tenth of today's default.
        beta_1: how much of the mean is in the sign, above 0.
        beta_2: how much of the mean stays.

    The other arguments are those of `Optimizer`.
    """

    learning_rate: Argument[Any, Any] = LearningRate(0.001, tf2=0.0001, tf1=0.0001)
    beta_1: Argument[Any, float] = Argument(default=0.9, parse=_above_zero, after="learning_rate")
    beta_2: Argument[Any, float] = real(0.99, after="beta_1")

    def slots(self) -> list[tuple[Slot, ...]]:
        return [(Slot("momentum", "m"),)]

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        xp = namespace(w)
        (m,) = slots
        beta_1, beta_2 = (xp.asarray(beta, dtype=w.dtype) for beta in (self.beta_1, self.beta_2))
        w = w - rate * xp.sign(m * beta_1 + g * (1 - beta_1))
        return w, (m * beta_2 + g * (1 - beta_2),)
