"""Activations as layers of their own."""

from __future__ import annotations

from typing import Any

from gatewise import activations
from gatewise.activations import Activation as ActivationFunction
from gatewise.arguments import (
    Argument,
    constraint,
    flag,
    initializer,
    integer,
    not_negative,
    optional,
    real,
    regularizer,
)
from gatewise.base import release
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Config, Shape
from gatewise.layer import Layer, registered
from gatewise.layer.input_spec import InputSpec


class Elementwise(Layer):
    """The base of layers whose output has the input's shape and mask."""

    supports_masking = True
    plain_call = True
    casts_integers = True
    keeps_shape = True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The same."""
        return input_shape


@registered.register("Activation")
class Activation(Elementwise):
    """Applies an activation to each number (softmax and its kind: to each vector along the last axis).

    Args:
        activation: a name or a callable.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> Activation("relu")(np.array([[-1.0, 2.0]])).tolist()
    [[0.0, 2.0]]
    """

    activation: Argument[Any, ActivationFunction] = Argument(parse=activations.get, serialize=activations.serialize)

    def call(self, inputs: Array) -> Array:
        """phi(x)."""
        return self.activation(inputs)


class MaskedInKeras3(Elementwise):
    """Hands a mask on in Keras 3; in TensorFlow 1 and 2 it ends here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._release = release.current()

    @property
    def supports_masking(self) -> bool:  # type: ignore[override]
        """In Keras 3."""
        return self._release == "keras3"


@registered.register("Identity")
class Identity(MaskedInKeras3):
    """Gives the input on. In TensorFlow 1 and 2 a mask ends here.

    >>> import numpy as np
    >>> Identity()(np.array([[1, 2]])).tolist()
    [[1, 2]]
    """

    casts_integers = False
    keeps_dtype = True

    def call(self, inputs: Array) -> Array:
        """The input."""
        return inputs


class _Rectifier(Elementwise):
    """Takes `alpha`, the older name of `negative_slope`, too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **self.modernized(kwargs))

    @classmethod
    def modernized(cls, config: Config) -> Config:
        """`alpha` is `negative_slope`."""
        config = super().modernized(config)
        if "alpha" in config:
            config["negative_slope"] = config.pop("alpha")
        return config


@registered.register("ReLU")
class ReLU(_Rectifier):
    """y = x above `threshold` and negative_slope (x - threshold) below it, and `max_value` at most.

    Args:
        max_value: the largest output, or None.
        negative_slope, threshold: 0 by default. None of the three may be negative.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> ReLU(max_value=1.5)(np.array([[-1.0, 1.0, 2.0]])).tolist()
    [[0.0, 1.0, 1.5]]
    """

    max_value: Argument[Any, float | None] = Argument(default=None, parse=optional(not_negative))
    negative_slope: Argument[Any, float] = Argument(default=0.0, parse=not_negative)
    threshold: Argument[Any, float] = Argument(default=0.0, parse=not_negative)

    def call(self, inputs: Array) -> Array:
        """relu(x)."""
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


@registered.register("LeakyReLU")
class LeakyReLU(_Rectifier):
    """y = x where positive, else negative_slope x.

    Args:
        negative_slope: 0.3 by default; `alpha` is its name in Keras 2.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> LeakyReLU(0.5)(np.array([[-1.0, 2.0]])).tolist()
    [[-0.5, 2.0]]
    """

    negative_slope: Argument[Any, float] = real(0.3)

    def call(self, inputs: Array) -> Array:
        """leaky_relu(x)."""
        return activations.leaky_relu(inputs, self.negative_slope)


@registered.register("ThresholdedReLU")
class ThresholdedReLU(Elementwise):
    """y = x above theta, else 0.

    Args:
        theta: 1 by default.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> ThresholdedReLU(theta=1.0)(np.array([[0.5, 2.0]])).tolist()
    [[0.0, 2.0]]
    """

    theta: Argument[Any, float] = real(1.0)

    def call(self, inputs: Array) -> Array:
        """The input where it is above theta, else 0."""
        return activations.threshold(inputs, self.theta, 0.0)


@registered.register("ELU")
class ELU(Elementwise):
    """y = x where positive, else alpha (exp(x) - 1).

    Args:
        alpha: 1 by default.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> ELU(alpha=2.0)(np.array([[-1000.0, 2.0]])).tolist()
    [[-2.0, 2.0]]
    """

    alpha: Argument[Any, float] = real(1.0)

    def call(self, inputs: Array) -> Array:
        """elu(x)."""
        return activations.elu(inputs, self.alpha)


def _axes(value: Any) -> Any:
    """One axis, or a list of some."""
    return [integer(axis) for axis in value] if isinstance(value, (list, tuple)) else integer(value)


def _axes_list(value: Any) -> list[int]:
    found = _axes(value)
    return found if isinstance(found, list) else [found]


@registered.register("PReLU")
class PReLU(Elementwise):
    """y = x where positive, else alpha x, with a learned alpha for each place of the input.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of alpha, which has the shape of a sample.
        shared_axes: the axes (from 1) along which one alpha serves all, or None.
        **kwargs: see `Layer`.

    Source: He et al., Delving Deep into Rectifiers (2015), https://arxiv.org/abs/1502.01852.

    >>> import numpy as np
    >>> PReLU(alpha_initializer="ones")(np.array([[-1.0, 2.0]])).tolist()
    [[-1.0, 2.0]]
    """

    alpha_initializer: Argument[Any, Any] = initializer("zeros")
    alpha_regularizer: Argument[Any, Any] = regularizer()
    alpha_constraint: Argument[Any, Any] = constraint()
    shared_axes: Argument[Any, list[int] | None] = Argument(default=None, parse=optional(_axes_list))

    def build(self, input_shape: Shape) -> None:
        """Make alpha."""
        shared = {axis % len(input_shape) for axis in self.shared_axes or ()}
        sizes = [1 if axis in shared else size for axis, size in enumerate(input_shape)][1:]
        if None in sizes:
            raise ValueError(
                f"{self.label}: alpha needs every size of the input, but the shape is {input_shape}. "
                "Share it over the unknown axes with shared_axes=[...]."
            )
        self.alpha = self._add_declared("alpha", sizes)
        axes = {axis: size for axis, size in enumerate(input_shape) if axis and axis not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs: Array) -> Array:
        """The input where positive, else alpha times it."""
        alpha = self.alpha.value
        xp = namespace(inputs, alpha)
        zero = xp.zeros_like(inputs)
        return xp.maximum(inputs, zero) + alpha * xp.minimum(inputs, zero)


@registered.register("Softmax")
class Softmax(Elementwise):
    """y = exp(x) / sum(exp(x)) along an axis.

    Args:
        axis: one axis, or a list of axes taken as one.
        robust_masking: accepted for TF 2's sake; masks are always handled in the robust way.
        **kwargs: see `Layer`.

    Call arguments:
        mask: True where a number counts, of a shape that broadcasts to the input's; the others get 0.

    >>> import numpy as np
    >>> Softmax()(np.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """

    axis: Argument[Any, Any] = Argument(default=-1, parse=_axes)
    robust_masking: Argument[bool, bool] = flag(False, in_config=False, places={"keras3": None, "tf1": None})

    def call(self, inputs: Array, mask: Any = None) -> Array:
        """softmax(x) over the numbers that count."""
        axis = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        if mask is None:
            return activations.softmax(inputs, axis)
        xp = namespace(inputs, mask)
        counts = self._fitting(xp, mask, inputs)
        # Far below any other number, and finite: with nothing to count the softmax is a number, and then set to 0.
        low = xp.asarray(-3e4 if inputs.dtype.name == "float16" else -1e9, dtype=inputs.dtype)
        y = activations.softmax(xp.where(counts, inputs, low), axis)
        return xp.where(counts, y, xp.zeros_like(y))

    def _fitting(self, xp: Any, mask: Any, inputs: Array) -> Array:
        """The mask in a shape that broadcasts to the input's; a mask of time steps (B, T) holds for all features."""
        counts = xp.asarray(mask)
        if counts.ndim < inputs.ndim and tuple(counts.shape) == tuple(inputs.shape[: counts.ndim]):
            counts = xp.reshape(counts, (*counts.shape, *(1,) * (inputs.ndim - counts.ndim)))
        sizes = zip(reversed(counts.shape), reversed(inputs.shape), strict=False)
        if counts.ndim > inputs.ndim or any(m not in (1, n) for m, n in sizes):
            raise ValueError(
                f"{self.label}: the mask must have a shape that broadcasts to the input's {tuple(inputs.shape)}, "
                f"got {tuple(counts.shape)}."
            )
        return counts
