"""Weights divided by their spectral norm."""

from __future__ import annotations

from typing import Any

from gatewise.arguments import Argument, count
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.initializers import TruncatedNormal
from gatewise.layer import registered
from gatewise.layer.input_spec import InputSpec
from gatewise.layers.normalization.base import constant
from gatewise.recurrent import Wrapper


@registered.register("SpectralNormalization")
class SpectralNormalization(Wrapper):
    """A layer whose kernel is divided by its largest singular value, in training before each call.

    The value is found by power iteration, from a vector that is kept: as the kernel changes little from step to step,
    one iteration a step will do. The kernel is seen as a matrix (..., O). At inference the layer computes with the
    kernel that training left.

    Args:
        layer: one with a `kernel`, or with `embeddings`.
        power_iterations: how many a call, at least 1.
        **kwargs: see `Layer`.

    Raises:
        ValueError: when built, for a layer with neither.

    Source: Miyato et al. (2018), https://arxiv.org/abs/1802.05957.

    >>> import numpy as np
    >>> from gatewise.layers import Dense
    >>> layer = SpectralNormalization(Dense(2, kernel_initializer="ones"), power_iterations=3)
    >>> _ = layer(np.ones((1, 2)), training=True)
    >>> float(np.linalg.norm(layer.layer.kernel.numpy(), 2).round(4))
    1.0
    """

    power_iterations: Argument[int, int] = count(1)

    why_whole_sequence = "calls a layer of its own, which may look at any step"

    def build(self, input_shape: Any = None) -> None:
        """Make the layer's weights, and the vector (1, O)."""
        super().build(input_shape)
        kernel = getattr(self.layer, "kernel", None)
        kernel = getattr(self.layer, "embeddings", None) if kernel is None else kernel
        if kernel is None:
            raise ValueError(f"{self.label}: {self.layer.label} has neither a kernel nor embeddings to normalise.")
        self.kernel = kernel
        self.vector_u = self.add_weight(
            name="vector_u",
            shape=(1, kernel.shape[-1]),
            initializer=TruncatedNormal(stddev=0.02),
            trainable=False,
            dtype=kernel.dtype.name,
        )
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})

    def call(self, inputs: Array, training: bool = False) -> Any:
        """What the layer gives, in training with the kernel normalised and kept so."""
        if training:
            self._normalise()
        return self.layer(inputs)

    def _normalise(self) -> None:
        kernel, u = self.kernel.value, self.vector_u.value
        xp = namespace(kernel, u)
        weights = xp.reshape(kernel, (-1, kernel.shape[-1]))
        v = u
        for _ in range(self.power_iterations):
            v = _of_length_1(xp, xp.matmul(u, weights.T))
            u = _of_length_1(xp, xp.matmul(v, weights))
        u, v = constant(xp, u), constant(xp, v)
        norm = xp.matmul(xp.matmul(v, weights), u.T)[0, 0]
        zero = xp.all(kernel == 0)  # Nothing to divide, and no direction.
        self.vector_u.assign(xp.where(zero, self.vector_u.value, u))
        divided = constant(xp, xp.where(zero, kernel, kernel / xp.where(zero, xp.ones_like(norm), norm)))
        # The kernel is the divided one from here on, for training too: a step goes from there, by its own gradient.
        self.kernel.assign(divided + (kernel - constant(xp, kernel)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The layer's."""
        return self.layer.compute_output_shape(input_shape)


def _of_length_1(xp: Any, x: Array) -> Array:
    return x / xp.sqrt(xp.maximum(xp.sum(x * x), xp.asarray(1e-12, dtype=x.dtype)))
