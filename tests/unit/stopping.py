"""A training that ends in the middle, by an error that is wanted."""

from __future__ import annotations

from typing import Any

from gatewise.callbacks import Callback


class StopError(Exception):
    """The end that was wanted."""


class StopAfter(Callback):
    """Ends `fit` after a batch of an epoch with a `StopError`, as nothing else may be done in time."""

    def __init__(self, epoch: int, batch: int) -> None:
        super().__init__()
        self.place, self.epoch = (epoch, batch), 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self.epoch, batch) == self.place:
            raise StopError
