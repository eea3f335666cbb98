"""The fully connected layer."""

from __future__ import annotations

from math import prod
from typing import Any

from gatewise.activations import Activation, linear
from gatewise.arguments import (
    KEYWORD_IN_KERAS2,
    NO_ADAPTERS,
    Argument,
    absent,
    activation,
    constraint,
    count,
    flag,
    initializer,
    regularizer,
)
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.layer import Layer, registered
from gatewise.layer.input_spec import InputSpec


@registered.register("Dense")
class Dense(Layer):
    """The fully connected layer: y = phi(x W + b), phi = activation.

    x is (B, ..., I) and y (B, ..., U), with W = kernel (I, U) and b = bias (U,): the last axis is transformed, the same
    way for each place on the others.

    Args:
        units: U, a positive integer.
        activation: phi; None for linear.
        use_bias: whether there is a b.
        kernel_initializer, bias_initializer: of the weights.
        kernel_regularizer, bias_regularizer, activity_regularizer: add to the loss in training.
        kernel_constraint, bias_constraint: applied by training after each step.
        lora_rank, lora_alpha, quantization_config: accepted as None: weights are neither adapted nor quantised here.
        **kwargs: see `Layer`.

    Raises:
        ValueError: an input of one axis, or whose last axis is not the one that the layer was built for.

    >>> import numpy as np
    >>> Dense(4, activation="relu")(np.zeros((2, 3))).shape
    (2, 4)
    """

    units: Argument[int, int] = count()
    activation: Argument[Any, Activation] = activation()
    use_bias: Argument[bool, bool] = flag(True)
    kernel_initializer: Argument[Any, Any] = initializer("glorot_uniform")
    bias_initializer: Argument[Any, Any] = initializer("zeros")
    kernel_regularizer: Argument[Any, Any] = regularizer()
    bias_regularizer: Argument[Any, Any] = regularizer()
    activity_regularizer = regularizer(
        in_config=None
    )  # Not annotated: to type checkers it is `Layer`'s, by keyword only.
    kernel_constraint: Argument[Any, Any] = constraint()
    bias_constraint: Argument[Any, Any] = constraint()
    lora_rank: Argument[None, None] = absent(NO_ADAPTERS, places=KEYWORD_IN_KERAS2)
    lora_alpha: Argument[None, None] = absent(NO_ADAPTERS, places=KEYWORD_IN_KERAS2)
    quantization_config: Argument[None, None] = absent(NO_ADAPTERS, places=KEYWORD_IN_KERAS2)

    supports_masking = True
    plain_call = True
    casts_integers = True
    input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Shape) -> None:
        """Make kernel (I, U) and bias (U,) for inputs (B, ..., I)."""
        features = input_shape[-1]
        if features is None:
            raise ValueError(f"{self.label}: the last axis must be known to make the kernel, got {input_shape}.")
        self.kernel = self._add_declared("kernel", (features, self.units))
        self.bias = self._add_declared("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})

    def inputs_for(self, kernel: Shape) -> list[Shape]:
        """Samples (B, I) or sequences (B, T, I), where the kernel is (I, U)."""
        return [(None, kernel[0]), (None, None, kernel[0])] if len(kernel) == 2 else []

    def call(self, inputs: Array) -> Array:
        """phi(x W + b)."""
        kernel = self.kernel.value
        xp = namespace(inputs, kernel)
        if inputs.ndim == 2:
            y = xp.matmul(inputs, kernel)
        else:  # One large product rather than one for each place in front.
            *front, features = inputs.shape
            y = xp.matmul(xp.reshape(inputs, (prod(front), features)), kernel)
            y = xp.reshape(y, (*front, self.units))
        if self.bias is not None:
            y += self.bias.value
        return y if self.activation is linear else self.activation(y)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, ..., U)."""
        return (*input_shape[:-1], self.units)
