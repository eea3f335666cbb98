"""Arrays, and lists and dicts of them: cut into batches, shuffled anew for each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gatewise import random
from gatewise.base import structure
from gatewise.training.data.base import Batch, Source, counted


class Arrays(Source):
    """All samples in memory.

    Args:
        batch: all of them, as one batch.
        size: samples in a batch.
        shuffle: True, False, or "batch" for whole batches changing places.
    """

    samples: int
    size: int

    def __init__(self, batch: Batch, size: int, shuffle: Any = False) -> None:
        self.whole = batch
        self.samples = counted(batch)
        self.size = min(size, self.samples)
        self.batches = -(-self.samples // self.size)
        self.shuffle = shuffle
        self._order = random.generator(None) if shuffle else None

    def order(self) -> np.ndarray | None:
        """The samples of the next epoch in their order, or None for the order in which they came."""
        if self._order is None:
            return None
        if self.shuffle != "batch":
            return self._order.permutation(self.samples)
        # The batches change places, but a short last one stays the last.
        full, size = self.samples // self.size, self.size
        starts = self._order.permutation(full) * size
        rows = (starts[:, None] + np.arange(size)).ravel()
        return np.concatenate([rows, np.arange(full * size, self.samples)])

    def rows(self, where: Any) -> Batch:
        """Some of the samples, by a slice or by their numbers."""
        return Batch(
            *(structure.map_structure(lambda leaf: None if leaf is None else leaf[where], p) for p in self.whole)
        )

    def epoch(self) -> Iterator[Batch]:
        order = self.order()
        for start in range(0, self.samples, self.size):
            where = slice(start, start + self.size)
            yield self.rows(where if order is None else order[where])

    def first(self) -> Batch:
        return self.rows(slice(0, self.size))

    def whole_targets(self) -> Any:
        return self.whole.y
