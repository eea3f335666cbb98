"""Adam, and AdamW."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, flag, number, real
from gatewise.base.arrays import namespace
from gatewise.base.release import RELEASES
from gatewise.base.typing import Array
from gatewise.optimizers.arguments import LearningRate, epsilon
from gatewise.optimizers.optimizer import Optimizer, power
from gatewise.optimizers.registry import registry
from gatewise.optimizers.state import Slot


@registry.register("Adam")
class Adam(Optimizer):
    """Adam: steps by the mean of gradients over the root of the mean of their squares.

        m += (1 - beta_1) * (g - m)
        v += (1 - beta_2) * (g^2 - v)
        w -= rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)

    Here epsilon stands beside the root of v as it is, as in the paper's last remark of section 2; optax's `adam` has it
    beside the corrected one, where it counts for less in the first steps.

    Source: Kingma and Ba, 2014, https://arxiv.org/abs/1412.6980; amsgrad: Reddi et al., 2018,
    https://openreview.net/forum?id=ryQu7f-RZ.

    Args:
        learning_rate: the size of a step.
        beta_1: how much of the mean stays.
        beta_2: how much of the mean of squares stays.
        epsilon: keeps the division finite.
        amsgrad: divide by the largest v so far.

    The other arguments are those of `Optimizer`.
    """

    learning_rate: Argument[Any, Any] = LearningRate(0.001)
    beta_1: Argument[Any, float] = real(0.9, after="learning_rate")
    beta_2: Argument[Any, float] = real(0.999, after="beta_1")
    epsilon: Argument[Any, float] = epsilon(after="beta_2")
    amsgrad: Argument[bool, bool] = flag(False, after="epsilon")

    def slots(self) -> list[tuple[Slot, ...]]:
        moments = (Slot("momentum", "m", "m"), Slot("velocity", "v", "v"))
        return [moments, (Slot("velocity_hat", "vhat", "vhat"),)] if self.amsgrad else [moments]

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        xp = namespace(w)
        m, v, *largest = slots
        m = m + (g - m) * (1 - self.beta_1)
        v = v + (xp.square(g) - v) * (1 - self.beta_2)
        largest = [xp.maximum(each, v) for each in largest]
        alpha = rate * xp.sqrt(1 - power(self.beta_2, t)) / (1 - power(self.beta_1, t))
        w = w - m * alpha / (xp.sqrt(largest[0] if largest else v) + self.epsilon)
        return w, (m, v, *largest)


def _decay(value: Any) -> float:
    if value is None:
        raise ValueError("expected a number, got None. Without it AdamW is Adam: use that.")
    return number(value)


@registry.register("AdamW")
class AdamW(Adam):
    """Adam, with the decay of weights apart from the gradient: see `weight_decay` of `Optimizer`.

    Source: Loshchilov and Hutter, 2017, https://arxiv.org/abs/1711.05101.
    """

    weight_decay: Argument[Any, float | None] = Argument(
        default=0.004, parse=_decay, places=dict.fromkeys(RELEASES, "learning_rate")
    )
