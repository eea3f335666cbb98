"""The optimizer's moving averages in place of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gatewise.base.variable import commit
from gatewise.callbacks.callback import Callback, Logs


class SwapEMAWeights(Callback):
    """Lets the model be tested and asked with the moving averages of its weights, and be trained with the weights.

    Needs an optimizer with `use_ema=True`. Other callbacks must not change weights while they are exchanged.

    Args:
        swap_on_epoch: have the averages in the model at the end of each epoch, too: a `ModelCheckpoint` behind this
            callback saves them then.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._weights: list[tuple[Any, Any]] | None = None

    def _to_averages(self) -> None:
        """Give the weights their averages, and keep what they were."""
        if self._weights is None:
            pairs = list(self._pairs())
            self._weights = [(weight, weight.numpy()) for weight, _ in pairs]
            commit((weight, average.numpy()) for weight, average in pairs)

    def _to_weights(self) -> None:
        """Give the weights back what they were."""
        kept, self._weights = self._weights, None
        commit(kept or ())

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        """Each weight with its average."""
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        owners = [each for each in getattr(optimizer, "optimizers", [optimizer]) if getattr(each, "use_ema", False)]
        if not owners:
            raise ValueError(f"SwapEMAWeights: {optimizer!r} keeps no averages: make it with use_ema=True.")
        for owner in owners:
            yield from owner.averages

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch:
            self._to_weights()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch:
            self._to_averages()

    def on_train_end(self, logs: Logs = None) -> None:
        """Training has given the weights their averages for good."""
        self._weights = None

    def on_test_begin(self, logs: Logs = None) -> None:
        self._to_averages()

    def on_test_end(self, logs: Logs = None) -> None:
        self._to_weights()

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._to_averages()

    def on_predict_end(self, logs: Logs = None) -> None:
        self._to_weights()
