"""Pooling over one, two and three axes: the largest or the mean of each window, or of all places."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar, Final

import numpy as np

from gatewise.arguments import KEYWORD_IN_KERAS2, Argument, data_format, flag, optional, padding, text
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.base.windows import Windows
from gatewise.engine.pooling import Kind, adaptive_pool, pool
from gatewise.layer import registered
from gatewise.layers.spatial import Spatial, optional_sizes, sizes


class Pooling(Spatial):
    """The base of pooling in windows: x (B, *N, I) to (B, *N', I).

    Args:
        pool_size: how many places a window has, on all axes or on each.
        strides: how far windows are apart; `pool_size` by default.
        padding: "valid" for whole windows only, or "same" for N / strides of them, rounded up.
        data_format: "channels_last", or "channels_first" for (B, I, *N).
        **kwargs: see `Layer`.
    """

    why_whole_sequence = "pools over time"
    kind: ClassVar[Kind]

    pool_size: Argument[Any, Any] = sizes(2)
    strides: Argument[Any, Any] = optional_sizes()
    padding: Argument[str, str] = padding("valid", "same")
    data_format: Argument[Any, str] = data_format()
    name: Argument[str | None, str] = Argument(
        default=None, parse=optional(text), kw_only=True, places={"keras3": "data_format"}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.strides is None:
            self.strides = self.pool_size

    @property
    def windows(self) -> Windows:
        """The windows that are pooled."""
        return Windows(self.pool_size, self.strides, self.padding, (1,) * self.rank)

    def call(self, inputs: Array) -> Array:
        """Pool each window."""
        x = self._with_channels_last(inputs)
        self.windows.places(self.label, x.shape[1:-1])  # Refuses what no window fits.
        return self._as_declared(pool(self.kind, x, self.pool_size, self.strides, self.windows.ends(x.shape[1:-1])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, *N', I)."""
        axes = self.windows.places(self.label, self._axes_of(input_shape))
        return self._shape_with(input_shape, axes, input_shape[self._channels])


class MaxPooling(Pooling):
    """The largest of each window."""

    kind = "max"


class AveragePooling(Pooling):
    """The mean of each window; with padding "same" a window over an end counts only what is really there."""

    kind = "average"


@registered.register("MaxPooling1D", "MaxPool1D")
class MaxPooling1D(MaxPooling, rank=1):
    """The largest of each window over time, for each feature; see `Pooling` for the arguments.

    >>> import numpy as np
    >>> MaxPooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
    [[[3.0], [2.0]]]
    """


@registered.register("MaxPooling2D", "MaxPool2D")
class MaxPooling2D(MaxPooling, rank=2):
    """The largest of each window over two axes, for each feature; see `Pooling` for the arguments.

    >>> import numpy as np
    >>> MaxPooling2D((2, 1))(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()
    [[[[2.0], [3.0]]]]
    """


@registered.register("MaxPooling3D", "MaxPool3D")
class MaxPooling3D(MaxPooling, rank=3):
    """The largest of each window over three axes, for each feature; see `Pooling` for the arguments.

    >>> import numpy as np
    >>> MaxPooling3D()(np.arange(8.0).reshape(1, 2, 2, 2, 1)).tolist()
    [[[[[7.0]]]]]
    """


@registered.register("AveragePooling1D", "AvgPool1D")
class AveragePooling1D(AveragePooling, rank=1):
    """The mean of each window over time, for each feature; see `Pooling` for the arguments.

    With padding "same" a window over an end counts only its real steps.

    >>> import numpy as np
    >>> AveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
    [[[2.0], [1.0]]]
    """


@registered.register("AveragePooling2D", "AvgPool2D")
class AveragePooling2D(AveragePooling, rank=2):
    """The mean of each window over two axes, for each feature; see `Pooling` for the arguments.

    >>> import numpy as np
    >>> AveragePooling2D(2)(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()
    [[[[1.5]]]]
    """


@registered.register("AveragePooling3D", "AvgPool3D")
class AveragePooling3D(AveragePooling, rank=3):
    """The mean of each window over three axes, for each feature; see `Pooling` for the arguments.

    >>> import numpy as np
    >>> AveragePooling3D(2)(np.arange(8.0).reshape(1, 2, 2, 2, 1)).tolist()
    [[[[[3.5]]]]]
    """


# --- Over all places ---------------------------------------------------------------------------------------------

_WHOLE: Final = "pools over the whole of time"


class GlobalPooling(Spatial):
    """The base of pooling over all places: x (B, *N, I) to (B, I).

    Args:
        data_format: "channels_last", or "channels_first" for (B, I, *N).
        keepdims: keep the axes, each with size 1.
        **kwargs: see `Layer`.
    """

    data_format: Argument[Any, str] = data_format()
    keepdims: Argument[bool, bool] = flag(False, places={"tf1": None})

    @property
    def _pooled(self) -> tuple[int, ...]:
        """The axes that are pooled over."""
        first = 2 if self._channels == 1 else 1
        return tuple(range(first, first + self.rank))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, I), or with `keepdims` (B, 1, ..., I)."""
        kept = (1,) * self.rank if self.keepdims else ()
        return self._shape_with(input_shape, kept, input_shape[self._channels])


class GlobalMaxPooling(GlobalPooling):
    """The largest of all places. Masks are not looked at, as in Keras."""

    why_whole_sequence = _WHOLE

    def call(self, inputs: Array) -> Array:
        """The maximum over the axes; of nothing, minus infinity."""
        xp = namespace(inputs)
        if 0 in self._axes_of(inputs.shape):
            return xp.full(self.compute_output_shape(inputs.shape), -np.inf, dtype=inputs.dtype)
        return xp.max(inputs, axis=self._pooled, keepdims=self.keepdims)


class GlobalAveragePooling(GlobalPooling):
    """The mean of all places."""

    why_whole_sequence = _WHOLE

    def call(self, inputs: Array) -> Array:
        """The mean over the axes."""
        xp = namespace(inputs)
        with np.errstate(invalid="ignore", divide="ignore"):  # 0 / 0 is NaN, as in Keras, and says so itself.
            counted = prod(inputs.shape[axis] for axis in self._pooled)
            return _mean(xp, xp.sum(inputs, axis=self._pooled, keepdims=self.keepdims), counted)


def _mean(xp: Any, total: Array, count: Any) -> Array:
    return total / xp.asarray(count, dtype=total.dtype)


@registered.register("GlobalMaxPooling1D", "GlobalMaxPool1D")
class GlobalMaxPooling1D(GlobalMaxPooling, rank=1):
    """The largest over time, for each feature; see `GlobalPooling`. Masks are not looked at, as in Keras.

    >>> import numpy as np
    >>> GlobalMaxPooling1D()(np.array([[[1.0], [3.0], [2.0]]])).tolist()
    [[3.0]]
    """


@registered.register("GlobalMaxPooling2D", "GlobalMaxPool2D")
class GlobalMaxPooling2D(GlobalMaxPooling, rank=2):
    """The largest over two axes, for each feature; see `GlobalPooling`.

    >>> import numpy as np
    >>> GlobalMaxPooling2D(keepdims=True)(np.zeros((2, 5, 6, 4))).shape
    (2, 1, 1, 4)
    """


@registered.register("GlobalMaxPooling3D", "GlobalMaxPool3D")
class GlobalMaxPooling3D(GlobalMaxPooling, rank=3):
    """The largest over three axes, for each feature; see `GlobalPooling`.

    >>> import numpy as np
    >>> GlobalMaxPooling3D()(np.zeros((2, 5, 6, 7, 4))).shape
    (2, 4)
    """


@registered.register("GlobalAveragePooling1D", "GlobalAvgPool1D")
class GlobalAveragePooling1D(GlobalAveragePooling, rank=1):
    """The mean over time, for each feature; see `GlobalPooling` for the arguments.

    Call arguments:
        mask: (B, T), True where a step counts: only those are averaged. A sequence of which none counts gives NaN.

    >>> import numpy as np
    >>> x = np.array([[[1.0], [3.0], [8.0]]])
    >>> GlobalAveragePooling1D()(x, mask=np.array([[True, True, False]])).tolist()
    [[2.0]]
    """

    keepdims: Argument[bool, bool] = flag(False, places=KEYWORD_IN_KERAS2)

    supports_masking = True
    why_whole_sequence = _WHOLE

    def call(self, inputs: Array, mask: Any = None) -> Array:
        """The mean over the steps that count."""
        if mask is None:
            return super().call(inputs)
        xp = namespace(inputs, mask)
        counts = xp.expand_dims(xp.asarray(mask), axis=self._channels)
        total = xp.sum(xp.where(counts, inputs, xp.zeros_like(inputs)), axis=self._pooled, keepdims=self.keepdims)
        with np.errstate(invalid="ignore", divide="ignore"):
            counted = xp.sum(xp.astype(counts, inputs.dtype), axis=self._pooled, keepdims=self.keepdims)
            return _mean(xp, total, counted)

    def compute_mask(self, inputs: Array, mask: Any = None) -> None:
        """None: the time axis is gone."""
        return


@registered.register("GlobalAveragePooling2D", "GlobalAvgPool2D")
class GlobalAveragePooling2D(GlobalAveragePooling, rank=2):
    """The mean over two axes, for each feature; see `GlobalPooling`.

    >>> import numpy as np
    >>> GlobalAveragePooling2D()(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()
    [[1.5]]
    """


@registered.register("GlobalAveragePooling3D", "GlobalAvgPool3D")
class GlobalAveragePooling3D(GlobalAveragePooling, rank=3):
    """The mean over three axes, for each feature; see `GlobalPooling`.

    >>> import numpy as np
    >>> GlobalAveragePooling3D()(np.arange(8.0).reshape(1, 2, 2, 2, 1)).tolist()
    [[3.5]]
    """


# --- Over as many windows as are asked for ------------------------------------------------------------------------


class AdaptivePooling(Spatial):
    """The base of pooling in a given number of windows, as even as can be: x (B, *N, I) to (B, *output_size, I).

    The window at i of n goes from i N / n, rounded down, to (i + 1) N / n, rounded up: neighbours may overlap.

    Args:
        output_size: how many windows there are, on all axes or on each.
        data_format: "channels_last", or "channels_first" for (B, I, *N).
        **kwargs: see `Layer`.
    """

    why_whole_sequence = _WHOLE
    kind: ClassVar[Kind]

    output_size: Argument[Any, Any] = sizes()
    data_format: Argument[Any, str] = data_format()

    def call(self, inputs: Array) -> Array:
        """Pool each window."""
        x = self._with_channels_last(inputs)
        if 0 in x.shape[1:-1]:
            raise ValueError(f"{self.label}: an input of shape {tuple(inputs.shape)} has nothing to pool.")
        return self._as_declared(adaptive_pool(self.kind, x, self.output_size))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, *output_size, I)."""
        return self._shape_with(input_shape, self.output_size, input_shape[self._channels])


class AdaptiveMaxPooling(AdaptivePooling):
    """The largest of each window."""

    kind = "max"


class AdaptiveAveragePooling(AdaptivePooling):
    """The mean of each window."""

    kind = "average"


@registered.register("AdaptiveMaxPooling1D")
class AdaptiveMaxPooling1D(AdaptiveMaxPooling, rank=1):
    """The largest of each of `output_size` windows over time; see `AdaptivePooling`.

    >>> import numpy as np
    >>> AdaptiveMaxPooling1D(2)(np.arange(5.0).reshape(1, 5, 1)).tolist()
    [[[2.0], [4.0]]]
    """


@registered.register("AdaptiveMaxPooling2D")
class AdaptiveMaxPooling2D(AdaptiveMaxPooling, rank=2):
    """The largest of each of `output_size` windows over two axes; see `AdaptivePooling`.

    >>> import numpy as np
    >>> AdaptiveMaxPooling2D((2, 3))(np.zeros((1, 5, 7, 4))).shape
    (1, 2, 3, 4)
    """


@registered.register("AdaptiveMaxPooling3D")
class AdaptiveMaxPooling3D(AdaptiveMaxPooling, rank=3):
    """The largest of each of `output_size` windows over three axes; see `AdaptivePooling`.

    >>> import numpy as np
    >>> AdaptiveMaxPooling3D(2)(np.zeros((1, 5, 7, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """


@registered.register("AdaptiveAveragePooling1D")
class AdaptiveAveragePooling1D(AdaptiveAveragePooling, rank=1):
    """The mean of each of `output_size` windows over time; see `AdaptivePooling`.

    >>> import numpy as np
    >>> AdaptiveAveragePooling1D(2)(np.arange(5.0).reshape(1, 5, 1)).tolist()
    [[[1.0], [3.0]]]
    """


@registered.register("AdaptiveAveragePooling2D")
class AdaptiveAveragePooling2D(AdaptiveAveragePooling, rank=2):
    """The mean of each of `output_size` windows over two axes; see `AdaptivePooling`.

    >>> import numpy as np
    >>> AdaptiveAveragePooling2D((2, 3))(np.zeros((1, 5, 7, 4))).shape
    (1, 2, 3, 4)
    """


@registered.register("AdaptiveAveragePooling3D")
class AdaptiveAveragePooling3D(AdaptiveAveragePooling, rank=3):
    """The mean of each of `output_size` windows over three axes; see `AdaptivePooling`.

    >>> import numpy as np
    >>> AdaptiveAveragePooling3D(2)(np.zeros((1, 5, 7, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """
