"""Normalisation over the batch."""

from __future__ import annotations

from math import inf, prod, sqrt
from typing import Any

import numpy as np

from gatewise.arguments import (
    Argument,
    absent,
    constraint,
    flag,
    initializer,
    number,
    one_of,
    optional,
    real,
    regularizer,
    text,
)
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Config, Shape
from gatewise.base.variable import Variable
from gatewise.layer import registered
from gatewise.layer.input_spec import InputSpec
from gatewise.layers.normalization.base import Normalization, at_least_single, constant, one_axis


def _clipping(value: Any) -> dict[str, float]:
    """The limits of batch renormalisation by name."""
    limits = {key: number(limit) for key, limit in (value or {}).items() if limit is not None}
    if unknown := set(limits) - {"rmin", "rmax", "dmax"}:
        raise ValueError(f"expected the keys rmin, rmax and dmax, got {sorted(unknown)}.")
    if limits.get("rmin", 0.0) > limits.get("rmax", inf) or limits.get("dmax", 0.0) < 0:
        raise ValueError(f"expected rmin not above rmax, and dmax not below 0, got {limits}.")
    return limits


_ONE_BATCH = "batches are normalised whole"


@registered.register("BatchNormalization")
class BatchNormalization(Normalization):
    """Normalises each feature over the batch: y = gamma (x - mean) / sqrt(variance + epsilon) + beta.

    In training mean and variance are the batch's own, and moving averages of them are kept: moving <- momentum moving +
    (1 - momentum) batch's. Otherwise, and with `trainable=False`, they are the moving averages.

    Args:
        axis: the features' axis, the last by default. Each of the other axes is averaged over.
        momentum: of the moving averages.
        epsilon: keeps the division finite.
        center, scale: whether there are a beta and a gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: of the weights.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as in `Dense`.
        renorm: batch renormalisation: in training, correct the batch's statistics towards slowly moving ones.
        renorm_clipping: its limits: a dict with any of rmin, rmax, dmax.
        renorm_momentum: of its statistics.
        synchronized, fused: accepted for Keras's sake; there is one way to compute this here.
        virtual_batch_size, adjustment: accepted as None, for TensorFlow 1's sake.
        **kwargs: see `Layer`.

    Call arguments:
        mask: one axis fewer than the input: steps that are False count neither for mean nor for variance. TensorFlow 1
            has no masks here, and TensorFlow 2 none where it computes with its fused kernel: for inputs of four or five
            axes, unless `fused=False`. The moving variance is then that of a sample, N / (N - 1) of the batch's.
        training: whether the batch's own statistics are used.

    Sources: Ioffe and Szegedy (2015), https://arxiv.org/abs/1502.03167; Ioffe (2017), https://arxiv.org/abs/1702.03275.

    >>> import numpy as np
    >>> layer = BatchNormalization(epsilon=0.0)
    >>> layer(np.array([[1.0], [3.0]]), training=True).tolist()
    [[-1.0], [1.0]]
    """

    looks_across_batch = True

    axis: Argument[Any, int] = Argument(default=-1, parse=one_axis)
    momentum: Argument[Any, float] = real(0.99)
    epsilon: Argument[Any, float] = real(1e-3)
    center: Argument[bool, bool] = flag(True)
    scale: Argument[bool, bool] = flag(True)
    beta_initializer: Argument[Any, Any] = initializer("zeros")
    gamma_initializer: Argument[Any, Any] = initializer("ones")
    moving_mean_initializer: Argument[Any, Any] = initializer("zeros")
    moving_variance_initializer: Argument[Any, Any] = initializer("ones")
    beta_regularizer: Argument[Any, Any] = regularizer()
    gamma_regularizer: Argument[Any, Any] = regularizer()
    beta_constraint: Argument[Any, Any] = constraint()
    gamma_constraint: Argument[Any, Any] = constraint()
    renorm: Argument[bool, bool] = flag(False, places={"tf2": None})
    renorm_clipping: Argument[Any, Any] = Argument(
        default=None, parse=_clipping, serialize=lambda value: value or None, places={"tf2": None}
    )
    renorm_momentum: Argument[Any, float] = real(0.99, places={"tf2": None})
    synchronized: Argument[bool, bool] = flag(False, places={"tf1": None})
    fused: Argument[Any, Any] = Argument(
        default=None,
        parse=optional(one_of(True, False)),
        in_config=False,
        kw_only=True,
        places={"tf1": "renorm_momentum"},
    )
    trainable = flag(True, kw_only=True, places={"tf1": "fused"})
    virtual_batch_size: Argument[None, None] = absent(_ONE_BATCH, kw_only=True, places={"tf1": "trainable"})
    adjustment: Argument[None, None] = absent(_ONE_BATCH, kw_only=True, places={"tf1": "virtual_batch_size"})
    name: Argument[str | None, str] = Argument(
        default=None, parse=optional(text), kw_only=True, places={"tf1": "adjustment"}
    )

    def build(self, input_shape: Shape) -> None:
        """Make gamma, beta, moving_mean and moving_variance, each (I,); with `renorm` three more."""
        (place,) = self._places(self.axis, input_shape)
        size = input_shape[place]
        assert size is not None
        self._scale_and_offset((size,))
        self.moving_mean = self._statistic("moving_mean", size, self.moving_mean_initializer)
        self.moving_variance = self._statistic("moving_variance", size, self.moving_variance_initializer)
        if self.renorm:
            self.moving_stddev = self._statistic("moving_stddev", size, self._initial_stddev)
            self.renorm_mean = self._statistic("renorm_mean", size, self.moving_mean_initializer)
            self.renorm_stddev = self._statistic("renorm_stddev", size, self._initial_stddev)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={place: size})

    def _statistic(self, name: str, size: int, start: Any) -> Variable:
        return self.add_weight(name=name, shape=(size,), initializer=start, trainable=False)

    def _initial_stddev(self, shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
        return np.asarray(np.sqrt(self.moving_variance_initializer(shape, dtype=dtype)))

    def call(self, inputs: Array, mask: Any = None, training: bool = False) -> Array:
        """The normalised input; in training the moving averages move."""
        gamma, beta = (None if v is None else v.value for v in (self.gamma, self.beta))
        mean, variance = self.moving_mean.value, self.moving_variance.value
        xp = namespace(inputs, mean, gamma, beta)
        if training and self.trainable:
            fused = self._is_fused(inputs)
            mean, variance = self._moments(xp, inputs, None if fused or self._release == "tf1" else mask)
            if self.renorm:
                gamma, beta = self._renormalised(xp, mean, variance, gamma, beta)
            else:
                self._move(self.moving_mean, mean, self.momentum)
                count = prod(inputs.shape) // mean.shape[0]
                kept = variance * (count / max(count - 1, 1)) if fused else variance
                self._move(self.moving_variance, kept, self.momentum)
        factor = 1 / xp.sqrt(variance + self.epsilon)
        if gamma is not None:
            factor = factor * gamma
        offset = -mean * factor if beta is None else beta - mean * factor
        wide = [-1 if axis == self.axis % inputs.ndim else 1 for axis in range(inputs.ndim)]
        return xp.astype(inputs * xp.reshape(factor, wide) + xp.reshape(offset, wide), inputs.dtype)

    def _is_fused(self, x: Array) -> bool:
        """Whether TensorFlow's fused kernel computes this in Keras 2."""
        axis = self.axis % x.ndim
        fits = x.ndim in (4, 5) and axis in (1, x.ndim - 1) and not self.renorm and not self.synchronized
        return self._release != "keras3" and fits and self.fused is not False

    @staticmethod
    def _move(average: Variable, value: Array, momentum: float) -> None:
        average.assign(average.value * momentum + value * (1 - momentum))

    def _moments(self, xp: Any, x: Array, mask: Any) -> tuple[Array, Array]:
        """The batch's mean and variance (I,), in float32 at least, over what counts."""
        x = at_least_single(xp, x)
        axes = tuple(axis for axis in range(x.ndim) if axis != self.axis % x.ndim)
        if mask is None:
            return xp.mean(x, axis=axes), xp.var(x, axis=axes)
        if mask.ndim != x.ndim - 1:
            raise ValueError(
                f"{self.label}: the mask must have one axis fewer than the input, whose shape is {tuple(x.shape)}, "
                f"got a mask of shape {tuple(mask.shape)}."
            )
        counts = xp.broadcast_to(xp.asarray(mask)[..., None], x.shape)
        total = xp.sum(xp.astype(counts, x.dtype), axis=axes, keepdims=True) + 1e-7
        mean = xp.sum(xp.where(counts, x, xp.zeros_like(x)), axis=axes, keepdims=True) / total
        squares = xp.where(counts, (x - mean) ** 2, xp.zeros_like(x))
        variance = xp.sum(squares, axis=axes, keepdims=True) / total
        return xp.reshape(mean, (-1,)), xp.reshape(variance, (-1,))

    def _renormalised(self, xp: Any, mean: Array, variance: Array, gamma: Any, beta: Any) -> tuple[Array, Array]:
        """Gamma and beta with batch renormalisation's correction (r, d) in them; the statistics move."""
        stddev = xp.sqrt(variance + self.epsilon)
        slow = xp.maximum(self.renorm_stddev.value, xp.asarray(sqrt(self.epsilon), dtype=stddev.dtype))
        limits = self.renorm_clipping
        r = constant(xp, xp.clip(stddev / slow, limits.get("rmin"), limits.get("rmax")))
        d = constant(xp, (mean - self.renorm_mean.value) / slow)
        if "dmax" in limits:
            d = xp.clip(d, -limits["dmax"], limits["dmax"])
        self._move(self.renorm_mean, mean, self.renorm_momentum)
        self._move(self.renorm_stddev, stddev, self.renorm_momentum)
        self._move(self.moving_mean, mean, self.momentum)
        self._move(self.moving_stddev, stddev, self.momentum)
        self.moving_variance.assign(xp.maximum(self.moving_stddev.value**2 - self.epsilon, 0 * variance))
        scale = 1 if gamma is None else gamma
        return r * scale, d * scale if beta is None else d * scale + beta

    @classmethod
    def modernized(cls, config: Config) -> Config:
        """Keras 1 had modes, of which 0 is left."""
        dropped = ("mode",)
        return super().modernized({k: v for k, v in config.items() if not (k in dropped and not v)})
