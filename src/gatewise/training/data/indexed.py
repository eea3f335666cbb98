"""Objects that give a batch by its number: Keras's `Sequence` and `PyDataset`, and whatever has a length and items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gatewise import random
from gatewise.training.data.base import Batch, Source, Weigh, made


class Indexed(Source):
    """Batches by number.

    Args:
        data: has `__len__` (or `num_batches`) and `__getitem__`; `on_epoch_end` is called where it has one.
        shuffle: whether the batches change places in each epoch.
    """

    batches: int

    def __init__(self, data: Any, shuffle: Any = False, weigh: Weigh | None = None) -> None:
        self.data = data
        count = getattr(data, "num_batches", None)
        self.batches = int(len(data) if count is None else count)
        if self.batches == 0:
            raise ValueError(f"{type(data).__name__} has no batches: its length is 0.")
        self._order = random.generator(None) if shuffle else None
        self._weigh = weigh

    def epoch(self) -> Iterator[Batch]:
        numbers = range(self.batches) if self._order is None else self._order.permutation(self.batches)
        for number in numbers:
            yield made(self.data[int(number)], self._weigh)

    def first(self) -> Batch:
        return made(self.data[0], self._weigh)

    def end_epoch(self) -> None:
        getattr(self.data, "on_epoch_end", lambda: None)()
