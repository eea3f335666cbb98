"""Counting batches: what happens after every so many of them, over the ends of epochs."""

from __future__ import annotations


class EveryBatches:
    """Says when so many batches have gone by.

    Batches may come in steps of more than one, where several run at once; epochs count from 0 again.

    Args:
        frequency: "epoch" for never, or the number of batches.
        label: whose it is, for errors.

    Raises:
        ValueError: for something else.

    >>> every = EveryBatches(3, "ModelCheckpoint")
    >>> [every.is_due(batch) for batch in (0, 1, 2, 3, 0, 1)]
    [False, False, True, False, False, True]
    """

    def __init__(self, frequency: str | int, label: str) -> None:
        is_number = isinstance(frequency, int) and not isinstance(frequency, bool) and frequency > 0
        if frequency != "epoch" and not is_number:
            raise ValueError(f"{label}: save_freq: expected 'epoch' or a number of batches, got {frequency!r}.")
        self.batches = frequency if isinstance(frequency, int) else None
        self._seen = 0
        self._last = -1

    def go_on_with(self, batch: int) -> None:
        """The next batch is this one, in the middle of an epoch."""
        self._last = batch - 1

    def is_due(self, batch: int) -> bool:
        """Whether to act now, after this batch; to be asked once for each."""
        if self.batches is None:
            return False
        self._seen += batch + 1 if batch <= self._last else batch - self._last
        self._last = batch
        if self._seen < self.batches:
            return False
        self._seen = 0
        return True
