"""Generators, and what can be iterated over anew: loaders, datasets, lists of batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from gatewise.training.data.base import Batch, Source, Weigh, made


class Iterated(Source):
    """Batches from an iterator, which goes on from epoch to epoch, or from an iterable, which starts anew."""

    def __init__(self, data: Any, weigh: Weigh | None = None) -> None:
        self.data = data
        self.endless = isinstance(data, Iterator) or hasattr(data, "__next__")
        self.batches = len(data) if hasattr(data, "__len__") else None
        self._weigh = weigh
        self._peeked: list[Batch] = []
        self._running = iter(data) if self.endless else None

    def epoch(self) -> Iterator[Batch]:
        if self._running is None:
            return (made(each, self._weigh) for each in self.data)
        peeked, self._peeked = self._peeked, []
        return chain(peeked, (made(each, self._weigh) for each in self._running))

    def pass_over(self, epochs: int, steps: int | None) -> None:
        """An iterator is asked for the batches of those epochs again, and they are dropped."""
        if self.endless and epochs and steps is not None:
            for _ in islice(self.epoch(), epochs * steps):
                pass

    def first(self) -> Batch:
        if self._peeked:
            return self._peeked[0]
        running = iter(self.data) if self._running is None else self._running
        for each in running:
            batch = made(each, self._weigh)
            if self._running is not None:
                self._peeked = [batch]
            return batch
        raise ValueError(f"{type(self.data).__name__} gave no batches.")
