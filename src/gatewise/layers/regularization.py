"""Layers that act in training alone: dropout, noise, and penalties on activity."""

from __future__ import annotations

import math
from typing import Any

from gatewise import arguments, regularizers
from gatewise.arguments import KEYWORD_IN_KERAS2, Argument, data_format, optional, rate, real, seed, text
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Config
from gatewise.layer import Layer, registered
from gatewise.layers.activation import Elementwise
from gatewise.layers.spatial import Spatial
from gatewise.random import SeedGenerator


class Noise(Elementwise):
    """The base: passes the input on as it is, and in training through `_disturbed`."""

    _strength = "rate"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seeds = SeedGenerator(getattr(self, "seed", None))

    def call(self, inputs: Array, training: bool = False) -> Array:
        """The input, disturbed in training."""
        if not training or not getattr(self, self._strength):
            return inputs
        return self._disturbed(namespace(inputs), inputs)

    def _disturbed(self, xp: Any, x: Array) -> Array:
        raise TypeError(f"{type(self).__name__} must define `_disturbed(self, xp, x)`.")


@registered.register("Dropout")
class Dropout(Noise):
    """In training sets each number to 0 with probability `rate`, and divides the others by 1 - rate.

    Args:
        rate: between 0 and 1.
        noise_shape: the shape of the mask, with 1 on the axes that share it and None for the input's own size: with
            (None, 1, None) the same features drop at all time steps. By default each number is drawn for itself.
        seed: makes the masks repeatable.
        **kwargs: see `Layer`.

    Source: Srivastava et al., Dropout, JMLR 15 (2014).

    >>> import numpy as np
    >>> x = np.ones((1, 4))
    >>> Dropout(0.5)(x).tolist(), sorted(set(Dropout(0.5)(np.ones((9, 99)), training=True).ravel().tolist()))
    ([[1.0, 1.0, 1.0, 1.0]], [0.0, 2.0])
    """

    rate: Argument[Any, float] = rate()
    noise_shape: Argument[Any, Any] = Argument(default=None, parse=optional(arguments.shape))
    seed: Argument[Any, int | None] = seed()

    def _disturbed(self, xp: Any, x: Array) -> Array:
        if self.rate == 1.0:
            return xp.zeros_like(x)
        return x * self._seeds.keep(xp, self._mask_shape(x), self.rate, x.dtype)

    def _mask_shape(self, x: Array) -> tuple[int, ...]:
        if self.noise_shape is None:
            return tuple(x.shape)
        if len(self.noise_shape) != x.ndim or any(
            n not in (None, 1, size) for n, size in zip(self.noise_shape, x.shape, strict=True)
        ):
            raise ValueError(
                f"{self.label}: noise_shape={self.noise_shape} must have 1, None or the input's size on each axis, "
                f"but the input's shape is {tuple(x.shape)}."
            )
        return tuple(size if n is None else n for n, size in zip(self.noise_shape, x.shape, strict=True))


class SpatialDropout(Dropout, Spatial):
    """The base of dropout that drops whole features: one mask (B, 1, ..., I) for all places of x (B, *N, I)."""

    noise_shape: Argument[Any, Any] = Argument(default=None, kw_only=True, in_config=False)
    seed: Argument[Any, int | None] = seed(places=KEYWORD_IN_KERAS2)
    name: Argument[str | None, str] = Argument(
        default=None, parse=optional(text), kw_only=True, places={"keras3": "seed"}
    )
    dtype: Argument[Any, str] = Argument(
        default=None, parse=Layer._arguments["dtype"].parse, kw_only=True, places={"keras3": "name"}
    )

    casts_integers = Dropout.casts_integers

    def _mask_shape(self, x: Array) -> tuple[int, ...]:
        shape: Any = self._shape_with(x.shape, (1,) * self.rank, x.shape[self._channels])
        return tuple(shape)

    def get_config(self) -> Config:
        """The arguments, without `trainable`: Keras 3 refuses it here, and there are no weights."""
        config = super().get_config()
        config.pop("trainable")
        return config


@registered.register("SpatialDropout1D")
class SpatialDropout1D(SpatialDropout, rank=1):
    """Dropout that drops whole features: one mask (B, 1, I) for all time steps of x (B, T, I).

    Args:
        rate, seed, **kwargs: as for `Dropout`.

    Source: Tompson et al. (2015), https://arxiv.org/abs/1411.4280.

    >>> import numpy as np
    >>> y = SpatialDropout1D(0.5)(np.ones((3, 5, 4)), training=True)
    >>> bool((y == y[:, :1]).all())
    True
    """


@registered.register("SpatialDropout2D")
class SpatialDropout2D(SpatialDropout, rank=2):
    """Dropout that drops whole features: one mask (B, 1, 1, I) for all places of x (B, N, M, I).

    Args:
        data_format: "channels_last", or "channels_first" for (B, I, N, M).
        rate, seed, **kwargs: as for `Dropout`.

    >>> import numpy as np
    >>> y = SpatialDropout2D(0.5)(np.ones((3, 5, 6, 4)), training=True)
    >>> bool((y == y[:, :1, :1]).all())
    True
    """

    data_format: Argument[Any, str] = data_format(after="rate")


@registered.register("SpatialDropout3D")
class SpatialDropout3D(SpatialDropout, rank=3):
    """Dropout that drops whole features: one mask for all places of x (B, N, M, L, I); see `SpatialDropout2D`.

    >>> import numpy as np
    >>> y = SpatialDropout3D(0.5)(np.ones((3, 5, 6, 7, 4)), training=True)
    >>> bool((y == y[:, :1, :1, :1]).all())
    True
    """

    data_format: Argument[Any, str] = data_format(after="rate")


@registered.register("GaussianNoise")
class GaussianNoise(Noise):
    """In training adds normal numbers of mean 0 and standard deviation `stddev`.

    Args:
        stddev: not negative.
        seed: makes the noise repeatable.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> GaussianNoise(0.1)(np.ones((1, 2))).tolist()
    [[1.0, 1.0]]
    """

    stddev: Argument[Any, float] = real()
    seed: Argument[Any, int | None] = seed()

    _strength = "stddev"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.stddev < 0:
            raise ValueError(f"{self.label}: stddev: expected a number of at least 0, got {self.stddev}.")

    def _disturbed(self, xp: Any, x: Array) -> Array:
        return x + self.stddev * xp.astype(self._seeds.normal(xp, tuple(x.shape)), x.dtype)


@registered.register("GaussianDropout")
class GaussianDropout(Noise):
    """In training multiplies by normal numbers of mean 1 and variance rate / (1 - rate).

    Args:
        rate: from 0 to below 1.
        seed: makes the noise repeatable.
        **kwargs: see `Layer`.

    Source: Srivastava et al., Dropout, JMLR 15 (2014), section 10.

    >>> import numpy as np
    >>> GaussianDropout(0.1)(np.ones((1, 2))).tolist()
    [[1.0, 1.0]]
    """

    rate: Argument[Any, float] = rate()
    seed: Argument[Any, int | None] = seed()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.rate == 1.0:
            raise ValueError(
                f"{self.label}: rate: expected a number below 1, or the noise is infinite, got {self.rate}."
            )

    def _disturbed(self, xp: Any, x: Array) -> Array:
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        return x * (1.0 + stddev * xp.astype(self._seeds.normal(xp, tuple(x.shape)), x.dtype))


@registered.register("AlphaDropout")
class AlphaDropout(Dropout):
    """Dropout for SELU networks: dropped numbers become SELU's lower limit, and mean and variance are restored.

    Args:
        rate, noise_shape, seed, **kwargs: as for `Dropout`.

    Source: Klambauer et al., Self-Normalizing Neural Networks (2017), https://arxiv.org/abs/1706.02515.

    >>> import numpy as np
    >>> AlphaDropout(0.1)(np.ones((1, 2))).tolist()
    [[1.0, 1.0]]
    """

    def _disturbed(self, xp: Any, x: Array) -> Array:
        low = -1.6732632423543772 * 1.0507009873554805
        if self.rate == 1.0:
            return xp.full_like(x, low)
        kept = self._seeds.uniform(xp, self._mask_shape(x)) >= self.rate
        scale = ((1 - self.rate) * (1 + self.rate * low**2)) ** -0.5
        return scale * (xp.where(kept, x, xp.full_like(x, low)) - low * self.rate)


@registered.register("ActivityRegularization")
class ActivityRegularization(Elementwise):
    """Passes the input on, and adds a penalty on its size to the loss in training: l1 sum |x| + l2 sum x^2.

    Args:
        l1, l2: the factors.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> ActivityRegularization(l2=0.1)(np.ones((1, 2))).tolist()
    [[1.0, 1.0]]
    """

    l1: Argument[Any, float] = real(0.0)
    l2: Argument[Any, float] = real(0.0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.activity_regularizer = regularizers.L1L2(self.l1, self.l2)

    def call(self, inputs: Array) -> Array:
        """The input."""
        return inputs

    def get_config(self) -> Config:
        """The two factors say it all."""
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return config
