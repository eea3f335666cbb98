"""The optimizers of TensorFlow 1 and of TensorFlow 2 up to 2.10, which later releases call `optimizers.legacy`.

`decay` makes the learning rate fall: rate / (1 + decay * t), t counted from 0. `clipvalue`, then `clipnorm`, then
`global_clipnorm` are applied where given. There is no decay of weights, no moving average, no accumulation. The
equations are today's but for epsilon in RMSprop and Adagrad, and for the momentum in Nadam.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np

from gatewise.arguments import Argument, number
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Config
from gatewise.optimizers import adadelta, adagrad, adam, adamax, ftrl, nadam, optimizer, rmsprop, sgd
from gatewise.optimizers.clipping import CLIPPERS
from gatewise.optimizers.described import Generation
from gatewise.optimizers.registry import old
from gatewise.optimizers.state import Slot

C = TypeVar("C", bound="type[Optimizer]")


def _limit(default: float | None = None) -> Argument[Any, Any]:
    def parse(value: Any) -> float | None:
        if value is not None and number(value) < 0:
            raise ValueError(f"expected a number that is not below 0, got {value!r}.")
        return default if value is None else number(value)

    return Argument(default=default, parse=parse, kw_only=True)


class Optimizer(optimizer.Optimizer):
    """What every optimizer of these releases is.

    Args:
        decay: how the learning rate falls.
        clipnorm, clipvalue, global_clipnorm: as for today's.
        lr: the learning rate, in older words.

    >>> from gatewise.optimizers import legacy
    >>> legacy.SGD(lr=0.5, decay=0.1).get_config()
    {'name': 'SGD', 'learning_rate': 0.5, 'momentum': 0.0, 'nesterov': False, 'decay': 0.1}
    """

    clipnorm: Argument[Any, float | None] = _limit()
    clipvalue: Argument[Any, float | None] = _limit()
    global_clipnorm: Argument[Any, float | None] = _limit()
    decay: Argument[Any, float] = _limit(0.0)

    generation: Generation = "legacy"
    _fixed: ClassVar[dict[str, Any]] = {
        "weight_decay": None,
        "use_ema": False,
        "ema_momentum": 0.99,
        "ema_overwrite_frequency": None,
        "loss_scale_factor": None,
        "gradient_accumulation_steps": None,
    }
    _as_float32: ClassVar[tuple[str, ...]] = (
        *("momentum", "rho", "beta_1", "beta_2", "beta", "learning_rate_power"),
        *("l1_regularization_strength", "l2_regularization_strength"),
    )
    """The arguments that these releases keep as variables, and so write rounded to float32."""

    def _effective_rate(self) -> Any:
        rate = super()._effective_rate()
        if not self.decay:
            return rate
        made = self._iterations.value
        return getattr(rate, "value", rate) / (1.0 + self.decay * namespace(made).asarray(made, dtype=np.float32))

    def _clip_gradients(self, gradients: list[Any]) -> list[Any]:
        for argument in ("clipvalue", "clipnorm", "global_clipnorm"):
            if (limit := getattr(self, argument)) is not None:
                gradients = CLIPPERS[argument](gradients, limit)
        return gradients

    def slots(self) -> list[tuple[Slot, ...]]:
        return [(slot,) for group in super().slots() for slot in group]

    def get_config(self) -> Config:
        config = {
            name: float(np.float32(value)) if name in self._as_float32 else value
            for name, value in super().get_config().items()
        }
        return {name: value for name, value in config.items() if name not in CLIPPERS or value is not None}


def _stands_for(todays: type[optimizer.Optimizer]) -> Callable[[C], C]:
    def register(cls: C) -> C:
        todays._of_old = cls
        return old.register(cls.__name__)(cls)

    return register


@_stands_for(sgd.SGD)
class SGD(Optimizer, sgd.SGD):
    """`gatewise.optimizers.SGD`, with `decay`."""


@_stands_for(adam.Adam)
class Adam(Optimizer, adam.Adam):
    """`gatewise.optimizers.Adam`, with `decay`."""


@_stands_for(adamax.Adamax)
class Adamax(Optimizer, adamax.Adamax):
    """`gatewise.optimizers.Adamax`, with `decay`."""


@_stands_for(adadelta.Adadelta)
class Adadelta(Optimizer, adadelta.Adadelta):
    """`gatewise.optimizers.Adadelta`, with `decay`."""


@_stands_for(ftrl.Ftrl)
class Ftrl(Optimizer, ftrl.Ftrl):
    """`gatewise.optimizers.Ftrl`, with `decay`."""

    def slots(self) -> list[tuple[Slot, ...]]:
        return ftrl.Ftrl.slots(self)


@_stands_for(adagrad.Adagrad)
class Adagrad(Optimizer, adagrad.Adagrad):
    """`gatewise.optimizers.Adagrad`, with `decay`, and epsilon outside the root."""

    def _root(self, s: Array) -> Array:
        return namespace(s).sqrt(s) + self.epsilon


@_stands_for(rmsprop.RMSprop)
class RMSprop(Optimizer, rmsprop.RMSprop):
    """`gatewise.optimizers.RMSprop`, with `decay`, and epsilon outside the root where there is no momentum."""

    _fixed: ClassVar[dict[str, Any]] = Optimizer._fixed

    def _root(self, v: Array) -> Array:
        return super()._root(v) if self.momentum else namespace(v).sqrt(v) + self.epsilon


@_stands_for(nadam.Nadam)
class Nadam(Optimizer, nadam.Nadam):
    """`gatewise.optimizers.Nadam`, with a momentum that grows more slowly, by `schedule_decay`.

    Those releases write it to configs as `decay`, and take no notice of an argument of that name. They do not read it
    back; here a config is read as what it says.
    """

    decay: Argument[Any, float] = _limit(0.004)

    def _in_words_of_today(self, given: dict[str, Any]) -> dict[str, Any]:
        given = super()._in_words_of_today(given)
        given["decay"] = given.pop("schedule_decay", 0.004)
        return given

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Any:
        config = dict(config)
        config.setdefault("schedule_decay", config.pop("decay", 0.004))
        return super().from_config(config, custom_objects)

    @property
    def _growth(self) -> float:
        return self.decay

    def _effective_rate(self) -> Any:
        return optimizer.Optimizer._effective_rate(self)


__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "Adamax", "Ftrl", "Nadam", "Optimizer", "RMSprop"]
