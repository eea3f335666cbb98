"""Convolutions of each feature by itself, and those that mix the features only afterwards."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, constraint, count, initializer, padding, regularizer
from gatewise.base.typing import Array, Config, Shape
from gatewise.engine.convolution import convolve, convolve_depthwise
from gatewise.layer import registered
from gatewise.layers.convolution import Convolving, WithFilters
from gatewise.layers.spatial import sizes


class Depthwise(Convolving):
    """The base of DepthwiseConv1D and DepthwiseConv2D."""

    depth_multiplier: Argument[int, int] = count(1, after="padding")
    dilation_rate: Argument[Any, Any] = sizes(1, places={"tf1": None})
    depthwise_initializer: Argument[Any, Any] = initializer("glorot_uniform", after="use_bias")
    depthwise_regularizer: Argument[Any, Any] = regularizer(after="bias_initializer")
    depthwise_constraint: Argument[Any, Any] = constraint(after="activity_regularizer")

    def build(self, input_shape: Shape) -> None:
        """Make kernel (*K, I, M) and bias (I M,) for inputs (B, *N, I)."""
        features = self._features_of(input_shape)
        self.windows.places(self.label, self._axes_of(input_shape))
        shape = (*self.kernel_size, features, self.depth_multiplier)
        self.kernel = self._add_declared("kernel", shape, words="depthwise")
        self._make_bias(input_shape, features * self.depth_multiplier)

    def _convolved(self, x: Array, ends: list[tuple[int, int]]) -> Array:
        return convolve_depthwise(x, self.kernel.value, self.strides, ends, self.dilation_rate)

    def _made(self, input_shape: Shape) -> Any:
        features = input_shape[self._channels]
        return None if features is None else features * self.depth_multiplier


@registered.register("DepthwiseConv1D")
class DepthwiseConv1D(Depthwise, rank=1):
    """Convolution over time of each feature by itself, with M filters for each: x (B, T, I) to y (B, T', I M).

    Args:
        kernel_size, strides, padding, data_format, dilation_rate: as for `Conv1D`.
        depth_multiplier: M.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel (K, I, M).
        all others: as for `Conv1D`.

    >>> import numpy as np
    >>> DepthwiseConv1D(3, depth_multiplier=2)(np.zeros((2, 10, 4))).shape
    (2, 8, 8)
    """

    padding: Argument[str, str] = padding("valid", "same", "causal")


@registered.register("DepthwiseConv2D")
class DepthwiseConv2D(Depthwise, rank=2):
    """Convolution over two axes of each feature by itself: x (B, N, M, I) to y (B, N', M', I D), D filters for each.

    Args:
        kernel_size, strides, padding, data_format, dilation_rate: as for `Conv2D`.
        depth_multiplier: D.
        all others: as for `DepthwiseConv1D`.

    >>> import numpy as np
    >>> DepthwiseConv2D(3, padding="same")(np.zeros((2, 6, 6, 4))).shape
    (2, 6, 6, 4)
    """


class Separable(Convolving, WithFilters):
    """The base of SeparableConv1D and SeparableConv2D."""

    depth_multiplier: Argument[int, int] = count(1, after="dilation_rate")
    depthwise_initializer: Argument[Any, Any] = initializer("glorot_uniform", after="use_bias")
    pointwise_initializer: Argument[Any, Any] = initializer("glorot_uniform", after="depthwise_initializer")
    depthwise_regularizer: Argument[Any, Any] = regularizer(after="bias_initializer")
    pointwise_regularizer: Argument[Any, Any] = regularizer(after="depthwise_regularizer")
    depthwise_constraint: Argument[Any, Any] = constraint(after="activity_regularizer")
    pointwise_constraint: Argument[Any, Any] = constraint(after="depthwise_constraint")

    @classmethod
    def modernized(cls, config: Config) -> Config:
        """tf_keras writes arguments of a kernel too, of which there is none here."""
        unused = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")
        return {key: value for key, value in super().modernized(config).items() if key not in unused}

    def build(self, input_shape: Shape) -> None:
        """Make depthwise_kernel (*K, I, M), pointwise_kernel (1, ..., I M, F) and bias (F,) for inputs (B, *N, I)."""
        features, times = self._features_of(input_shape), self.depth_multiplier
        self.windows.places(self.label, self._axes_of(input_shape))
        depthwise, pointwise = (*self.kernel_size, features, times), (*self._alone, features * times, self.filters)
        self.depthwise_kernel = self._add_declared("depthwise_kernel", depthwise, words="depthwise")
        self.pointwise_kernel = self._add_declared("pointwise_kernel", pointwise, words="pointwise")
        self._make_bias(input_shape, self.filters)

    @property
    def _alone(self) -> tuple[int, ...]:
        return (1,) * self.rank

    def _convolved(self, x: Array, ends: list[tuple[int, int]]) -> Array:
        x = convolve_depthwise(x, self.depthwise_kernel.value, self.strides, ends, self.dilation_rate)
        return convolve(x, self.pointwise_kernel.value, self._alone, [(0, 0)] * self.rank, self._alone)

    def _made(self, input_shape: Shape) -> int:
        return self.filters


@registered.register("SeparableConv1D", "SeparableConvolution1D")
class SeparableConv1D(Separable, rank=1):
    """A `DepthwiseConv1D` without bias, and then a product of the features: x (B, T, I) to y (B, T', F).

    Args:
        filters: F.
        kernel_size, strides, padding, data_format, dilation_rate: as for `Conv1D`.
        depth_multiplier: M, how many filters each feature has by itself.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the depthwise_kernel (K, I, M).
        pointwise_initializer, pointwise_regularizer, pointwise_constraint: of the pointwise_kernel (1, I M, F).
        all others: as for `Conv1D`.

    Source: F. Chollet (2016), https://arxiv.org/abs/1610.02357.

    >>> import numpy as np
    >>> SeparableConv1D(6, 3)(np.zeros((2, 10, 4))).shape
    (2, 8, 6)
    """

    padding: Argument[str, str] = padding("valid", "same", "causal")


@registered.register("SeparableConv2D", "SeparableConvolution2D")
class SeparableConv2D(Separable, rank=2):
    """A `DepthwiseConv2D` without bias, and then a product of the features: x (B, N, M, I) to y (B, N', M', F).

    Args:
        all: as for `SeparableConv1D`, with kernels (K, K', I, M) and (1, 1, I M, F).

    >>> import numpy as np
    >>> SeparableConv2D(6, (3, 1))(np.zeros((2, 8, 8, 4))).shape
    (2, 6, 8, 6)
    """
