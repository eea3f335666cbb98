"""Layers that give more places than they take, over one, two and three axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise.arguments import Argument, data_format, one_of, positive
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.layer import registered
from gatewise.layers.spatial import Spatial, sizes

# --- Between places ----------------------------------------------------------------------------------------------


def _triangle(d: Any) -> Any:
    return 1.0 - d


def _keys(d: Any) -> Any:
    near, far = (1.5 * d - 2.5) * d * d + 1.0, ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0
    return np.where(d < 1.0, near, far)


def _mitchell(d: Any) -> Any:
    near = ((7.0 * d - 12.0) * d * d + 16.0 / 3.0) / 6.0
    far = (((-7.0 / 3.0 * d + 12.0) * d - 20.0) * d + 32.0 / 3.0) / 6.0
    return np.where(d < 1.0, near, far)


def _lanczos(radius: float) -> Callable[[Any], Any]:
    return lambda d: np.sinc(d) * np.sinc(d / radius)


def _gaussian(d: Any) -> Any:
    return np.exp(-2.0 * d * d)


_KERNELS: Final[dict[str, tuple[float, Callable[[Any], Any]]]] = {
    "bilinear": (1.0, _triangle),
    "bicubic": (2.0, _keys),
    "mitchellcubic": (2.0, _mitchell),
    "lanczos3": (3.0, _lanczos(3.0)),
    "lanczos5": (5.0, _lanczos(5.0)),
    "gaussian": (1.5, _gaussian),
}
"""How far each kernel reaches, and its weight at a distance. Sources: R. Keys (1981), doi:10.1109/TASSP.1981.1163711,
with a = -1/2; D. Mitchell and A. Netravali (1988), doi:10.1145/54852.378514, with B = C = 1/3; C. Duchon (1979)."""

_WHOLE: Final = ("nearest", "area")
"""What repeats each place where the factor is whole."""


def between(kind: str, steps: int, factor: int) -> np.ndarray:
    """The weights (factor N, N) of N places in each of those between them; each row sums to 1.

    >>> between("bilinear", 2, 2).tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    reach, kernel = _KERNELS[kind]
    at = (np.arange(steps * factor) + 0.5) / factor - 0.5
    if kind == "bicubic":  # TensorFlow, on which models were trained, looks these weights up in a table.
        at = np.floor(at) + np.rint(1024 * (at - np.floor(at))) / 1024
    distance = np.abs(at[:, None] - np.arange(steps))
    weights = np.where(distance < reach, kernel(np.minimum(distance, reach)), 0.0)
    found: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return found


# --- The layers --------------------------------------------------------------------------------------------------


class UpSampling(Spatial):
    """The base: each place of x (B, *N, I) is repeated."""

    casts_integers = False
    keeps_dtype = True
    why_whole_sequence = "gives more steps than it takes"

    size: Argument[Any, Any] = sizes(2)

    @property
    def _factors(self) -> tuple[int, ...]:
        return self.size if isinstance(self.size, tuple) else (self.size,)

    def call(self, inputs: Array) -> Array:
        """Each place as often as `size` says."""
        xp, first = namespace(inputs), 2 if self._channels == 1 else 1
        for axis, factor in enumerate(self._factors, first):
            inputs = self._longer(xp, inputs, axis, factor)
        return inputs

    def _longer(self, xp: Any, x: Array, axis: int, factor: int) -> Array:
        return xp.repeat(x, factor, axis=axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, *size N, I)."""
        axes = zip(self._axes_of(input_shape), self._factors, strict=True)
        made = tuple(None if n is None else n * factor for n, factor in axes)
        return self._shape_with(input_shape, made, input_shape[self._channels])


@registered.register("UpSampling1D")
class UpSampling1D(UpSampling, rank=1):
    """Repeats each step of (B, T, I).

    Args:
        size: how often.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> UpSampling1D(3)(np.zeros((2, 10, 4))).shape
    (2, 30, 4)
    """

    size: Argument[Any, int] = Argument(default=2, parse=positive)


@registered.register("UpSampling2D")
class UpSampling2D(UpSampling, rank=2):
    """Repeats each place of the two axes of (B, N, M, I), or puts new ones between them.

    Args:
        size: how often, on both axes or on each.
        data_format: "channels_last", or "channels_first" for (B, I, N, M).
        interpolation: "nearest" or "area", which repeat; "bilinear", "bicubic", "lanczos3", "lanczos5", "gaussian" or
            "mitchellcubic".
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> UpSampling2D((1, 2), interpolation="bilinear")(np.array([[[[0.0], [4.0]]]]))[0, 0, :, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    data_format: Argument[Any, str] = data_format()
    interpolation: Argument[str, str] = Argument(default="nearest", parse=one_of(*_WHOLE, *_KERNELS))

    def _longer(self, xp: Any, x: Array, axis: int, factor: int) -> Array:
        if self.interpolation in _WHOLE:
            return super()._longer(xp, x, axis, factor)
        weights = xp.asarray(between(self.interpolation, x.shape[axis], factor), dtype=x.dtype)
        return xp.moveaxis(xp.tensordot(x, weights, axes=((axis,), (1,))), -1, axis)


@registered.register("UpSampling3D")
class UpSampling3D(UpSampling, rank=3):
    """Repeats each place of the three axes of (B, N, M, L, I).

    Args:
        size: how often, on all axes or on each.
        data_format: "channels_last", or "channels_first" for (B, I, N, M, L).
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> UpSampling3D((1, 2, 3))(np.zeros((2, 5, 5, 5, 4))).shape
    (2, 5, 10, 15, 4)
    """

    data_format: Argument[Any, str] = data_format()
