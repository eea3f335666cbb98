"""Losses made large, so that gradients in small floats do not vanish."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from gatewise.arguments import REQUIRED, Argument, boolean, count, optional, real, text
from gatewise.base import release
from gatewise.base.arrays import namespace
from gatewise.base.release import RELEASES
from gatewise.base.typing import Config
from gatewise.base.variable import Variable, all_or_nothing
from gatewise.base.words import nearest
from gatewise.optimizers.optimizer import Optimizer
from gatewise.optimizers.registry import get, registry, serialize


@registry.register("LossScaleOptimizer", "LossScaleOptimizerV3")
class LossScaleOptimizer(Optimizer):
    """Multiplies the loss by a scale, and gives another optimizer the gradients divided by it.

    Where a gradient is not finite the step is left out and the scale halved; after `dynamic_growth_steps` steps that
    were all finite it is doubled.

    Source: Micikevicius et al., 2017, https://arxiv.org/abs/1710.03740.

    Args:
        inner_optimizer: what changes the weights.
        initial_scale: the first scale.
        dynamic_growth_steps: how many finite steps double it.
        name: by default "loss_scale_optimizer".
        dynamic: False for a scale that stays as it is, as tf_keras has it.

    >>> from gatewise.optimizers import SGD
    >>> LossScaleOptimizer(SGD(), initial_scale=8.0).scale_loss(0.5)
    4.0
    """

    inner_optimizer: Argument[Any, Optimizer] = Argument(default=REQUIRED, parse=get, serialize=serialize)
    initial_scale: Argument[Any, float] = real(2.0**15)
    dynamic_growth_steps: Argument[int, int] = count(2000)
    name: Argument[str | None, str] = Argument(
        default=None, parse=optional(text), places=dict.fromkeys(RELEASES, "dynamic_growth_steps")
    )

    dynamic: Argument[bool, bool] = Argument(default=True, parse=boolean, kw_only=True, in_config=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        theirs = {name: value for name, value in kwargs.items() if name in self._fixed}
        for name, value in theirs.items():
            if value != self._fixed[name]:
                raise ValueError(f"LossScaleOptimizer: {name}: set it on the inner optimizer, which makes the steps.")
            del kwargs[name]  # Keras's older configs hold them.
        strange = [name for name in kwargs if name not in type(self)._arguments]
        if strange and release.current() == "keras3":
            raise ValueError(
                f"LossScaleOptimizer has no argument {strange[0]!r}.{nearest(strange[0], type(self)._arguments)}"
            )
        super().__init__(*args, **kwargs)
        if not self.dynamic and release.current() == "keras3":
            raise ValueError(
                "LossScaleOptimizer: dynamic: its scale always changes. For one that stays, give the inner optimizer "
                "loss_scale_factor."
            )

    _fixed: ClassVar[dict[str, Any]] = {
        "learning_rate": 0.0,
        "weight_decay": None,
        "clipnorm": None,
        "clipvalue": None,
        "global_clipnorm": None,
        "use_ema": False,
        "ema_momentum": 0.99,
        "ema_overwrite_frequency": None,
        "loss_scale_factor": None,
        "gradient_accumulation_steps": None,
    }

    def _take_learning_rate(self, rate: Any) -> None:
        if self._learning_rate is None:
            super()._take_learning_rate(rate)
        else:
            self.inner_optimizer.learning_rate = rate

    def _learning_rate_now(self) -> Any:
        return self.inner_optimizer.learning_rate

    @property
    def iterations(self) -> Any:
        """How many steps the inner optimizer made."""
        return self.inner_optimizer.iterations

    @iterations.setter
    def iterations(self, value: Any) -> None:
        self.inner_optimizer.iterations = value

    @property
    def variables(self) -> list[Variable]:
        """The scale and its count, and then the inner optimizer's state."""
        return self._variables + self.inner_optimizer.variables

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        self.inner_optimizer.loss_scale_factor = None
        self._step_counter = self._add(np.zeros((), "int64"), *self._own_name("step_counter"))
        self._dynamic_scale = self._add(np.asarray(self.initial_scale, "float32"), *self._own_name("dynamic_scale"))
        self.inner_optimizer.build(variables)
        super().build(variables)

    def apply(self, grads: Iterable[Any], trainable_variables: Iterable[Variable] | None = None) -> None:
        gradients = list(grads)
        if not gradients:
            return
        weights = self._weights_for(gradients, trainable_variables)
        present = [gradient for gradient, _ in self._present(gradients, weights)]
        with all_or_nothing(), np.errstate(all="ignore"):
            xp = namespace(self._dynamic_scale.value, *present)
            finite = xp.all(xp.stack([xp.all(xp.isfinite(gradient)) for gradient in present]))
            scale, before = self._dynamic_scale.value, self._values_of(weights)
            self.inner_optimizer.apply(
                [_divided(*each, scale) for each in zip(gradients, weights, strict=True)], weights
            )
            self._keep_where(finite, before)
            if not self.dynamic:
                return
            counted = self._step_counter.value + 1
            grows = counted == self.dynamic_growth_steps
            self.assign(self._step_counter, xp.where(finite & ~grows, counted, 0))
            self.assign(self._dynamic_scale, scale * xp.where(finite, xp.where(grows, 2.0, 1.0), 0.5))

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def scale_loss(self, loss: Any) -> Any:
        """The loss to take gradients of: times the scale."""
        return loss * (self._dynamic_scale.value if self.built else self.initial_scale)

    def get_config(self) -> Config:
        config = super().get_config()
        if self.dynamic:  # Keras 3 has no other.
            del config["dynamic"]
        return config

    # -- tf_keras's names -----------------------------------------------------------------------------------------

    @property
    def loss_scale(self) -> Any:
        """The scale now."""
        return self._dynamic_scale.value if self.built else np.float32(self.initial_scale)

    def get_scaled_loss(self, loss: Any) -> Any:
        """The loss times the scale; of a function that gives one, such a function."""
        return (lambda: self.scale_loss(loss())) if callable(loss) else self.scale_loss(loss)

    def get_unscaled_gradients(self, grads: Iterable[Any]) -> list[Any]:
        """The gradients divided by the scale."""
        return [None if gradient is None else gradient / self.loss_scale for gradient in grads]


def _divided(gradient: Any, weight: Variable, scale: Any) -> Any:
    """A gradient without the scale; one that is to be the weight's value is not scaled."""
    return gradient if gradient is None or weight.overwrite_with_gradient else gradient / scale
