"""Convolutions over one, two and three axes."""

from __future__ import annotations

from typing import Any

from gatewise.activations import Activation, linear
from gatewise.arguments import (
    NO_ADAPTERS,
    Argument,
    absent,
    activation,
    constraint,
    count,
    data_format,
    flag,
    initializer,
    padding,
    regularizer,
)
from gatewise.base.typing import Array, Shape
from gatewise.base.windows import Windows
from gatewise.engine.convolution import convolve
from gatewise.layer import registered
from gatewise.layer.input_spec import InputSpec
from gatewise.layers.spatial import Spatial, sizes


class WithFilters(Spatial):
    """The first argument of most convolutions."""

    filters: Argument[int, int] = count()


class Convolving(Spatial):
    """What every convolution has beside its kernels: windows, a bias, an activation."""

    kernel_size: Argument[Any, Any] = sizes()
    strides: Argument[Any, Any] = sizes(1)
    padding: Argument[str, str] = padding("valid", "same")
    data_format: Argument[Any, str] = data_format()
    dilation_rate: Argument[Any, Any] = sizes(1)
    activation: Argument[Any, Activation] = activation()
    use_bias: Argument[bool, bool] = flag(True)
    bias_initializer: Argument[Any, Any] = initializer("zeros")
    bias_regularizer: Argument[Any, Any] = regularizer()
    activity_regularizer = regularizer()  # Not annotated: to type checkers it is `Layer`'s, by keyword only.
    bias_constraint: Argument[Any, Any] = constraint()

    why_whole_sequence = "convolves over axes of the input"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{self.label}: strides={_plain(self.strides)} and dilation_rate={_plain(self.dilation_rate)} "
                "cannot both be above 1."
            )
        if self.padding == "causal" and self._channels == 1:
            raise ValueError(f"{self.label}: padding='causal' needs data_format='channels_last'.")

    @property
    def windows(self) -> Windows:
        """The windows that the kernel sees."""
        return Windows(self.kernel_size, self.strides, self.padding, self.dilation_rate)

    def _make_bias(self, input_shape: Shape, filters: int) -> None:
        """Make the bias, and keep what inputs must be from now on."""
        self.bias = self._add_declared("bias", (filters,)) if self.use_bias else None
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={self._channels: input_shape[self._channels]})

    def call(self, inputs: Array) -> Array:
        """phi(x * W + b)."""
        x = self._with_channels_last(inputs)
        self.windows.places(self.label, x.shape[1:-1])  # Refuses what no window fits.
        return self._finished(self._convolved(x, self.windows.ends(x.shape[1:-1])))

    def _convolved(self, x: Array, ends: list[tuple[int, int]]) -> Array:
        """The convolution of x (B, *N, I) with so many zeros at its ends; each subclass has its own."""
        raise TypeError(f"{type(self).__name__} must define `_convolved(self, x, ends)`.")

    def _finished(self, y: Array) -> Array:
        if self.bias is not None:
            y += self.bias.value
        y = self._as_declared(y)
        return y if self.activation is linear else self.activation(y)

    def _made(self, input_shape: Shape) -> int:
        """How many features come out."""
        raise TypeError(f"{type(self).__name__} must define `_made(self, input_shape)`.")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, *N', F)."""
        axes = self.windows.places(self.label, self._axes_of(input_shape))
        return self._shape_with(input_shape, axes, self._made(input_shape))

    def inputs_for(self, kernel: Shape) -> list[Shape]:
        """Inputs of which the axes are open, where the kernel says how many features they have."""
        features = self._seen(kernel) if len(kernel) == self.rank + 2 else None
        return [] if features is None else [self._shape_with((None,), (None,) * self.rank, features)]

    def _seen(self, kernel: Shape) -> int | None:
        """How many features the inputs have, by the shape of the first kernel."""
        return kernel[-2]


def _plain(values: tuple[int, ...]) -> Any:
    """One number for an axis of its own."""
    return values[0] if len(values) == 1 else values


class Conv(Convolving, WithFilters):
    """The base of Conv1D, Conv2D and Conv3D: a convolution over `rank` axes."""

    groups: Argument[int, int] = count(1, after="dilation_rate", places={"tf1": None})
    kernel_initializer: Argument[Any, Any] = initializer("glorot_uniform", after="use_bias")
    kernel_regularizer: Argument[Any, Any] = regularizer(after="bias_initializer")
    kernel_constraint: Argument[Any, Any] = constraint(after="activity_regularizer")
    lora_rank: Argument[None, None] = absent(NO_ADAPTERS, kw_only=True)
    lora_alpha: Argument[None, None] = absent(NO_ADAPTERS, kw_only=True)
    quantization_config: Argument[None, None] = absent(NO_ADAPTERS, kw_only=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.filters % self.groups:
            raise ValueError(f"{self.label}: filters={self.filters} must be a multiple of groups={self.groups}.")

    def build(self, input_shape: Shape) -> None:
        """Make kernel (*K, I / groups, F) and bias (F,) for inputs (B, *N, I)."""
        features = self._features_of(input_shape)
        if features % self.groups:
            raise ValueError(f"{self.label}: {features} features are not a multiple of groups={self.groups}.")
        self.windows.places(self.label, self._axes_of(input_shape))
        self.kernel = self._add_declared("kernel", (*self.kernel_size, features // self.groups, self.filters))
        self._make_bias(input_shape, self.filters)

    def _convolved(self, x: Array, ends: list[tuple[int, int]]) -> Array:
        return convolve(x, self.kernel.value, self.strides, ends, self.dilation_rate, self.groups)

    def _made(self, input_shape: Shape) -> int:
        return self.filters

    def _seen(self, kernel: Shape) -> int | None:
        return None if kernel[-2] is None else kernel[-2] * self.groups


@registered.register("Conv1D", "Convolution1D", "AtrousConvolution1D")
class Conv1D(Conv, rank=1):
    """Convolution over the time axis: y_t = phi(sum_k x_(s t + d k) W_k + b).

    x is (B, T, I) and y (B, T', F), with W = kernel (K, I / groups, F), b = bias (F,), s = strides, d = dilation_rate,
    phi = activation. (Strictly a cross-correlation, as everywhere in this field.)

    Args:
        filters: F, a positive integer.
        kernel_size: K.
        strides: s; at most one of s and d may differ from 1.
        padding: "valid" (only whole windows), "same" (T' = T / s rounded up, zeros at both ends), or "causal" (zeros in
            front only: y_t sees nothing after x_t).
        data_format: "channels_last", or "channels_first" for (B, I, T) inputs and (B, F, T') outputs.
        dilation_rate: d.
        groups: features and filters are split into so many parts, each part of the filters seeing one of the features.
        activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        activity_regularizer, kernel_constraint, bias_constraint, **kwargs: as in `Dense`.

    Raises:
        ValueError: arguments that do not go together, or fewer steps than a window needs.

    >>> import numpy as np
    >>> Conv1D(4, kernel_size=3)(np.zeros((2, 10, 8))).shape
    (2, 8, 4)
    """

    padding: Argument[str, str] = padding("valid", "same", "causal")


@registered.register("Conv2D", "Convolution2D", "AtrousConvolution2D")
class Conv2D(Conv, rank=2):
    """Convolution over two axes: x is (B, N, M, I) and y (B, N', M', F), with W = kernel (K, K', I / groups, F).

    Args:
        filters: F, a positive integer.
        kernel_size, strides, dilation_rate: a positive integer, or one for each axis.
        padding: "valid" or "same".
        data_format: "channels_last", or "channels_first" for (B, I, N, M) inputs and (B, F, N', M') outputs.
        groups and all others: as for `Conv1D`.

    >>> import numpy as np
    >>> Conv2D(4, kernel_size=(3, 2))(np.zeros((2, 10, 9, 8))).shape
    (2, 8, 8, 4)
    """


@registered.register("Conv3D", "Convolution3D")
class Conv3D(Conv, rank=3):
    """Convolution over three axes: x is (B, N, M, L, I) and y (B, N', M', L', F); see `Conv2D` for the arguments.

    >>> import numpy as np
    >>> Conv3D(4, kernel_size=2, strides=2)(np.zeros((2, 6, 6, 6, 3))).shape
    (2, 3, 3, 3, 4)
    """
