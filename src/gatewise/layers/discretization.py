"""The layer that turns numbers into the bins that they fall into."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from gatewise.arguments import Argument, integer, number, optional, real
from gatewise.base import release
from gatewise.base.arrays import as_array, is_array, namespace
from gatewise.base.typing import Array, Config, Shape
from gatewise.layer import Layer, registered
from gatewise.layers.category_encoding import encoded, encoded_shape, no_sparse, output_mode


def _boundaries(value: Any) -> list[float]:
    return [number(each) for each in value]


def _bins(value: Any) -> int:
    found = integer(value)
    if found < 0:
        raise ValueError(f"expected an integer of at least 0, got {value!r}.")
    return found


@registered.register("Discretization")
class Discretization(Layer):
    """Numbers as the bins that they fall into: with boundaries b, bin k holds b[k - 1] <= x < b[k].

    The boundaries are given, or learned by `adapt`. They are no weights: they stand in the config.

    Args:
        bin_boundaries: numbers that grow; K of them make K + 1 bins.
        num_bins: how many bins `adapt` makes, with the same number of values in each, in place of `bin_boundaries`.
        epsilon: how exact the quantiles of `adapt` are: they are taken from about 1 / epsilon values.
        output_mode: "int", or "one_hot", "multi_hot" or "count" as in `CategoryEncoding`.
        sparse: accepted as False.
        **kwargs: see `Layer`.

    Raises:
        ValueError: both `bin_boundaries` and `num_bins` or neither, or a call without boundaries.

    >>> import numpy as np
    >>> Discretization([0.0, 1.0])(np.array([[-0.5, 0.0, 3.0]])).tolist()
    [[0, 1, 2]]
    >>> layer = Discretization(num_bins=2)
    >>> layer.adapt(np.array([1.0, 2.0, 3.0, 4.0]))
    >>> layer.bin_boundaries
    [2.0]
    """

    bin_boundaries: Argument[Any, list[float] | None] = Argument(default=None, parse=optional(_boundaries))
    num_bins: Argument[Any, int | None] = Argument(default=None, parse=optional(_bins))
    epsilon: Argument[Any, float] = real(0.01)
    output_mode: Argument[str, str] = output_mode("int", "int", "one_hot", "multi_hot", "count")
    sparse: Argument[bool, bool] = no_sparse()

    moves_axes = True
    casts_integers = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._release = release.current()
        if (self.num_bins is None) == (self.bin_boundaries is None):
            which = "neither came" if self.num_bins is None else "both came"
            raise ValueError(f"{self.label}: expected either bin_boundaries or num_bins, but {which}.")

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the boundaries: quantiles of the data.

        Args:
            data: numbers, or what gives batches of them, such as a `Dataset`.
            batch_size: of an array's parts in TensorFlow 2's meaning, 32 by default; Keras 3 takes it whole.
            steps: so many batches.

        Raises:
            ValueError: for a layer that was given its boundaries, or without data.
        """
        if self.num_bins is None:
            raise ValueError(f"{self.label} was given bin_boundaries: to learn them, give num_bins instead.")
        summary = np.zeros((2, 0), "float32")
        for batch in self._batches(data, batch_size) if is_array(data) else islice(iter(data), steps):
            values = np.asarray(as_array(batch, f"The data for {self.label}"), "float32")
            summary = _merged(_summary(values, self.epsilon, self._release == "keras3"), summary, self.epsilon)
        if not summary.shape[1]:
            raise ValueError(f"{self.label}: there are no numbers to learn boundaries from.")
        self.bin_boundaries = _quantiles(summary, self.num_bins).tolist()

    def _batches(self, data: Any, batch_size: int | None) -> list[Any]:
        """An array as one batch; TensorFlow 2 cut it up, which its quantiles tell."""
        size = len(data) if self._release == "keras3" else batch_size or 32
        return [data[start : start + size] for start in range(0, len(data), max(size, 1))]

    def call(self, inputs: Array) -> Array:
        """The bins."""
        if self.bin_boundaries is None:
            raise ValueError(f"{self.label} has no boundaries: call adapt(data) first, or give bin_boundaries.")
        xp = namespace(inputs)
        bins = xp.searchsorted(xp.asarray(self.bin_boundaries, dtype=inputs.dtype), inputs, side="right")
        return encoded(bins, self.output_mode, len(self.bin_boundaries) + 1, self._output_dtype(inputs))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """That of the input, or of rows as in `CategoryEncoding`."""
        width = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        return encoded_shape(tuple(input_shape), self.output_mode, width)

    def _output_dtype(self, inputs: Any) -> str:
        if self.output_mode == "int":
            return "int32" if self._release == "keras3" else "int64"
        return self.compute_dtype

    def get_config(self) -> Config:
        """The arguments, without `trainable`: Keras 3 refuses it here, and there are no weights."""
        config = super().get_config()
        config.pop("trainable")
        return config

    @classmethod
    def from_config(cls, config: Config) -> Discretization:
        """The layer; one that has learned its boundaries keeps `num_bins` beside them."""
        learned = config.get("num_bins") is not None and config.get("bin_boundaries") is not None
        made = super().from_config({**config, "bin_boundaries": None} if learned else config)
        if learned:
            made.bin_boundaries = config["bin_boundaries"]
        return made


# A summary (2, n) stands for many values: n of them in order, with how many each stands for. Source: Keras's layer.


def _summary(values: np.ndarray, epsilon: float, keras3: bool) -> np.ndarray:
    ordered = np.sort(values.reshape(-1))
    share = ordered.size * epsilon
    start, step = (max(share, 1.0) - 1, max(share, 1.0)) if keras3 else (int(share), max(int(share), 1))
    kept = ordered[int(start) :: int(step)]
    return np.stack([kept, np.full_like(kept, step)])


def _merged(first: np.ndarray, second: np.ndarray, epsilon: float) -> np.ndarray:
    both = np.concatenate([first, second], axis=1)
    return _compressed(both[:, np.argsort(both[0], kind="stable")], epsilon)


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary of about 1 / epsilon values."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    cumulated = summary[1].cumsum()
    places = cumulated / cumulated[-1]
    values = np.interp(shares, places, summary[0])
    counts = np.interp(shares, places, cumulated)
    return np.stack([values, counts - np.concatenate([[0], counts[:-1]])]).astype("float32")


def _quantiles(summary: np.ndarray, bins: int) -> np.ndarray:
    return _compressed(summary, 1.0 / bins)[0, :-1]
