"""From one loss a sample or a step to one number: weights, masks, and what is divided by.

**Weights.** A weight multiplies its loss. The mean ("sum_over_batch_size") still divides by the number of losses, not
by the sum of the weights; "mean_with_sample_weight" divides by that sum. A weight for each sample, (B,), holds for all
steps of losses (B, T): tf_keras's meaning. Keras 3 aligns such weights with the last axis: it fails, or where
B equals T weighs the steps instead.

**Masks.** A mask that travels with the predictions, or with the losses (`ignore_class`), takes its losses out.

    keras3, tf2   the mean divides by the number of losses that count; where none does it is 0 (tf_keras: NaN)
    tf1           masked losses are 0, and the mean still divides by the number of all
                  (tensorflow/python/keras/engine/training.py, 1.14)
"""

from __future__ import annotations

from typing import Any, Final

from gatewise.base import release
from gatewise.base.arrays import as_array, namespace
from gatewise.base.typing import Array
from gatewise.base.words import nearest
from gatewise.losses.arithmetic import divided

MEANS: Final = ("sum_over_batch_size", "mean")
REDUCTIONS: Final = ("sum", *MEANS, "mean_with_sample_weight", "none", None)


class Reduction:
    """Keras 2's names for reductions: `tf.keras.losses.Reduction.SUM`."""

    AUTO = "auto"
    NONE = "none"
    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"


def checked(reduction: Any) -> str | None:
    """The reduction, with Keras 2's "auto" as what it means.

    Raises:
        ValueError: for an unknown one.
    """
    if reduction == "auto":
        return "sum_over_batch_size"
    if reduction not in REDUCTIONS:
        names = [name for name in REDUCTIONS if name]
        raise ValueError(
            f"Unknown reduction {reduction!r}: expected one of {', '.join(names)} or None."
            f"{nearest(str(reduction), names)}"
        )
    return reduction  # type: ignore[no-any-return]


def reduced(losses: Array, weights: Any, mask: Array | None, reduction: str | None) -> Array:
    """The losses, weighed and masked, as `reduction` says.

    Args:
        losses: one number a sample or a step: (B,), (B, T), or without axes.
        weights: numbers that broadcast with the losses, one for each sample, or None.
        mask: True where a loss counts, of the losses' shape or its beginning, or None.
        reduction: one of `REDUCTIONS`.

    Raises:
        ValueError: where weights or mask do not fit the losses.
    """
    factor = None
    if mask is not None:
        factor = _mask_weights(fitted(mask, losses, "The mask of the predictions"), losses, reduction)
    if weights is not None:
        weights = as_array(weights, "sample_weight")
        weights = namespace(weights).asarray(fitted(weights, losses, "sample_weight"), dtype=losses.dtype)
        factor = weights if factor is None else weights * factor
    if factor is not None:
        losses = losses * factor
    if reduction in ("none", None) or losses.ndim == 0 or losses.shape == (0,):
        return losses
    xp = namespace(losses)
    total = xp.sum(losses)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and factor is not None:
        return divided(total, xp.sum(factor))
    return divided(total, xp.asarray(losses.size, dtype=losses.dtype))


def _mask_weights(mask: Array, losses: Array, reduction: str | None) -> Array:
    """0 for what is masked; for the means, what makes them means over the rest."""
    xp = namespace(mask, losses)
    weights = xp.asarray(mask, dtype=losses.dtype)
    if reduction not in MEANS or release.current() == "tf1":
        return weights
    return weights * divided(xp.asarray(weights.size, dtype=losses.dtype), xp.sum(weights))


def fitted(weights: Array, losses: Array, what: str) -> Array:
    """The weights with axes that broadcast with the losses': (B,) becomes (B, 1) next to losses (B, T).

    Raises:
        ValueError: where they do not fit; `what` names them.
    """
    found, wanted = tuple(weights.shape), tuple(losses.shape)
    if not wanted or not found:
        return weights
    if len(found) == len(wanted) + 1 and found[-1] == 1:
        weights = weights[..., 0]
    missing = len(wanted) - weights.ndim
    if missing > 0:
        weights = weights.reshape((*weights.shape, *(1 for _ in range(missing))))
    if missing < 0 or any(one not in (1, size) for one, size in zip(weights.shape, wanted, strict=True)):
        raise ValueError(
            f"{what} of shape {found} does not fit losses of shape {wanted}: "
            f"expected one number a sample, {wanted[:1]}"
            + (f", or one for each loss, {wanted}." if len(wanted) > 1 else ".")
        )
    return weights


def both(a: Array | None, b: Array | None) -> Array | None:
    """Where both masks count; None where there is none."""
    if a is None or b is None:
        return b if a is None else a
    return a & b
