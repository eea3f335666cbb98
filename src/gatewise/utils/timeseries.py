"""Windows over series, as datasets and as `Sequence`s of batches."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from gatewise.base.typing import Config
from gatewise.data import Dataset
from gatewise.data.stages import Rows
from gatewise.utils.batches import PyDataset


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Windows over a series: what a recurrent network is trained on to look ahead.

    Args:
        data: the series (N, ...).
        targets: (N, ...), where that of the window which begins at step n stands at n; None for windows alone.
        sequence_length: T, steps in a window.
        sequence_stride: how far the next window begins.
        sampling_rate: how far the steps of a window lie apart.
        batch_size: B, windows in a batch; None for windows one by one.
        shuffle: whether the windows come in another order in each iteration. All of them are mixed, where Keras mixes
            their starts once and then a few batches at a time; the numbers drawn are not Keras's.
        seed: of the orders.
        start_index, end_index: the part of the series to use; None for its ends.
        format: "tf", a `Dataset`; there is no other.

    Returns:
        A `Dataset` of (B, T, ...), or with targets of ((B, T, ...), (B, ...)).

    Raises:
        ValueError: a number that does not fit the series.

    >>> for x, y in timeseries_dataset_from_array(np.arange(6), np.arange(2, 6), sequence_length=2, batch_size=2):
    ...     print(x.tolist(), y.tolist())
    [[0, 1], [1, 2]] [2, 3]
    [[2, 3], [3, 4]] [4, 5]
    """
    series = np.asarray(data)
    _check_range(len(series), start_index, end_index)
    _check(len(series), sampling_rate=sampling_rate, sequence_stride=sequence_stride)
    if format != "tf":
        raise ValueError(f"timeseries_dataset_from_array: format must be 'tf', got {format!r}.")
    first, stop = start_index or 0, end_index or len(series)
    count = stop - first - (sequence_length - 1) * sampling_rate
    if targets is not None:
        targets = np.asarray(targets)
        count = min(count, len(targets))
    if count < 1:
        raise ValueError(
            f"timeseries_dataset_from_array: a window spans {(sequence_length - 1) * sampling_rate + 1} steps, but "
            f"there are {stop - first}{'' if targets is None else f' and {len(targets)} targets'}."
        )
    starts = np.arange(0, count, sequence_stride)
    # Windows are views of the series: only a batch of them is ever copied.
    windows = np.lib.stride_tricks.sliding_window_view(series[first:stop], (sequence_length - 1) * sampling_rate + 1, 0)
    table: Any = np.moveaxis(windows, -1, 1)[:, ::sampling_rate]
    if targets is not None:
        table = (table[:count], targets[first:stop][:count])
        starts = starts[starts < len(table[1])]
    made = Dataset(Rows(table, starts.tolist()))
    if shuffle:
        made = made.shuffle(len(starts), seed)
    return made if batch_size is None else made.batch(batch_size)


def _check(length: int, **numbers: int) -> None:
    for name, number in numbers.items():
        if not 0 < number < length:
            raise ValueError(
                f"timeseries_dataset_from_array: {name} must be at least 1 and less than the {length} steps of the "
                f"series, got {number}."
            )


def _check_range(length: int, start: int | None, end: int | None) -> None:
    if start and not 0 <= start < length:
        raise ValueError(f"timeseries_dataset_from_array: start_index must be from 0 to {length - 1}, got {start}.")
    if end and not (start or 0) < end < length:
        raise ValueError(
            f"timeseries_dataset_from_array: end_index must be from {(start or 0) + 1} to {length - 1}, got {end}."
        )


class TimeseriesGenerator(PyDataset):
    """Batches of windows over a series, by number; `fit` takes it.

    A window is the `length` steps before a row, and its target is that row's.

    Args:
        data: the series (N, ...), an array or a list.
        targets: (N, ...).
        length: steps that a window spans.
        sampling_rate: how far its steps lie apart.
        stride: how far the next window begins.
        start_index, end_index: the part of the series to use; `end_index` is still used.
        shuffle: whether rows are drawn by chance, by NumPy's global generator, as Keras draws them.
        reverse: whether the steps come in reversed order.
        batch_size: B.
        kwargs: `PyDataset`'s.

    Raises:
        ValueError: data and targets of other lengths, or no room for a window.

    Source: Keras's class of this name.

    >>> batches = TimeseriesGenerator(np.arange(5), np.arange(5), length=2, batch_size=2)
    >>> len(batches), [part.tolist() for part in batches[0]]
    (2, [[[0, 1], [1, 2]], [2, 3]])
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(data) != len(targets):
            raise ValueError(f"TimeseriesGenerator: there are {len(data)} steps of data, but {len(targets)} targets.")
        self.data, self.targets = data, targets
        self.length, self.sampling_rate, self.stride = length, sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"TimeseriesGenerator: no window fits: the first target would be row {self.start_index} (start_index + "
                f"length), and the last one is row {self.end_index} (end_index)."
            )

    def __len__(self) -> int:
        rows = self.batch_size * self.stride
        return (self.end_index - self.start_index + rows) // rows

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            span = self.batch_size * self.stride
            first = self.start_index + span * index
            rows = np.arange(first, min(first + span, self.end_index + 1), self.stride)
        windows = np.array([self.data[row - self.length : row : self.sampling_rate] for row in rows])
        return windows[:, ::-1] if self.reverse else windows, np.array([self.targets[row] for row in rows])

    def get_config(self) -> Config:
        """The arguments, the series as JSON, and `start_index` with `length` added, all as Keras has them."""
        numbers = ("length", "sampling_rate", "stride", "start_index", "end_index", "shuffle", "reverse", "batch_size")
        series = {"data": _as_json(self.data, "data"), "targets": _as_json(self.targets, "targets")}
        return series | {name: getattr(self, name) for name in numbers}

    def to_json(self, **kwargs: Any) -> str:
        """The class and the config; `kwargs` are `json.dumps`'s."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def _as_json(series: Any, what: str) -> str:
    try:
        return json.dumps(series.tolist() if isinstance(series, np.ndarray) else series)
    except TypeError as error:
        raise TypeError(f"TimeseriesGenerator: {what} cannot be written as JSON: {error}") from None
