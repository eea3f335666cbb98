"""Adagrad."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, real
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.optimizers.arguments import LearningRate, epsilon
from gatewise.optimizers.optimizer import Optimizer
from gatewise.optimizers.registry import registry
from gatewise.optimizers.state import Slot


@registry.register("Adagrad")
class Adagrad(Optimizer):
    """Adagrad: steps by the gradient over the root of the sum of all squares so far.

        s += g^2
        w -= rate * g / sqrt(s + epsilon)

    In the releases before TensorFlow 2.11 epsilon stands outside the root (`gatewise.optimizers.legacy`). optax's
    `adagrad` multiplies by a reciprocal root, which rounds otherwise.

    Source: Duchi et al., 2011, https://www.jmlr.org/papers/v12/duchi11a.html.

    Args:
        learning_rate: the size of a step.
        initial_accumulator_value: what the sum of squares starts from.
        epsilon: keeps the division finite.

    The other arguments are those of `Optimizer`.
    """

    learning_rate: Argument[Any, Any] = LearningRate(0.001)
    initial_accumulator_value: Argument[Any, float] = real(0.1, after="learning_rate")
    epsilon: Argument[Any, float] = epsilon(after="initial_accumulator_value")

    def slots(self) -> list[tuple[Slot, ...]]:
        return [(Slot("accumulator", initial=self.initial_accumulator_value),)]

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        s = slots[0] + namespace(w).square(g)
        return w - rate * g / self._root(s), (s,)

    def _root(self, s: Array) -> Array:
        return namespace(s).sqrt(s + self.epsilon)
