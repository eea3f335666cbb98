"""Integers that stand for floats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scale:
    """What the integers of a tensor stand for: (q - zero) x scale.

    Attributes:
        scale: (1,), or (N,) along the axis.
        zero: the same.
        axis: which has a scale for each of its places.
    """

    scale: np.ndarray
    zero: np.ndarray
    axis: int

    def _along(self, values: np.ndarray, rank: int) -> np.ndarray:
        if values.size == 1:
            return values.reshape(())
        return values.reshape([-1 if axis == self.axis else 1 for axis in range(rank)])

    def real(self, q: np.ndarray) -> np.ndarray:
        """The floats."""
        wide = q.astype("i8") - self._along(self.zero, q.ndim)
        return np.asarray(wide.astype("f4") * self._along(self.scale, q.ndim))

    def quantized(self, x: np.ndarray, dtype: str) -> np.ndarray:
        """The nearest integers."""
        limits = np.iinfo(dtype)
        q = np.rint(x / self._along(self.scale, x.ndim)) + self._along(self.zero, x.ndim)
        return np.asarray(np.clip(q, limits.min, limits.max).astype(dtype))
