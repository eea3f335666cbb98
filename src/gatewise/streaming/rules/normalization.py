"""Normalisation at inference."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise import layers
from gatewise.base.typing import Array
from gatewise.streaming.emission import Emission, NotNativeError
from gatewise.streaming.rules.base import PerStep, rule
from gatewise.streaming.values import Value


@rule(layers.UnitNormalization, layers.RMSNormalization)
class Normalization(PerStep):
    """Normalisation along axes other than time."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses a norm along the time axis."""
        self.check_axes(shapes, "normalises along the time axis")
        super().check(shapes)

    def along_features(self) -> tuple[Value, Value]:
        """The input and the output of a norm along the last axis; NotNativeError for any other."""
        (x, y), axis = self.only(), self.layer.axis
        rank = len(x.shape) + (2 if x.timed else 1)
        if not x.shape or isinstance(axis, list) or axis % rank != rank - 1:
            raise NotNativeError
        return x, y


@rule(layers.BatchNormalization)
class BatchNormalization(Normalization):
    """The moving averages, gamma and beta as one factor and one offset."""

    def emit(self, to: Emission) -> None:
        x, y = self.along_features()
        to.put(y, to.program.scale_shift(to.number(x), *self._folded()), to.mask(x))

    def _folded(self) -> tuple[Array, Array]:
        layer = self.layer
        gamma, beta, mean, variance = map(
            self.weight, (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
        )
        factor = 1 / np.sqrt(variance + np.float32(layer.epsilon))
        factor = factor if gamma is None else factor * gamma
        offset = -mean * factor if beta is None else beta - mean * factor
        return factor, offset


@rule(layers.LayerNormalization)
class LayerNormalization(Normalization):
    """The mean and the variance of each time step's features."""

    def emit(self, to: Emission) -> None:
        x, y = self.along_features()
        layer, size = self.layer, x.shape[-1]
        if layer.rms_scaling:
            raise NotNativeError
        gamma, beta = self.weight(layer.gamma), self.weight(layer.beta)
        gamma = np.ones(size, np.float32) if gamma is None else gamma
        beta = np.zeros(size, np.float32) if beta is None else beta
        to.put(y, to.program.layer_norm(to.number(x), layer.epsilon, gamma, beta), to.mask(x))
