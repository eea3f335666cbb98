"""Callbacks that change the learning rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gatewise.base import release
from gatewise.callbacks.callback import Callback, Logs
from gatewise.callbacks.monitoring import Monitoring


def rate_of(optimizer: Any) -> float:
    """An optimizer's learning rate now.

    Raises:
        ValueError: for an optimizer without one.
    """
    rate = getattr(optimizer, "learning_rate", None)
    if rate is None:
        raise ValueError(f"The optimizer {optimizer!r} has no learning_rate.")
    return float(np.asarray(getattr(rate, "value", rate)))


def rate_name() -> str:
    """What the logs call the learning rate: "learning_rate" since Keras 3, "lr" before.

    >>> rate_name()
    'learning_rate'
    """
    return "learning_rate" if release.current() == "keras3" else "lr"


def optimizers_of(model: Any) -> Iterator[tuple[str, Any]]:
    """A model's optimizers, each with what comes behind "learning_rate" in its name in the logs."""
    several = getattr(model.optimizer, "optimizers", None)
    if several is None:
        yield "", model.optimizer
    else:
        yield from ((f"_{each.name}", each) for each in several)


def log_rates(model: Any, logs: Any) -> None:
    """Put the learning rates into the logs."""
    for suffix, optimizer in optimizers_of(model):
        logs[f"{rate_name()}{suffix}"] = rate_of(optimizer)


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of each epoch.

    Args:
        schedule: a function `(epoch, rate)`, or of the epoch alone, that gives the rate, a float. Epochs count from 0.
        verbose: 1 to print it.

    Raises:
        ValueError: in `fit`, where the function gives no float.

    >>> schedule = LearningRateScheduler(lambda epoch, rate: rate if epoch < 10 else rate * 0.9)
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        for suffix, optimizer in optimizers_of(self.model):
            rate = self._scheduled(epoch, rate_of(optimizer))
            optimizer.learning_rate = rate
            if self.verbose > 0:
                which = f"{suffix[1:]} " if suffix else ""
                print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting {which}learning rate to {rate}.")

    def _scheduled(self, epoch: int, rate: float) -> float:
        try:
            found = self.schedule(epoch, rate)
        except TypeError:  # A schedule of the epoch alone, as it was at first.
            found = self.schedule(epoch)
        if getattr(found, "shape", None) == () and np.asarray(found).dtype.kind == "f":
            found = float(np.asarray(found))
        if not isinstance(found, float):
            raise ValueError(
                f"LearningRateScheduler: expected a float from the schedule for epoch {epoch}, got {found!r}."
            )
        return found

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if logs is not None:
            log_rates(self.model, logs)


class ReduceLROnPlateau(Monitoring):
    """Lowers the learning rate when a number has not improved for a while.

    Args:
        monitor: the name of the number in the logs.
        factor: what the rate is multiplied with; less than 1.
        patience: after so many epochs without improvement.
        verbose: 1 to print it.
        mode: "min" where less is better, "max" where more is, or "auto": what the metric says.
        min_delta: a change of less is no improvement.
        cooldown: how many epochs to wait after that.
        min_lr: the rate does not go below.
        epsilon: the old name of `min_delta`.

    Raises:
        ValueError: for a factor of 1 or more.
        TypeError: in `fit`, where the optimizer's rate is a schedule.

    >>> slower = ReduceLROnPlateau("val_loss", factor=0.5, patience=3)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        *,
        epsilon: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, min_delta if epsilon is None else epsilon)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor: expected a number below 1, got {factor}.")
        self.factor = factor
        self.min_lr = min_lr
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self._reset()

    def _reset(self) -> None:
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def in_cooldown(self) -> bool:
        """Whether it waits after a change."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._goes()
        logs = {} if logs is None else logs
        log_rates(self.model, logs)
        value = self._watched(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._improves(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch: int) -> bool:
        """Lower the rates that are not yet at the lowest; whether there was one."""
        reduced = False
        for suffix, optimizer in optimizers_of(self.model):
            rate = rate_of(optimizer)
            if rate <= np.float32(self.min_lr):
                continue
            lower = max(rate * self.factor, self.min_lr)
            optimizer.learning_rate = lower
            reduced = True
            if self.verbose > 0:
                which = f" {suffix[1:]}" if suffix else ""
                print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing{which} learning rate to {lower}.")
        return reduced
