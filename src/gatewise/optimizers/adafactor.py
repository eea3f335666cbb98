"""Adafactor."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, flag, real
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.optimizers.arguments import LearningRate
from gatewise.optimizers.optimizer import Optimizer
from gatewise.optimizers.registry import registry
from gatewise.optimizers.state import Slot


def _rows(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    return shape[:-1] if len(shape) > 1 else None


def _columns(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    return (*shape[:-2], shape[-1]) if len(shape) > 1 else None


@registry.register("Adafactor")
class Adafactor(Optimizer):
    """Adafactor: Adam's second moments from one number a row and one a column, for large matrices.

        b = 1 - t^beta_2_decay
        r = b * r + (1 - b) * mean over the row of (g^2 + epsilon_1);  c the same over columns
        v = r / mean(r) * c
        u = g / sqrt(v);  u /= max(1, rms(u) / clip_threshold)
        w -= max(epsilon_2, rms(w)) * min(rate, 1 / sqrt(t)) * u

    A vector keeps v itself. Keras keeps and saves v for matrices too. optax's `adafactor` has rows and columns from 128
    of them on only, and another learning rate.

    Source: Shazeer and Stern, 2018, https://arxiv.org/abs/1804.04235.

    Args:
        learning_rate: the largest step, as a share of the weight.
        beta_2_decay: how fast the past is forgotten, below 0.
        epsilon_1: what a square is at least.
        epsilon_2: what a weight is at least, when steps are measured by it.
        clip_threshold: the largest step, in root mean square.
        relative_step: whether the learning rate falls by itself; the step falls in any case.

    The other arguments are those of `Optimizer`.
    """

    learning_rate: Argument[Any, Any] = LearningRate(0.001)
    beta_2_decay: Argument[Any, float] = real(-0.8, after="learning_rate")
    epsilon_1: Argument[Any, float] = real(1e-30, after="beta_2_decay")
    epsilon_2: Argument[Any, float] = real(1e-3, after="epsilon_1")
    clip_threshold: Argument[Any, float] = real(1.0, after="epsilon_2")
    relative_step: Argument[bool, bool] = flag(True, after="clip_threshold")

    def slots(self) -> list[tuple[Slot, ...]]:
        return [(Slot("r", shape=_rows), Slot("c", shape=_columns), Slot("velocity", "v"))]

    def _name_for(self, variable: Any, slot: str) -> tuple[str, str]:
        if self.generation == "keras3" and slot in ("r", "c"):  # As Keras 3 has it.
            return self._own_name(variable.name)
        return super()._name_for(variable, slot)

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        xp = namespace(w)
        r, c, v = slots
        step = xp.maximum(xp.asarray(self.epsilon_2, dtype=w.dtype), _rms(w)) * xp.minimum(rate, 1 / xp.sqrt(t))
        square = xp.square(g) + self.epsilon_1
        stays = 1 - t**self.beta_2_decay
        if w.ndim > 1:
            r = stays * r + (1 - stays) * xp.mean(square, axis=-1)
            c = stays * c + (1 - stays) * xp.mean(square, axis=-2)
            v = xp.expand_dims(r / xp.mean(r, axis=-1, keepdims=True), axis=-1) * xp.expand_dims(c, axis=-2)
        else:
            v = stays * v + (1 - stays) * square
        u = g / xp.sqrt(v)
        u = u / xp.maximum(xp.ones_like(t), _rms(u) / self.clip_threshold)
        return w - step * u, (r, c, v)


def _rms(x: Array) -> Array:
    xp = namespace(x)
    return xp.sqrt(xp.mean(xp.square(x)))
