"""Ftrl."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, number, real
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.optimizers.arguments import LearningRate
from gatewise.optimizers.optimizer import Optimizer
from gatewise.optimizers.registry import registry
from gatewise.optimizers.state import Slot


def _not_above_zero(value: Any) -> float:
    if number(value) > 0:
        raise ValueError(f"expected a number that is not above 0, got {value!r}.")
    return number(value)


def _not_below_zero(value: Any) -> float:
    if number(value) < 0:
        raise ValueError(f"expected a number that is not below 0, got {value!r}.")
    return number(value)


def _strength(default: float, after: str) -> Argument[Any, float]:
    return Argument(default=default, parse=_not_below_zero, after=after)


@registry.register("Ftrl")
class Ftrl(Optimizer):
    """Follow the regularised leader: each weight is the best for all gradients so far, under penalties.

        n' = n + g^2
        z += g + 2 * shrinkage * w - (n'^-p - n^-p) / rate * w
        w = (clip(z, -l1, l1) - z) / (n'^-p / rate + 2 * (l2 + beta / (2 * rate)))

    where p is `learning_rate_power`, -1/2 by default.

    Source: McMahan et al., 2013, https://research.google.com/pubs/archive/41159.pdf.

    Args:
        learning_rate: the size of a step.
        learning_rate_power: p, at most 0; 0 for steps that do not shrink.
        initial_accumulator_value: what n starts from, at least 0.
        l1_regularization_strength, l2_regularization_strength: the penalties on weights, at least 0.
        l2_shrinkage_regularization_strength: a penalty on the size of the weight that goes by the gradient.
        beta: the paper's beta.

    The other arguments are those of `Optimizer`.
    """

    learning_rate: Argument[Any, Any] = LearningRate(0.001)
    learning_rate_power: Argument[Any, float] = Argument(default=-0.5, parse=_not_above_zero, after="learning_rate")
    initial_accumulator_value: Argument[Any, float] = _strength(0.1, "learning_rate_power")
    l1_regularization_strength: Argument[Any, float] = _strength(0.0, "initial_accumulator_value")
    l2_regularization_strength: Argument[Any, float] = _strength(0.0, "l1_regularization_strength")
    l2_shrinkage_regularization_strength: Argument[Any, float] = _strength(0.0, "l2_regularization_strength")
    beta: Argument[Any, float] = real(0.0, after="l2_shrinkage_regularization_strength")

    def slots(self) -> list[tuple[Slot, ...]]:
        return [(Slot("accumulator", initial=self.initial_accumulator_value), Slot("linear"))]

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        n, z = slots
        l1 = self.l1_regularization_strength
        l2 = self.l2_regularization_strength + self.beta / (2.0 * rate)
        new = n + namespace(w).square(g)
        grown, before = new**-self.learning_rate_power, n**-self.learning_rate_power
        z = z + (g + 2 * self.l2_shrinkage_regularization_strength * w - (grown - before) / rate * w)
        return (namespace(w).clip(z, -l1, l1) - z) / (grown / rate + 2 * l2), (new, z)
