"""RMSprop."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, flag, optional, positive, rate, real
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.optimizers.arguments import LearningRate, epsilon
from gatewise.optimizers.optimizer import Optimizer
from gatewise.optimizers.registry import registry
from gatewise.optimizers.state import Slot


@registry.register("RMSprop")
class RMSprop(Optimizer):
    """RMSprop: steps by the gradient over the root of the mean of its squares.

        v = rho * v + (1 - rho) * g^2
        w -= rate * g / sqrt(v + epsilon)

    With `centered` the mean gradient's square is taken off v; with a momentum the steps add up in it. In the releases
    before TensorFlow 2.11 epsilon stands outside the root (`gatewise.optimizers.legacy`), and so it does in optax's
    `rmsprop`.

    Source: Hinton, 2012, http://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf.

    Args:
        learning_rate: the size of a step.
        rho: how much of the means stays.
        momentum: how much of the last step stays, between 0 and 1.
        epsilon: keeps the division finite.
        centered: whether to divide by the deviation and not by the root of the mean square.

    The other arguments are those of `Optimizer`.
    """

    learning_rate: Argument[Any, Any] = LearningRate(0.001)
    rho: Argument[Any, float] = real(0.9, after="learning_rate")
    momentum: Argument[Any, float] = rate(0.0, after="rho")
    epsilon: Argument[Any, float] = epsilon(after="momentum")
    centered: Argument[bool, bool] = flag(False, after="epsilon")
    ema_overwrite_frequency: Argument[Any, int | None] = Argument(
        default=None, tf2=100, tf1=100, parse=optional(positive)
    )

    def slots(self) -> list[tuple[Slot, ...]]:
        found: list[tuple[Slot, ...]] = [(Slot("velocity", legacy="rms"),)]
        if self.momentum:
            found.append((Slot("momentum"),))
        if self.centered:
            found.append((Slot("average_gradient", legacy="mg"),))
        return found

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        v, *others = slots
        momentum = others.pop(0) if self.momentum else None
        v = self.rho * v + (1 - self.rho) * namespace(w).square(g)
        means = [self.rho * mean + (1 - self.rho) * g for mean in others]
        change = rate * g / self._root(v - namespace(w).square(means[0]) if means else v)
        if momentum is None:
            return w - change, (v, *means)
        momentum = self.momentum * momentum + change
        return w - momentum, (v, momentum, *means)

    def _root(self, v: Array) -> Array:
        return namespace(v).sqrt(v + self.epsilon)
