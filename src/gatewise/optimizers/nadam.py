"""Nadam."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gatewise.arguments import Argument, real
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.base.variable import Variable
from gatewise.config import config as settings
from gatewise.optimizers.arguments import LearningRate, epsilon
from gatewise.optimizers.optimizer import Optimizer, power
from gatewise.optimizers.registry import registry
from gatewise.optimizers.state import Slot


@registry.register("Nadam")
class Nadam(Optimizer):
    """Nadam: Adam with Nesterov's momentum, under a momentum that grows.

        u_t = beta_1 * (1 - 0.96^t / 2), and U_t the product of u_1 to u_t
        m += (1 - beta_1) * (g - m)
        v += (1 - beta_2) * (g^2 - v)
        w -= rate * (u_{t+1} * m / (1 - U_{t+1}) + (1 - u_t) * g / (1 - U_t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)

    In the releases before TensorFlow 2.11 the power of 0.96 is 0.004 t (`gatewise.optimizers.legacy`). In TensorFlow
    2.11 to 2.15 a compiled step multiplies U anew for each weight, but for one step of each; so it does here where that
    is the release, as losses follow from it. The `nadam` of optax has a momentum that stays.

    Source: Dozat, 2015, https://cs229.stanford.edu/proj2015/054_report.pdf.

    Args:
        learning_rate: the size of a step.
        beta_1: how much of the mean stays, in the end.
        beta_2: how much of the mean of squares stays.
        epsilon: keeps the division finite.

    The other arguments are those of `Optimizer`.
    """

    learning_rate: Argument[Any, Any] = LearningRate(0.001)
    beta_1: Argument[Any, float] = real(0.9, after="learning_rate")
    beta_2: Argument[Any, float] = real(0.999, after="beta_1")
    epsilon: Argument[Any, float] = epsilon(after="beta_2")

    @property
    def _growth(self) -> float:
        """What t is multiplied by in the power of 0.96."""
        return 1.0

    def slots(self) -> list[tuple[Slot, ...]]:
        return [(Slot("momentum", "m", "m"), Slot("velocity", "v", "v"))]

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        dtype = variables[0].dtype if variables else settings.floatx
        product = Variable(np.ones((), dtype), name="variable", trainable=False)
        if self.generation == "legacy":
            product.name, product.path = self._own_name("momentum_cache")
            self._variables.append(product)
        super().build(variables)
        if self.generation != "legacy":
            self._variables.append(self._save_for_keras3(product))
        self._product = product

    def _momentum_at(self, t: Array) -> Array:
        return self.beta_1 * (1.0 - 0.5 * power(0.96, self._growth * t))

    def _update_all(self, gradients: list[Any], variables: list[Variable], rate: Array) -> None:
        if self.generation != "tf2":
            self._multiply()
        super()._update_all(gradients, variables, rate)

    def update_step(self, gradient: Array, variable: Variable, learning_rate: Any) -> None:
        if self.generation == "tf2":
            # What comes of a count of Python's that the two traces of tf_keras's compiled step both move on.
            self._multiply(but_at=len(self._places) - 1 + self._get_variable_index(variable))
        super().update_step(gradient, variable, learning_rate)

    def _multiply(self, but_at: int = -1) -> None:
        """Take u_t into the product; not where `but_at` steps were made."""
        made, product = getattr(self.iterations, "value", self.iterations), self._product.value
        xp = namespace(made, product)
        new = product * self._momentum_at(xp.asarray(made + 1, dtype=product.dtype))
        self.assign(self._product, xp.where(made == but_at, product, new))

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        xp = namespace(w)
        m, v = slots
        u, following = self._momentum_at(t), self._momentum_at(t + 1)
        product = xp.asarray(self._product.value, dtype=w.dtype)
        m = m + (g - m) * (1 - self.beta_1)
        v = v + (xp.square(g) - v) * (1 - self.beta_2)
        ahead = following * m / (1 - product * following) + (1 - u) * g / (1 - product)
        return w - ahead * rate / (xp.sqrt(v / (1 - power(self.beta_2, t))) + self.epsilon), (m, v)
