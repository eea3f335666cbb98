"""Transposes of convolutions over one, two and three axes."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, constraint, initializer, regularizer
from gatewise.base.typing import Array, Shape
from gatewise.base.windows import Spread
from gatewise.engine.convolution import convolve_transposed
from gatewise.layer import registered
from gatewise.layers.convolution import Convolving, WithFilters
from gatewise.layers.spatial import natural, optional_sizes, sizes


class ConvTranspose(Convolving, WithFilters):
    """The base of Conv1DTranspose, Conv2DTranspose and Conv3DTranspose."""

    output_padding: Argument[Any, Any] = optional_sizes(natural, after="padding")
    kernel_initializer: Argument[Any, Any] = initializer("glorot_uniform", after="use_bias")
    kernel_regularizer: Argument[Any, Any] = regularizer(after="bias_initializer")
    kernel_constraint: Argument[Any, Any] = constraint(after="activity_regularizer")

    why_whole_sequence = "gives more steps than it takes"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        more = self.output_padding or ()
        if any(extra >= stride for extra, stride in zip(more, self.strides, strict=False)):
            raise ValueError(f"{self.label}: output_padding={more} must be below strides={self.strides} on each axis.")

    @property
    def spreads(self) -> list[Spread]:
        """What happens on each axis."""
        more = self.output_padding or (None,) * self.rank
        parts = zip(self.kernel_size, self.strides, self.dilation_rate, more, strict=True)
        return [Spread(size, stride, self.padding, step, extra) for size, stride, step, extra in parts]

    def build(self, input_shape: Shape) -> None:
        """Make kernel (*K, F, I) and bias (F,) for inputs (B, *N, I)."""
        self.kernel = self._add_declared("kernel", (*self.kernel_size, self.filters, self._features_of(input_shape)))
        self._make_bias(input_shape, self.filters)

    def call(self, inputs: Array) -> Array:
        """phi(x times W, added up where windows meet, + b)."""
        x = self._with_channels_last(inputs)
        return self._finished(convolve_transposed(x, self.kernel.value, self.spreads))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, *N', F)."""
        axes = self._axes_of(input_shape)
        made = tuple(spread.places(n) for spread, n in zip(self.spreads, axes, strict=True))
        return self._shape_with(input_shape, made, self.filters)

    def _seen(self, kernel: Shape) -> int | None:
        return kernel[-1]


@registered.register("Conv1DTranspose", "Convolution1DTranspose")
class Conv1DTranspose(ConvTranspose, rank=1):
    """The transpose of `Conv1D`, which makes sequences longer: each step of x gives to K steps of y, s apart.

    x is (B, T, I) and y (B, T', F), with W = kernel (K, F, I): y_(s t + d k) = phi(sum_t,k x_t W_k^T + b). With padding
    "valid" T' = (T - 1) s + max(K, s), with "same" T' = T s.

    Args:
        filters, kernel_size, strides, data_format, dilation_rate: as for `Conv1D`.
        padding: "valid" or "same".
        output_padding: how many steps to add behind those that the windows need, below s; None for what fills them.
        all others: as for `Conv1D`.

    Source: V. Dumoulin and F. Visin (2016), https://arxiv.org/abs/1603.07285.

    >>> import numpy as np
    >>> Conv1DTranspose(4, kernel_size=3, strides=2, padding="same")(np.zeros((2, 5, 8))).shape
    (2, 10, 4)
    """


@registered.register("Conv2DTranspose", "Convolution2DTranspose", "Deconvolution2D")
class Conv2DTranspose(ConvTranspose, rank=2):
    """The transpose of `Conv2D`, over two axes; see `Conv1DTranspose`.

    >>> import numpy as np
    >>> Conv2DTranspose(4, kernel_size=3, strides=2)(np.zeros((2, 5, 5, 8))).shape
    (2, 11, 11, 4)
    """


@registered.register("Conv3DTranspose", "Convolution3DTranspose", "Deconvolution3D")
class Conv3DTranspose(ConvTranspose, rank=3):
    """The transpose of `Conv3D`, over three axes; see `Conv1DTranspose`.

    >>> import numpy as np
    >>> Conv3DTranspose(4, kernel_size=2, strides=2)(np.zeros((1, 2, 2, 2, 3))).shape
    (1, 4, 4, 4, 4)
    """

    output_padding: Argument[Any, Any] = optional_sizes(natural, after="padding", places={"keras3": "data_format"})
    dilation_rate: Argument[Any, Any] = sizes(1, places={"tf1": None})
