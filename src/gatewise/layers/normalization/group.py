"""Normalisation of groups of features."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, constraint, flag, initializer, integer, real, regularizer
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.layer import registered
from gatewise.layer.input_spec import InputSpec
from gatewise.layers.attention.scores import as_mask
from gatewise.layers.normalization.base import Normalization, at_least_single, one_axis


def _groups(value: Any) -> int:
    count = integer(value)
    if count < 1 and count != -1:
        raise ValueError(f"expected a positive integer, or -1 for a group for each feature, got {value!r}.")
    return count


@registered.register("GroupNormalization")
class GroupNormalization(Normalization):
    """Normalises groups of features, in each sample: y = gamma (x - mean) / sqrt(variance + epsilon) + beta.

    Mean and variance are those of a group's features at all places of the sample, of all time steps too.

    Args:
        groups: how many; they divide the features. -1 for as many as there are features.
        axis: the features' axis, the last by default.
        epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
            beta_constraint, gamma_constraint: as for `BatchNormalization`.
        **kwargs: see `Layer`.

    Call arguments:
        mask: Keras 2's: of a shape that broadcasts to the input's; what is False does not count. Keras 3 leaves masks
            out of account here.

    Source: Wu and He (2018), https://arxiv.org/abs/1803.08494.

    >>> import numpy as np
    >>> GroupNormalization(groups=2, epsilon=0.0)(np.array([[1.0, 3.0, 5.0, 9.0]])).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    groups: Argument[Any, int] = Argument(default=32, parse=_groups)
    axis: Argument[Any, int] = Argument(default=-1, parse=one_axis)
    epsilon: Argument[Any, float] = real(1e-3)
    center: Argument[bool, bool] = flag(True)
    scale: Argument[bool, bool] = flag(True)
    beta_initializer: Argument[Any, Any] = initializer("zeros")
    gamma_initializer: Argument[Any, Any] = initializer("ones")
    beta_regularizer: Argument[Any, Any] = regularizer()
    gamma_regularizer: Argument[Any, Any] = regularizer()
    beta_constraint: Argument[Any, Any] = constraint()
    gamma_constraint: Argument[Any, Any] = constraint()

    why_whole_sequence = "normalises over all time steps"

    autocast = False  # A mixed layer does not round what it normalises.

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta, each (I,)."""
        (place,) = self._places(self.axis, input_shape)
        size = input_shape[place]
        assert size is not None
        if self.groups == -1:
            self.groups = size
        if size % self.groups:
            raise ValueError(f"{self.label}: the {size} features cannot be divided into {self.groups} groups.")
        self._scale_and_offset((size,))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={place: size})

    def call(self, inputs: Array, mask: Any = None) -> Array:
        """The normalised input."""
        gamma, beta = (None if weight is None else weight.value for weight in (self.gamma, self.beta))
        xp = namespace(inputs, gamma, beta)
        place = self.axis % inputs.ndim
        front, size, back = inputs.shape[:place], inputs.shape[place], inputs.shape[place + 1 :]
        grouped = (*front, self.groups, size // self.groups, *back)
        x = xp.reshape(at_least_single(xp, inputs), grouped)
        axes = tuple(axis for axis in range(1, len(grouped)) if axis != place)
        if mask is None or self._release == "keras3":
            mean, variance = (moment(x, axis=axes, keepdims=True) for moment in (xp.mean, xp.var))
        else:
            counts = xp.reshape(xp.broadcast_to(as_mask(xp, mask), inputs.shape), grouped)
            mean, variance = _moments_of(xp, x, xp.astype(counts, x.dtype), axes)
        shape = (*(1 for _ in front), self.groups, size // self.groups, *(1 for _ in back))
        y = (x - mean) / xp.sqrt(variance + self.epsilon)
        y = y if gamma is None else y * xp.reshape(gamma, shape)
        y = y if beta is None else y + xp.reshape(beta, shape)
        return self._in_own_dtype(xp, xp.reshape(y, inputs.shape))


def _moments_of(xp: Any, x: Array, counts: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """The mean and the variance of what counts."""
    total = xp.sum(counts, axis=axes, keepdims=True)
    mean = xp.sum(x * counts, axis=axes, keepdims=True) / total
    return mean, xp.sum((x - mean) ** 2 * counts, axis=axes, keepdims=True) / total
