"""Convolution over time."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.activations import Activation, linear
from gatewise.arguments import (
    Argument,
    activation,
    constraint,
    count,
    data_format,
    flag,
    initializer,
    one_step,
    padding,
    regularizer,
)
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.layer import Layer, registered
from gatewise.layer.input_spec import InputSpec
from gatewise.layers import windows


@registered.register("Conv1D", "Convolution1D")
class Conv1D(Layer):
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

    plain_call = True

    filters: Argument[int, int] = count()
    kernel_size: Argument[Any, int] = one_step()
    strides: Argument[Any, int] = one_step(1)
    padding: Argument[str, str] = padding("valid", "same", "causal")
    data_format: Argument[Any, str] = data_format()
    dilation_rate: Argument[Any, int] = one_step(1)
    groups: Argument[int, int] = count(1, places={"tf1": None})
    activation: Argument[Any, Activation] = activation()
    use_bias: Argument[bool, bool] = flag(True)
    kernel_initializer: Argument[Any, Any] = initializer("glorot_uniform")
    bias_initializer: Argument[Any, Any] = initializer("zeros")
    kernel_regularizer: Argument[Any, Any] = regularizer()
    bias_regularizer: Argument[Any, Any] = regularizer()
    activity_regularizer = regularizer()  # Not annotated: to type checkers it is `Layer`'s, by keyword only.
    kernel_constraint: Argument[Any, Any] = constraint()
    bias_constraint: Argument[Any, Any] = constraint()

    casts_integers = True
    input_spec = InputSpec(ndim=3)
    has_time_axis = True
    multiplies_features = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.filters % self.groups:
            raise ValueError(f"{self.label}: filters={self.filters} must be a multiple of groups={self.groups}.")
        if self.strides > 1 and self.dilation_rate > 1:
            raise ValueError(
                f"{self.label}: strides={self.strides} and dilation_rate={self.dilation_rate} cannot both be above 1."
            )
        if self.padding == "causal" and self._channels == 1:
            raise ValueError(f"{self.label}: padding='causal' needs data_format='channels_last'.")

    @property
    def _channels(self) -> int:
        """The axis of the features."""
        return 1 if self.data_format == "channels_first" else 2

    @property
    def _window(self) -> dict[str, Any]:
        return {
            "size": self.kernel_size,
            "stride": self.strides,
            "padding": self.padding,
            "dilation": self.dilation_rate,
        }

    def build(self, input_shape: Shape) -> None:
        """Make kernel (K, I / groups, F) and bias (F,) for inputs (B, T, I)."""
        features = input_shape[self._channels]
        if features is None:
            raise ValueError(
                f"{self.label}: the number of features must be known to make the kernel, got {input_shape}."
            )
        if features % self.groups:
            raise ValueError(f"{self.label}: {features} features are not a multiple of groups={self.groups}.")
        self.kernel = self._add_declared("kernel", (self.kernel_size, features // self.groups, self.filters))
        self.bias = self._add_declared("bias", (self.filters,)) if self.use_bias else None
        self.input_spec = InputSpec(ndim=3, axes={self._channels: features})

    def call(self, inputs: Array) -> Array:
        """phi(x * W + b)."""
        kernel = self.kernel.value
        xp = namespace(inputs, kernel)
        x = inputs if self._channels == 2 else xp.swapaxes(inputs, 1, 2)
        count = windows.places(self.label, x.shape[1], **self._window)
        added = windows.ends(x.shape[1], **self._window)
        y = self._on_numpy(x, kernel, added, count or 0) if xp is np else self._on_jax(x, kernel, added)
        if self.bias is not None:
            y += self.bias.value
        if self.activation is not linear:
            y = self.activation(y)
        return y if self._channels == 2 else xp.swapaxes(y, 1, 2)

    def _on_numpy(self, x: Array, kernel: Array, added: tuple[int, int], count: int) -> Array:
        x = windows.padded(np, x, *added)
        steps = windows.steps_of(x, self.kernel_size, self.strides, count, self.dilation_rate)
        if self.groups == 1:
            return _summed(steps, kernel)
        seen, made = kernel.shape[1], self.filters // self.groups
        parts = [
            _summed([step[..., k * seen : (k + 1) * seen] for step in steps], kernel[..., k * made : (k + 1) * made])
            for k in range(self.groups)
        ]
        return np.concatenate(parts, axis=-1)

    def _on_jax(self, x: Array, kernel: Array, added: tuple[int, int]) -> Array:
        from jax import lax
        from jax import numpy as jnp

        return lax.conv_general_dilated(
            x,
            jnp.asarray(kernel),
            window_strides=(self.strides,),
            padding=[added],
            rhs_dilation=(self.dilation_rate,),
            dimension_numbers=("NWC", "WIO", "NWC"),
            feature_group_count=self.groups,
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, T', F)."""
        steps = input_shape[3 - self._channels]
        made = windows.places(self.label, steps, **self._window)
        batch = input_shape[0]
        return (batch, made, self.filters) if self._channels == 2 else (batch, self.filters, made)


def _summed(steps: list[Array], kernel: Array) -> Array:
    """One product for each place in the window: as fast as all windows side by side, in a fraction of the memory."""
    y = np.matmul(steps[0], kernel[0])
    for x, weights in zip(steps[1:], kernel[1:], strict=True):
        y += np.matmul(x, weights)
    return y
