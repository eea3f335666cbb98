"""The layers inside attention with heads: they multiply features by a weight of several axes."""

from __future__ import annotations

from math import prod
from typing import Any

from gatewise.activations import Activation, linear
from gatewise.arguments import Argument, activation, constraint, flag, initializer, regularizer
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.initializers import VarianceScaling
from gatewise.layer import Layer


class Projection(Layer):
    """y = phi(x W + b), where W = kernel sums over the last axes of x and gives some new ones, and b = bias has these.

    To a program it looks like the `EinsumDense` that Keras has in this place. The fans of its initializers are, as in
    Keras 3, the products of the sizes that are summed over and that are given.

    Args:
        given: the sizes of the new axes.
        summed: over how many axes of x.
        activation, use_bias and the rest: as for `Dense`.

    >>> import numpy as np
    >>> Projection((2, 3))(np.zeros((4, 5, 6))).shape, Projection((6,), 2)(np.zeros((4, 5, 2, 3))).shape
    ((4, 5, 2, 3), (4, 5, 6))
    """

    in_keras = False

    given: Argument[Any, tuple[int, ...]] = Argument(parse=tuple)
    summed: Argument[int, int] = Argument(default=1)
    activation: Argument[Any, Activation] = activation()
    use_bias: Argument[bool, bool] = flag(True)
    kernel_initializer: Argument[Any, Any] = initializer("glorot_uniform")
    bias_initializer: Argument[Any, Any] = initializer("zeros")
    kernel_regularizer: Argument[Any, Any] = regularizer()
    bias_regularizer: Argument[Any, Any] = regularizer()
    kernel_constraint: Argument[Any, Any] = constraint()
    bias_constraint: Argument[Any, Any] = constraint()

    supports_masking = True
    casts_integers = True

    def build(self, input_shape: Shape) -> None:
        """Make the kernel (*summed, *given) and the bias."""
        features = tuple(input_shape[-self.summed :])
        if None in features:
            raise ValueError(f"{self.label}: the features must be known to make the kernel, got {input_shape}.")
        self.kernel = self._add_declared(
            "kernel", (*features, *self.given), initializer=self._with_axes(self.kernel_initializer)
        )
        self.bias = self._add_declared("bias", self.given) if self.use_bias else None

    def _with_axes(self, initial: Any) -> Any:
        if not isinstance(initial, VarianceScaling) or initial.input_axes is not None:
            return initial
        axes = list(range(self.summed + len(self.given)))
        return type(initial).from_config(
            initial.get_config() | {"input_axes": axes[: self.summed], "output_axes": axes[self.summed :]}
        )

    def call(self, inputs: Array) -> Array:
        """phi(x W + b), as one product of matrices."""
        kernel = self.kernel.value
        xp = namespace(inputs, kernel)
        front, features = tuple(inputs.shape[: -self.summed]), prod(inputs.shape[-self.summed :])
        y = xp.matmul(xp.reshape(inputs, (prod(front), features)), xp.reshape(kernel, (features, prod(self.given))))
        y = xp.reshape(y, (*front, *self.given))
        if self.bias is not None:
            y = y + self.bias.value
        return y if self.activation is linear else self.activation(y)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The axes that are not summed over, and the new ones."""
        return (*input_shape[: -self.summed], *self.given)
