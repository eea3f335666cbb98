"""Layers that scale numbers: by given factors, or to mean 0 and variance 1."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from gatewise.arguments import Argument, flag, integer
from gatewise.base.arrays import as_array, dtype_of, is_array, namespace
from gatewise.base.typing import Array, Config, Shape
from gatewise.config import config
from gatewise.layer import registered
from gatewise.layers.activation import MaskedInKeras3


def _numbers(value: Any) -> Any:
    """A number, or an array of some; also the forms in which Keras's configs hold arrays."""
    if isinstance(value, dict):  # {"class_name": "__numpy__", "config": {"value": ...}} and {"type": ..., "value": ...}
        value = value.get("value", value.get("config", {}).get("value", value))
    found = np.asarray(value)
    if found.dtype.kind not in "iuf":
        raise TypeError(f"expected a number or an array of numbers, got {value!r}.")
    return found.item() if found.ndim == 0 else found


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def numbers(**options: Any) -> Argument[Any, Any]:
    """A number, or an array of numbers."""
    return Argument(parse=_numbers, serialize=_plain, **options)


@registered.register("Rescaling")
class Rescaling(MaskedInKeras3):
    """y = scale x + offset. In TensorFlow 2 a mask ends here.

    Args:
        scale: a number, or an array that is stretched over the input: (I,) for one a feature.
        offset: the same.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> Rescaling(1 / 255, offset=-0.5)(np.array([[0, 255]])).tolist()
    [[-0.5, 0.5]]
    """

    scale: Argument[Any, Any] = numbers()
    offset: Argument[Any, Any] = numbers(default=0.0)

    def call(self, inputs: Array) -> Array:
        """The input times scale, plus offset."""
        xp, kind = namespace(inputs), dtype_of(inputs, self.dtype)
        y = inputs * xp.asarray(self.scale, dtype=kind) + xp.asarray(self.offset, dtype=kind)
        if y.shape != inputs.shape:
            raise ValueError(
                f"{self.label}: scale and offset must stretch to the input's shape {tuple(inputs.shape)}, but have "
                f"the shapes {np.shape(self.scale)} and {np.shape(self.offset)}."
            )
        return y


def _axes(value: Any) -> Any:
    if value is None:
        return None
    return [integer(axis) for axis in value] if isinstance(value, (list, tuple)) else integer(value)


def _parameters(value: Any) -> Any:
    return None if value is None or value == "None" else _numbers(value)


@registered.register("Normalization")
class Normalization(MaskedInKeras3):
    """y = (x - mean) / sqrt(variance), with a mean and a variance that are given, or learned by `adapt`.

    Args:
        axis: the axis, or the axes, along which each place has a mean and a variance of its own; None for one of each.
        mean, variance: numbers or arrays over these axes, both or neither. Learned ones are weights: files hold them.
        invert: whether the layer does the opposite: y = x sqrt(variance) + mean.
        **kwargs: see `Layer`.

    The square root counts as 1e-7 at least (`gatewise.config.epsilon`). Without `adapt` the mean is 0 and the
    variance 1.

    Raises:
        ValueError: an axis that the input lacks or whose size is not known, or data of another shape.

    >>> import numpy as np
    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0, 10.0], [2.0, 30.0]]))
    >>> layer(np.array([[1.0, 40.0]])).tolist()
    [[0.0, 2.0]]
    """

    axis: Argument[Any, Any] = Argument(default=-1, parse=_axes)
    mean: Argument[Any, Any] = Argument(default=None, parse=_parameters, serialize=_plain)
    variance: Argument[Any, Any] = Argument(default=None, parse=_parameters, serialize=_plain)
    invert: Argument[bool, bool] = flag(False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (self.mean is None) != (self.variance is None) or np.shape(self.mean) != np.shape(self.variance):
            raise ValueError(
                f"{self.label}: expected both mean and variance, of one shape, or neither, got "
                f"{self.mean!r} and {self.variance!r}."
            )
        if np.ndim(self.mean) > len(self._axes):
            raise ValueError(
                f"{self.label}: mean and variance may have {len(self._axes)} axes at most, as many as axis={self.axis} "
                f"names, but their shape is {np.shape(self.mean)}."
            )

    @property
    def _axes(self) -> list[int]:
        if self.axis is None:
            return []
        return self.axis if isinstance(self.axis, list) else [self.axis]

    def build(self, input_shape: Shape) -> None:
        """Make mean, variance and count, unless they were given."""
        rank = len(input_shape)
        if wrong := [axis for axis in self._axes if not -rank <= axis < rank]:
            raise ValueError(f"{self.label}: the input has no axis {wrong[0]}: its shape is {tuple(input_shape)}.")
        self._kept = sorted({axis % rank for axis in self._axes})
        if any(input_shape[axis] is None for axis in self._kept):
            raise ValueError(
                f"{self.label}: the sizes on the axes {self.axis} must be known, but the shape is {tuple(input_shape)}."
            )
        self._wide = tuple(size if axis in self._kept else 1 for axis, size in enumerate(input_shape))
        if self.mean is None:
            sizes = [input_shape[axis] for axis in self._kept]
            kind = "int32" if self._release == "keras3" else "int64"
            self.adapt_mean = self.add_weight(name="mean", shape=sizes, initializer="zeros", trainable=False)
            self.adapt_variance = self.add_weight(name="variance", shape=sizes, initializer="ones", trainable=False)
            self.count = self.add_weight(name="count", shape=(), dtype=kind, initializer="zeros", trainable=False)

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the mean and the variance of the data.

        Args:
            data: an array, or what gives batches of them, such as a `Dataset`; of pairs, the first counts.
            batch_size: accepted.
            steps: so many batches.

        Raises:
            ValueError: no data, data of another shape than the layer was built for, or a layer that was given a mean.
        """
        if self.mean is not None:
            raise ValueError(f"{self.label} was given its mean and variance: leave them out to learn them.")
        mean, variance, count = np.float64(0.0), np.float64(0.0), 0
        for batch in self._batches(data, steps):
            if not self.built:
                self.build(batch.shape)
            self._check_fits(batch.shape)
            others = tuple(axis for axis in range(batch.ndim) if axis not in self._kept)
            new, spread = batch.mean(axis=others), batch.var(axis=others)
            size = math.prod(batch.shape[axis] for axis in others)
            share = size / (count + size)
            merged = mean * (1 - share) + new * share
            variance = (variance + (mean - merged) ** 2) * (1 - share) + (spread + (new - merged) ** 2) * share
            mean, count = merged, count + size
        if not count:
            raise ValueError(f"{self.label}: there are no numbers to learn from.")
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)
        if self._release != "keras3":
            self.count.assign(count)

    def _batches(self, data: Any, steps: int | None) -> Iterator[np.ndarray]:
        """The batches in float64; an array is one."""
        listed = isinstance(data, (list, tuple)) and all(np.ndim(part) == 0 for part in data)
        if is_array(data) or listed:
            yield np.asarray(as_array(data, f"The data for {self.label}"), "float64")
            return
        for each in islice(iter(data), steps):
            part = each[0] if isinstance(each, (tuple, list)) else each
            batch = np.asarray(as_array(part, f"The data for {self.label}"), "float64")
            yield batch[None] if batch.ndim == 1 else batch

    def _check_fits(self, shape: Shape) -> None:
        if len(shape) != len(self._wide) or any(shape[axis] != self._wide[axis] for axis in self._kept):
            raise ValueError(
                f"{self.label}: the data must have the sizes {self._wide} on the axes {self.axis}, with any where that "
                f"says 1, but its shape is {tuple(shape)}."
            )

    def call(self, inputs: Array) -> Array:
        """The input, normalised."""
        mean, variance = self._stretched(inputs)
        xp = namespace(inputs, mean)
        deviation = xp.maximum(xp.sqrt(variance), xp.asarray(config.epsilon, dtype=variance.dtype))
        return inputs * deviation + mean if self.invert else (inputs - mean) / deviation

    def _stretched(self, inputs: Array) -> tuple[Array, Array]:
        """The mean and the variance in shapes that stretch to the input's."""
        if self.mean is None:
            mean, variance = self.adapt_mean.value, self.adapt_variance.value
            xp = namespace(inputs, mean)
            return xp.reshape(mean, self._wide), xp.reshape(variance, self._wide)
        xp, kind = namespace(inputs), dtype_of(inputs, self.dtype)
        sizes = [1] * len(self._wide)
        for axis, size in zip(reversed(self._kept), reversed(np.shape(self.mean)), strict=False):
            sizes[axis] = size
        if any(size not in (1, wide) for size, wide in zip(sizes, self._wide, strict=True)):
            raise ValueError(
                f"{self.label}: mean and variance have the shape {np.shape(self.mean)}, but the input has the sizes "
                f"{[self._wide[axis] for axis in self._kept]} on the axes {self.axis}."
            )
        return tuple(xp.reshape(xp.asarray(each, dtype=kind), sizes) for each in (self.mean, self.variance))

    def get_config(self) -> Config:
        """The arguments, with the axes as Keras 3 writes them."""
        return super().get_config() | {"axis": self._axes}

    @classmethod
    def from_config(cls, config: Config) -> Normalization:
        """The layer; Keras writes no axes as an empty list."""
        return super().from_config({**config, "axis": config.get("axis", -1) or None})
