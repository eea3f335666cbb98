"""AdamW without a schedule of rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatewise.arguments import Argument, number, real
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.base.variable import Variable
from gatewise.optimizers.arguments import LearningRate
from gatewise.optimizers.optimizer import Optimizer, power
from gatewise.optimizers.registry import registry
from gatewise.optimizers.state import Slot


@registry.register("ScheduleFreeAdamW")
class ScheduleFreeAdamW(Optimizer):
    """Steps of a sequence z, and its mean x; the weights stand between both, and need no falling rate.

        v += (1 - beta_2) * (g^2 - v)
        z' = z - rate * g / (sqrt(v / (1 - beta_2^t)) + epsilon)
        x  = (w - (1 - beta_1) * z) / beta_1, moved towards z' by 1 / t
        w  = (1 - beta_1) * z' + beta_1 * x

    Source: Defazio et al., The Road Less Scheduled (2024), https://arxiv.org/abs/2405.15682; Keras 3's weights of the
    mean are 1 / t. On TensorFlow, Keras 3.15 reads z where z' has already taken its place, so its numbers differ from
    those on JAX, and from these, from the second step on.

    Args:
        learning_rate: the size of a step.
        beta_1: how near to the mean the weights stand.
        beta_2: how much of the mean of squares stays.
        epsilon: keeps the division finite.
        warmup_steps: in so many steps the rate grows from nothing to what it is.

    The other arguments are those of `Optimizer`.

    >>> import numpy as np
    >>> weight = Variable(np.array([1.0]), name="weight")
    >>> ScheduleFreeAdamW(0.5).apply([np.array([2.0])], [weight])
    >>> weight.numpy().round(4).tolist()
    [0.5]
    """

    learning_rate: Argument[Any, Any] = LearningRate(0.0025)
    beta_1: Argument[Any, float] = real(0.9, after="learning_rate")
    beta_2: Argument[Any, float] = real(0.999, after="beta_1")
    epsilon: Argument[Any, float] = real(1e-8, after="beta_2")
    warmup_steps: Argument[Any, float] = Argument(default=0, parse=number, after="epsilon")

    def slots(self) -> list[tuple[Slot, ...]]:
        return [(Slot("momentum", "m", "m"), Slot("velocity", "v", "v"))]

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        for variable, z in zip(variables, self._slots["momentum"], strict=True):
            z.assign(variable.value)

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        xp = namespace(w)
        z, v = slots
        if self.warmup_steps > 0:
            rate = rate * xp.minimum(t / self.warmup_steps, xp.asarray(1.0, dtype=w.dtype))
        v = v + (xp.square(g) - v) * (1 - self.beta_2)
        moved = z - rate * g / (xp.sqrt(v / (1 - power(self.beta_2, t))) + self.epsilon)
        mean = (w - (1 - self.beta_1) * z) / self.beta_1
        mean = (1 - 1 / t) * mean + moved / t
        return (1 - self.beta_1) * moved + self.beta_1 * mean, (moved, v)
