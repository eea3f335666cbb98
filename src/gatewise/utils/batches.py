"""The base of classes that give batches by number."""

from __future__ import annotations

from typing import Any


class PyDataset:
    """Batches by number, for `fit`, `evaluate` and `predict`: a subclass has `__len__` and `__getitem__`.

    Args:
        workers, use_multiprocessing, max_queue_size: accepted; batches are made one after the other, when needed.

    Keras 1 and 2 call it `Sequence`.

    >>> class Ones(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         return [[1.0], [1.0]], [1.0, 1.0]
    >>> Ones().num_batches
    2
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs `__getitem__(self, index)`, which returns a batch.")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} needs `__len__(self)`, the number of batches.")

    @property
    def num_batches(self) -> int | None:
        """The number of batches; None where there is no end."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """Called when an epoch begins."""

    def on_epoch_end(self) -> None:
        """Called when an epoch has ended: to shuffle, for example."""
