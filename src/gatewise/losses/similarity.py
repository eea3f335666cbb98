"""The circle loss: embeddings of one class together, those of others apart.

Source: Y. Sun et al., Circle Loss: A Unified Perspective of Pair Similarity Optimization (2020).
"""

from __future__ import annotations

from typing import Any

from gatewise.activations import softplus
from gatewise.base import masks
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.losses.arithmetic import at_least, floating
from gatewise.losses.base import OfFunction
from gatewise.losses.registry import registry, takes


@registry.register("circle")
@takes("embedded")
def circle(
    y_true: Array,
    y_pred: Array,
    ref_labels: Array | None = None,
    ref_embeddings: Array | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Array:
    """For each sample, how much nearer others of its class should be, and those of other classes farther.

    Samples with nothing to gain count in no mean.

    Args:
        y_true: the classes' ids (B,).
        y_pred: the embeddings (B, H), of length 1.
        ref_labels: the ids of what samples are compared with; by default the batch's own.
        ref_embeddings: and their embeddings.
        remove_diagonal: whether a sample is not compared with itself.
        gamma: the scale.
        margin: how near is near enough.

    >>> circle([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).round(4).tolist()
    [0.0, 0.0, 0.0]
    """
    y_pred = floating(y_pred)
    xp = namespace(y_true, y_pred)
    ids = xp.asarray(y_true).reshape(-1, 1)
    others = ids if ref_labels is None else xp.asarray(ref_labels).reshape(-1, 1)
    reference = y_pred if ref_embeddings is None else xp.asarray(ref_embeddings, dtype=y_pred.dtype)
    distances = at_least(1.0 - y_pred @ reference.T, 0.0)
    alike = ids == others.T
    unlike = ~alike
    if remove_diagonal:
        alike = alike & ~xp.eye(*alike.shape, dtype=bool)
    near = -gamma * (margin + distances) * (margin - distances)
    far = gamma * at_least(1.0 + margin - distances, 0.0) * (1.0 - margin - distances)
    losses = softplus(_log_sum_exp(xp, near, alike) + _log_sum_exp(xp, far, unlike))
    masks.attach(losses, losses > 0)
    return losses


def _log_sum_exp(xp: Any, x: Array, where: Array) -> Array:
    """`log(sum(exp(x)))` of each row, where `where` is; minus infinity, with gradient 0, where it is nowhere."""
    some = xp.any(where, axis=1)
    top = xp.where(some, xp.max(xp.where(where, x, -xp.inf), axis=1), 0)
    parts = xp.where(where, xp.exp(xp.where(where, x - top[:, None], 0)), 0)
    return xp.where(some, top + xp.log(xp.where(some, xp.sum(parts, axis=1), 1)), -xp.inf)


@registry.register("Circle")
class Circle(OfFunction):
    """See `circle`."""

    function = circle

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)
