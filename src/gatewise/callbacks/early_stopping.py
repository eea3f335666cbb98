"""Stop when it gets no better."""

from __future__ import annotations

from typing import Any

from gatewise.callbacks.callback import Logs
from gatewise.callbacks.monitoring import Monitoring


class EarlyStopping(Monitoring):
    """Ends training when a number has not improved for a while.

    Args:
        monitor: the name of the number in the logs.
        min_delta: a change of less is no improvement.
        patience: after so many epochs without improvement training ends.
        verbose: 1 to print what happens.
        mode: "min" where less is better, "max" where more is, or "auto": what the metric says.
        baseline: until a value is better than this, patience runs.
        restore_best_weights: at the end, take the weights back that the model had in the best epoch.
        start_from_epoch: how many epochs to let pass first.

    Attributes:
        stopped_epoch: at which epoch, from 0, training was ended; 0 where it was not.

    >>> from types import SimpleNamespace
    >>> stop = EarlyStopping("loss", patience=2)
    >>> stop.set_model(SimpleNamespace(stop_training=False))
    >>> stop.on_train_begin()
    >>> for epoch, loss in enumerate([3.0, 1.0, 2.0, 1.5]):
    ...     stop.on_epoch_end(epoch, {"loss": loss})
    >>> stop.model.stop_training, stop.stopped_epoch, stop.best
    (True, 3, 1.0)
    """

    up_by_name = ("acc", "accuracy", "auc")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def _sounds_like_up(self, name: str) -> bool:
        return name.endswith(self.up_by_name)

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_weights: Any = None
        self.best_epoch = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._goes()
        value = self._watched(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.best_weights is None:  # Where no epoch is better than any, the first is the best.
            self._keep(epoch)
        self.wait += 1
        if self._improves(value, self.best):
            self.best = value
            self._keep(epoch)
            if self.baseline is None or self._improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Logs = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)
