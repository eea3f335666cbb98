"""Layers that give the same numbers another shape."""

from __future__ import annotations

from gatewise.layers import Flatten, Reshape
from gatewise.streaming.emission import Emission, NotNativeError
from gatewise.streaming.rules.base import WholeSequence, rule


@rule(Flatten, Reshape)
class Reshaping(WholeSequence):
    """Another shape for what has no time axis."""

    def emit(self, to: Emission) -> None:
        x, y = self.only()
        if getattr(self.layer, "data_format", "channels_last") == "channels_first" and len(x.shape) > 1:
            raise NotNativeError
        to.put(y, to.number(x))
