"""Datasets: pipelines whose orders are known, so that a training that was interrupted goes on in them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from gatewise.data import INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Dataset
from gatewise.training.data.base import Batch, Source, Weigh, made


class Pipeline(Source):
    """The elements of a `Dataset`, each a batch.

    One without end goes on from epoch to epoch, as in Keras; any other starts anew.
    """

    def __init__(self, data: Dataset, weigh: Weigh | None = None) -> None:
        count = int(data.cardinality())
        if count == 0:
            raise ValueError("The Dataset is empty: it gives no batches.")
        self.data = data
        self.batches = None if count in (INFINITE_CARDINALITY, UNKNOWN_CARDINALITY) else count
        self.endless = self.infinite = count == INFINITE_CARDINALITY
        self._weigh = weigh
        self._running: Iterator[Batch] | None = None
        self._begun = data.order_state()

    def _batches(self) -> Iterator[Batch]:
        return (made(each, self._weigh) for each in self.data)

    def epoch(self) -> Iterator[Batch]:
        if not self.endless:
            return self._batches()
        if self._running is None:
            self._begun = self.data.order_state()
            self._running = self._batches()
        return self._running

    def first(self) -> Batch:
        element = self.data.peek()
        if element is None:
            raise ValueError("The Dataset is empty: it gives no batches.")
        return made(element, self._weigh)

    def pass_over(self, epochs: int, steps: int | None) -> None:
        """A dataset without end is asked for the batches of those epochs again, and they are dropped."""
        if self.endless and epochs and steps is not None:
            for _ in islice(self.epoch(), epochs * steps):
                pass

    def order_state(self) -> np.ndarray | None:
        """What the orders of the next epoch are drawn from; without end, of the iteration that goes on."""
        state = self.data.order_state() if self._running is None else self._begun
        return state if state.size else None

    def set_order_state(self, state: np.ndarray) -> None:
        self.data.set_order_state(state)
        self._running = None
