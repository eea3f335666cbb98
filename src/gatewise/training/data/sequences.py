"""Lists of sequences of unequal lengths: put into buckets of like length, and padded there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gatewise import random
from gatewise.base import structure
from gatewise.base.arrays import as_array
from gatewise.training.data.base import Batch, Source, plain

_A_DOUBLING = 4
"""How many lengths there are between a length and its double. More waste fewer steps, and are compiled more often."""


def are_ragged(x: Any) -> bool:
    """Whether it is a list of sequences of unequal lengths.

    >>> are_ragged([[1, 2], [3]]), are_ragged([[1, 2], [3, 4]]), are_ragged([1, 2])
    (True, False, False)
    """
    if not isinstance(x, (list, tuple)) or len(x) < 2:
        return False
    first = _length(x[0])
    return first is not None and any(_length(each) not in (None, first) for each in x)


def _length(sequence: Any) -> int | None:
    if isinstance(sequence, (list, tuple)) or (getattr(sequence, "ndim", 0) > 0):
        return len(sequence)
    return None


def rounded_up(length: int) -> int:
    """The length of the bucket for a sequence.

    >>> [rounded_up(n) for n in (1, 7, 8, 9, 17, 100)]
    [4, 7, 8, 10, 20, 112]
    """
    if length <= _A_DOUBLING:
        return _A_DOUBLING
    step = max(1, (1 << ((length - 1).bit_length() - 1)) // _A_DOUBLING)
    return -(-length // step) * step


class Sequences(Source):
    """Sequences of many lengths.

    Args:
        x: N sequences (T, ...), each of its own T.
        y: for each sequence a target, as an array (N, ...), or a list of N sequences of targets, each as long as its
            own.
        sample_weight: (N,), or None.
        size: of batches.
        shuffle: whether samples are put into other batches, and batches into another order, in each epoch.
        exact: whether only sequences of the very same length go together: for layers that take no masks.
    """

    one_shape = False
    samples: int
    size: int

    def __init__(
        self, x: Any, y: Any, sample_weight: Any, size: int, shuffle: Any = False, exact: bool = False
    ) -> None:
        self.x = [_row(each, "A sequence") for each in x]
        self.samples = len(self.x)
        self.size = size
        self.exact = exact
        self.lengths = np.array([len(each) for each in self.x])
        self._check(y, sample_weight)
        self.stepwise = are_ragged(y)
        self.y = [_row(each, "The targets") for each in y] if self.stepwise else plain(y, "The targets")
        self.sample_weight = plain(sample_weight, "sample_weight")
        self._order = random.generator(None) if shuffle else None
        self.batches = len(self.sizes())

    def _check(self, y: Any, sample_weight: Any) -> None:
        tails = {each.shape[1:] for each in self.x}
        if len(tails) > 1:
            raise ValueError(f"The steps of all sequences must have one shape, but there are {sorted(tails)}.")
        for name, part in (("y", y), ("sample_weight", sample_weight)):
            counts = {
                len(leaf) for leaf in ([part] if are_ragged(part) else structure.flatten(part)) if leaf is not None
            }
            if counts - {self.samples}:
                raise ValueError(f"x has {self.samples} sequences, but {name} has {sorted(counts)} samples.")
        if are_ragged(y) and [len(each) for each in y] != self.lengths.tolist():
            raise ValueError("y holds a sequence of targets for each sequence of x, but not all are as long as theirs.")

    def plan(self) -> list[tuple[int, np.ndarray]]:
        """The batches of an epoch: the length of each, and the numbers of its samples."""
        order = np.arange(self.samples) if self._order is None else self._order.permutation(self.samples)
        buckets: dict[int, list[int]] = {}
        for place in order:
            length = int(self.lengths[place])
            buckets.setdefault(length if self.exact else rounded_up(length), []).append(int(place))
        found: list[tuple[int, np.ndarray]] = [
            (length, np.array(places[start : start + self.size]))
            for length, places in buckets.items()
            for start in range(0, len(places), self.size)
        ]
        return found if self._order is None else [found[k] for k in self._order.permutation(len(found))]

    def sizes(self) -> list[tuple[int, int]]:
        """The length and the size of each batch of an epoch; those of all epochs, in some order."""
        lengths = [int(n) if self.exact else rounded_up(int(n)) for n in self.lengths]
        counts = {length: lengths.count(length) for length in sorted(set(lengths))}
        return [
            (length, min(self.size, count - start))
            for length, count in counts.items()
            for start in range(0, count, self.size)
        ]

    def batch(self, length: int, places: np.ndarray) -> Batch:
        """The samples of these numbers, padded to a length, with the mask of what is real."""
        mask = np.arange(length) < self.lengths[places][:, None]
        y = padded([self.y[k] for k in places], length) if self.stepwise else _taken(self.y, places)
        x = padded([self.x[k] for k in places], length)
        return Batch(x, y, _taken(self.sample_weight, places), None if self.exact else mask)

    def epoch(self) -> Iterator[Batch]:
        return (self.batch(*each) for each in self.plan())


def _row(sequence: Any, what: str) -> np.ndarray:
    listed = isinstance(sequence, (list, tuple))
    row: np.ndarray = plain(as_array(sequence, what) if listed else sequence, what)
    return row


def padded(sequences: list[np.ndarray], length: int) -> np.ndarray:
    """Sequences in one array, zeros after the end of each."""
    whole = np.zeros((len(sequences), length, *sequences[0].shape[1:]), sequences[0].dtype)
    for row, sequence in zip(whole, sequences, strict=True):
        row[: len(sequence)] = sequence
    return whole


def _taken(part: Any, places: np.ndarray) -> Any:
    return structure.map_structure(lambda leaf: None if leaf is None else leaf[places], part)
