"""The arguments that many optimizers have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from gatewise.arguments import REQUIRED, Argument, number
from gatewise.base.registry import get_registered_name
from gatewise.optimizers import schedules

_RATES: Final = "float | LearningRateSchedule | Callable[[], Any]"


class LearningRate(Argument[Any, Any]):
    """Declares `learning_rate`: a number, a schedule, or a function of no arguments.

    Read from an optimizer it gives the variable that holds the number, so that `optimizer.learning_rate.assign(1e-4)`
    works, or what the schedule or the function says now. Assigned, it changes the number or takes a schedule.
    """

    def __init__(self, default: Any = REQUIRED, **options: Any) -> None:
        super().__init__(default=default, parse=_parsed, serialize=serialized, takes=_RATES, **options)

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else instance._learning_rate_now()

    def __set__(self, instance: Any, value: Any) -> None:
        try:
            instance._take_learning_rate(self.parse(value))
        except (TypeError, ValueError) as error:
            raise type(error)(f"{instance.label}: learning_rate: {error}") from None


def epsilon(**options: Any) -> Argument[Any, float]:
    """A small number that keeps a division finite; None, as old configs have it, means the default."""
    return Argument(default=1e-7, parse=_epsilon, takes="float", **options)


def _epsilon(value: Any) -> float:
    return 1e-7 if value is None else number(value)


def _parsed(value: Any) -> Any:
    if isinstance(value, Mapping):
        value = schedules.deserialize(value)
    if callable(value):
        return value
    if isinstance(value, (int, float, np.number)) or getattr(value, "shape", None) == ():
        return number(float(value))
    raise TypeError(f"expected a number, a schedule or a function of no arguments, got {value!r}.")


def serialized(rate: Any) -> Any:
    """What a config holds for what an optimizer keeps as its learning rate."""
    if isinstance(rate, schedules.LearningRateSchedule):
        return schedules.serialize(rate)
    if not callable(rate):
        return float(rate)
    name = get_registered_name(rate)
    if name == "<lambda>" or not hasattr(rate, "__name__"):
        raise ValueError(
            f"Cannot write the learning rate {rate!r} to a config: use a number, a schedule or a named function."
        )
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
