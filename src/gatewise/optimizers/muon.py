"""Muon."""

from __future__ import annotations

import re
from typing import Any

from gatewise.arguments import Argument, flag, number, optional, positive, rate, real
from gatewise.base.arrays import namespace
from gatewise.base.release import RELEASES
from gatewise.base.typing import Array
from gatewise.base.variable import Variable
from gatewise.optimizers.arguments import LearningRate, epsilon
from gatewise.optimizers.optimizer import Optimizer, power
from gatewise.optimizers.registry import registry


@registry.register("Muon")
class Muon(Optimizer):
    """Muon: for matrices, steps with all singular values brought near 1; for all else, AdamW.

        m = momentum * m + g
        w -= rate * orthogonal(g + momentum * m) * sqrt(larger side) * rms_rate

    where `orthogonal` is `ns_steps` steps of Newton and Schulz: x = a x + (b x x' + c (x x')^2) x, from x / |x|.

    Source: Jordan, 2024, https://kellerjordan.github.io/posts/muon; the scale: Liu et al., 2025,
    https://arxiv.org/abs/2502.16982.

    Args:
        learning_rate: the size of a step.
        adam_beta_1, adam_beta_2, epsilon: Adam's, for what is not a matrix.
        adam_weight_decay: the same, of `weight_decay`.
        weight_decay: for matrices.
        exclude_layers: regular expressions; a weight with one of them in its path goes by Adam.
        exclude_embeddings: whether weights with "embedding" in their path go by Adam.
        muon_a, muon_b, muon_c: a, b and c.
        adam_lr_ratio: Adam's learning rate, as a share of Muon's.
        momentum: how much of m stays.
        ns_steps: how many steps of Newton and Schulz.
        nesterov: False for orthogonal(m).
        rms_rate: the scale; None for steps that are not scaled.

    The other arguments are those of `Optimizer`.
    """

    learning_rate: Argument[Any, Any] = LearningRate(0.001)
    adam_beta_1: Argument[Any, float] = real(0.9, after="learning_rate")
    adam_beta_2: Argument[Any, float] = real(0.999, after="adam_beta_1")
    adam_weight_decay: Argument[Any, float | None] = Argument(
        default=0.004, parse=optional(number), after="adam_beta_2"
    )
    epsilon: Argument[Any, float] = epsilon(after="adam_weight_decay")
    weight_decay: Argument[Any, float | None] = Argument(
        default=0.004, parse=optional(number), places=dict.fromkeys(RELEASES, "epsilon")
    )
    exclude_layers: Argument[Any, list[str]] = Argument(default=None, parse=lambda value: list(value or ()))
    exclude_embeddings: Argument[bool, bool] = flag(True)
    muon_a: Argument[Any, float] = real(3.4445)
    muon_b: Argument[Any, float] = real(-4.775)
    muon_c: Argument[Any, float] = real(2.0315)
    adam_lr_ratio: Argument[Any, float] = real(1)
    momentum: Argument[Any, float] = rate(0.95)
    ns_steps: Argument[int, int] = Argument(default=5, parse=positive)
    nesterov: Argument[bool, bool] = flag(True)
    rms_rate: Argument[Any, float | None] = Argument(default=0.2, parse=optional(number))

    def _goes_by_adam(self, variable: Variable) -> bool:
        excluded = ["embedding"] if self.exclude_embeddings else []
        return (
            len(variable.shape) != 2
            or any(word in variable.path.lower() for word in excluded)
            or any(re.search(pattern, variable.path) for pattern in self.exclude_layers)
        )

    def build(self, variables: Any) -> None:
        if self.built:
            return
        super().build(variables)
        self._moments: list[list[Variable]] = []
        for variable in variables:
            names = ["momentum", "velocity"] if self._goes_by_adam(variable) else ["momentum"]
            self._moments.append([self.add_variable_from_reference(variable, name) for name in names])

    def _weight_decay_of(self, variable: Variable) -> float | None:
        return self.adam_weight_decay if self._goes_by_adam(variable) else self.weight_decay

    def _slots_of(self, variable: Variable) -> list[Variable]:
        return self._moments[self._get_variable_index(variable)]

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        if len(slots) == 2:
            return self._adam(w, g, slots, rate * self.adam_lr_ratio, t)
        m = slots[0] + (g + slots[0] * (self.momentum - 1))
        change = rate * self._orthogonal(g + self.momentum * m if self.nesterov else m)
        if self.rms_rate is not None:
            change = change * namespace(w).asarray(max(w.shape), dtype=w.dtype) ** 0.5 * self.rms_rate
        return w - change, (m,)

    def _adam(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        xp = namespace(w)
        m, v = slots
        m = m + (g - m) * (1 - self.adam_beta_1)
        v = v + (xp.square(g) - v) * (1 - self.adam_beta_2)
        alpha = rate * xp.sqrt(1 - power(self.adam_beta_2, t)) / (1 - power(self.adam_beta_1, t))
        return w - m * alpha / (xp.sqrt(v) + self.epsilon), (m, v)

    def _orthogonal(self, x: Array) -> Array:
        xp = namespace(x)
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x
        x = x / (xp.sqrt(xp.sum(xp.square(x))) + 1e-7)
        for _ in range(self.ns_steps):
            square = x @ x.T
            x = self.muon_a * x + (self.muon_b * square + self.muon_c * square @ square) @ x
        return x.T if tall else x
