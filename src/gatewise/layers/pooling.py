"""Pooling over time: the largest or the mean of each window, or of all steps."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from gatewise.arguments import KEYWORD_IN_KERAS2, Argument, data_format, flag, one_step, optional, padding, text
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.layer import Layer, registered
from gatewise.layer.input_spec import InputSpec
from gatewise.layers import windows


class Pooling1D(Layer):
    """The base of pooling in windows: x (B, T, I) to (B, T', I).

    Args:
        pool_size: how many steps a window has.
        strides: how far windows are apart; `pool_size` by default.
        padding: "valid" for whole windows only, or "same" for T / strides of them, rounded up.
        data_format: "channels_last", or "channels_first" for (B, I, T).
        **kwargs: see `Layer`.
    """

    plain_call = True
    why_whole_sequence = "pools over time"

    pool_size: Argument[Any, int] = one_step(2)
    strides: Argument[Any, Any] = Argument(
        default=None, parse=optional(one_step().parse), serialize=lambda value: [value]
    )
    padding: Argument[str, str] = padding("valid", "same")
    data_format: Argument[Any, str] = data_format()
    name: Argument[str | None, str] = Argument(
        default=None, parse=optional(text), kw_only=True, places={"keras3": "data_format"}
    )

    casts_integers = True
    input_spec = InputSpec(ndim=3)
    has_time_axis = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.strides is None:
            self.strides = self.pool_size

    @property
    def _window(self) -> dict[str, Any]:
        return {"size": self.pool_size, "stride": self.strides, "padding": self.padding}

    def call(self, inputs: Array) -> Array:
        """Pool each window."""
        xp = namespace(inputs)
        first = self.data_format == "channels_first"
        y = self._pool(xp, xp.swapaxes(inputs, 1, 2) if first else inputs)
        return xp.swapaxes(y, 1, 2) if first else y

    def _pool(self, xp: Any, x: Array) -> Array:
        """The windows of x (B, T, I) pooled; each subclass says how."""
        raise TypeError(f"{type(self).__name__} must define `_pool(self, xp, x)`.")

    def _windows(self, xp: Any, x: Array, fill: float) -> list[Array]:
        """Step k of every window, for each k, with steps of `fill` where a window reaches over an end."""
        steps = x.shape[1]
        made = windows.places(self.label, steps, **self._window) or 0
        x = windows.padded(xp, x, *windows.ends(steps, **self._window), fill)
        return windows.steps_of(x, self.pool_size, self.strides, made)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, T', I)."""
        axis = 2 if self.data_format == "channels_first" else 1
        made = windows.places(self.label, input_shape[axis], **self._window)
        return (*input_shape[:axis], made, *input_shape[axis + 1 :])


@registered.register("MaxPooling1D", "MaxPool1D")
class MaxPooling1D(Pooling1D):
    """The largest of each window, for each feature; see `Pooling1D` for the arguments.

    >>> import numpy as np
    >>> MaxPooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
    [[[3.0], [2.0]]]
    """

    def _pool(self, xp: Any, x: Array) -> Array:
        return reduce(xp.maximum, self._windows(xp, x, -np.inf))


@registered.register("AveragePooling1D", "AvgPool1D")
class AveragePooling1D(Pooling1D):
    """The mean of each window, for each feature; see `Pooling1D` for the arguments.

    With padding "same" a window over an end counts only its real steps.

    >>> import numpy as np
    >>> AveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
    [[[2.0], [1.0]]]
    """

    def _pool(self, xp: Any, x: Array) -> Array:
        total = reduce(xp.add, self._windows(xp, x, 0.0))
        if self.padding == "valid":
            return total / self.pool_size
        real = reduce(np.add, self._windows(np, np.ones((1, x.shape[1], 1), self.dtype), 0.0))
        return total / xp.asarray(real)


class GlobalPooling1D(Layer):
    """The base of pooling over all steps: x (B, T, I) to (B, I).

    Args:
        data_format: "channels_last", or "channels_first" for (B, I, T).
        keepdims: keep the time axis, with size 1.
        **kwargs: see `Layer`.
    """

    plain_call = True

    data_format: Argument[Any, str] = data_format()
    keepdims: Argument[bool, bool] = flag(False, places={"tf1": None})

    casts_integers = True
    input_spec = InputSpec(ndim=3)
    has_time_axis = True

    @property
    def _time(self) -> int:
        return 2 if self.data_format == "channels_first" else 1

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, I), or with `keepdims` (B, 1, I)."""
        kept = (1,) if self.keepdims else ()
        return (*input_shape[: self._time], *kept, *input_shape[self._time + 1 :])


@registered.register("GlobalMaxPooling1D", "GlobalMaxPool1D")
class GlobalMaxPooling1D(GlobalPooling1D):
    """The largest over time, for each feature; see `GlobalPooling1D`. Masks are not looked at, as in Keras.

    >>> import numpy as np
    >>> GlobalMaxPooling1D()(np.array([[[1.0], [3.0], [2.0]]])).tolist()
    [[3.0]]
    """

    why_whole_sequence = "pools over the whole of time"

    def call(self, inputs: Array) -> Array:
        """The maximum over time; of no steps, minus infinity."""
        xp = namespace(inputs)
        if inputs.shape[self._time] == 0:
            return xp.full(self.compute_output_shape(inputs.shape), -np.inf, dtype=inputs.dtype)
        return xp.max(inputs, axis=self._time, keepdims=self.keepdims)


@registered.register("GlobalAveragePooling1D", "GlobalAvgPool1D")
class GlobalAveragePooling1D(GlobalPooling1D):
    """The mean over time, for each feature; see `GlobalPooling1D` for the arguments.

    Call arguments:
        mask: (B, T), True where a step counts: only those are averaged. A sequence of which none counts gives NaN.

    >>> import numpy as np
    >>> x = np.array([[[1.0], [3.0], [8.0]]])
    >>> GlobalAveragePooling1D()(x, mask=np.array([[True, True, False]])).tolist()
    [[2.0]]
    """

    keepdims: Argument[bool, bool] = flag(False, places=KEYWORD_IN_KERAS2)

    supports_masking = True
    why_whole_sequence = "pools over the whole of time"

    def call(self, inputs: Array, mask: Any = None) -> Array:
        """The mean over the steps that count."""
        xp = namespace(inputs, mask)
        axis, kept = self._time, self.keepdims
        if mask is None:
            return self._mean(xp, xp.sum(inputs, axis=axis, keepdims=kept), inputs.shape[axis])
        counts = xp.expand_dims(xp.asarray(mask), axis=3 - axis)
        total = xp.sum(xp.where(counts, inputs, xp.zeros_like(inputs)), axis=axis, keepdims=kept)
        return self._mean(xp, total, xp.sum(xp.astype(counts, inputs.dtype), axis=axis, keepdims=kept))

    @staticmethod
    def _mean(xp: Any, total: Array, count: Any) -> Array:
        with np.errstate(invalid="ignore", divide="ignore"):  # 0 / 0 is NaN, as in Keras, and says so itself.
            return total / xp.asarray(count, dtype=total.dtype)

    def compute_mask(self, inputs: Array, mask: Any = None) -> None:
        """None: the time axis is gone."""
        return
