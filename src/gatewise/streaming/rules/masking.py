"""Layers that say which time steps count."""

from __future__ import annotations

import numpy as np

from gatewise import layers
from gatewise.streaming.emission import Emission, NotNativeError
from gatewise.streaming.rules.base import PerStep, rule


@rule(layers.Masking)
class Masking(PerStep):
    """A mask where all features equal a value."""

    def emit(self, to: Emission) -> None:
        x, y = self.only()
        if not x.timed or len(x.shape) != 1:
            raise NotNativeError
        number, mask = to.program.masking(to.number(x), float(np.float32(self.layer.mask_value)))
        to.put(y, number, mask)
