"""Attention by the sums of queries and keys."""

from __future__ import annotations

from typing import Any, ClassVar

from gatewise.arguments import Argument, flag
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.layer import registered
from gatewise.layers.attention.dot import Attention


@registered.register("AdditiveAttention")
class AdditiveAttention(Attention):
    """Attention whose score is s . tanh(q + k), with a weight s = `scale` (I,).

    Args:
        use_scale: whether there is an s; without one the tanh are summed as they are.
        dropout, seed, causal, sliding_window, **kwargs: as for `Attention`, which says how it is called too.

    Source: Bahdanau, Cho and Bengio (2014), https://arxiv.org/abs/1409.0473.

    >>> import numpy as np
    >>> AdditiveAttention()([np.zeros((2, 3, 8)), np.ones((2, 5, 8))]).shape
    (2, 3, 8)
    """

    _fixed: ClassVar[dict[str, Any]] = {"score_mode": "dot"}

    use_scale: Argument[bool, bool] = flag(True)

    def build(self, input_shape: Any) -> None:
        """Make the scale (I,)."""
        self.scale = None
        if self.use_scale:
            features = self._parts(input_shape)[2][-1]
            if features is None:
                raise ValueError(f"{self.label}: the last axis must be known to make the scale, got {input_shape}.")
            self.scale = self.add_weight(name="scale", shape=(features,), initializer="glorot_uniform")

    def _calculate_scores(self, query: Array, key: Array) -> Array:
        """(B, Tq, Tk), by way of (B, Tq, Tk, I)."""
        xp = namespace(query, key, self.scale.value if self.scale is not None else None)
        sums = xp.tanh(query[..., :, None, :] + key[..., None, :, :])
        return xp.sum(sums, axis=-1) if self.scale is None else xp.matmul(sums, self.scale.value)
