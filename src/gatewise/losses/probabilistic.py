"""Losses of probabilities: cross-entropies and their kin.

Predictions are probabilities, or with `from_logits=True` what a sigmoid or a softmax would make probabilities of.
Probabilities are cut to [epsilon, 1 - epsilon]; where they are cut, their gradient is 0. Logits have none of this, and
are exact for the surest predictions.

Of optax's losses none is taken: they take JAX's arrays only, and do not cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.activations import log_softmax, sigmoid, softmax
from gatewise.base import masks, release
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.config import config
from gatewise.losses.arithmetic import bounded, floating, pair, probability
from gatewise.losses.base import OfFunction
from gatewise.losses.registry import registry, takes

# --- Two classes ------------------------------------------------------------------------------------------------


@registry.register("binary_crossentropy", "bce", "BCE")
@takes("same")
def binary_crossentropy(
    y_true: Array, y_pred: Array, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Array:
    """`-mean(y_true log(p) + (1 - y_true) log(1 - p))` over `axis`.

    Keras 2 adds epsilon to both logarithms' arguments once more; in its generations so does this.

    Args:
        y_true: the probabilities that are right: 0, 1 or between.
        y_pred: the predicted ones, or logits.
        from_logits: whether they are logits.
        label_smoothing: how far targets are drawn to 0.5: 0.1 makes 0 and 1 to 0.05 and 0.95.
        axis: what the mean is over.

    >>> print(binary_crossentropy([[0.0, 1.0]], [[0.5, 0.25]]).round(4))
    [1.0397]
    """
    xp, y_true, y_pred = _paired("binary_crossentropy", y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
    return xp.mean(_two_classes(y_true, y_pred, from_logits), axis=axis)


@registry.register("binary_focal_crossentropy")
@takes("same")
def binary_focal_crossentropy(
    y_true: Array,
    y_pred: Array,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """The binary cross-entropy times `(1 - p_t)**gamma`, p_t being what the right class got.

    Source: T.-Y. Lin et al., Focal Loss for Dense Object Detection (2017).

    Args:
        y_true: as for `binary_crossentropy`.
        y_pred: as for `binary_crossentropy`.
        apply_class_balancing: whether 1s weigh `alpha` and 0s `1 - alpha`.
        alpha: the weight of 1s.
        gamma: how much less what is predicted well counts.
        from_logits: as for `binary_crossentropy`.
        label_smoothing: as for `binary_crossentropy`.
        axis: as for `binary_crossentropy`.

    >>> print(binary_focal_crossentropy([[1.0]], [[0.5]]).round(4))
    [0.1733]
    """
    xp, y_true, y_pred = _paired("binary_focal_crossentropy", y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
    p = sigmoid(y_pred) if from_logits else y_pred
    p_t = y_true * p + (1.0 - y_true) * (1.0 - p)
    losses = (1.0 - p_t) ** gamma * _two_classes(y_true, y_pred, from_logits)
    if apply_class_balancing:
        losses = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * losses
    return xp.mean(losses, axis=axis)


def _two_classes(y_true: Array, y_pred: Array, from_logits: bool) -> Array:
    xp = namespace(y_true, y_pred)
    if from_logits:
        # -y log(s) - (1 - y) log(1 - s) for s = sigmoid(x), without the exponential of a large number
        positive = y_pred >= 0
        tail = xp.log1p(xp.exp(xp.where(positive, -y_pred, y_pred)))
        return xp.where(positive, y_pred, 0) - y_pred * y_true + tail
    p, not_p = probability(y_pred), _complement(y_pred)
    if release.current() != "keras3":
        p, not_p = p + config.epsilon, not_p + config.epsilon
    return -(y_true * xp.log(p) + (1.0 - y_true) * xp.log(not_p))


def _complement(y_pred: Array) -> Array:
    """`1 - probability(y_pred)`, cut once more, so that XLA does not add to the 1 what is added to the difference."""
    one = y_pred.dtype.type(1)
    low, high = (one - y_pred.dtype.type(end) for end in (1.0 - config.epsilon, config.epsilon))
    return bounded(1.0 - y_pred, low, high)


# --- Many classes -----------------------------------------------------------------------------------------------


@registry.register("categorical_crossentropy")
@takes("same")
def categorical_crossentropy(
    y_true: Array, y_pred: Array, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Array:
    """`-sum(y_true log(p))` over the classes; probabilities are first made to sum to 1.

    Args:
        y_true: the classes' right probabilities, such as one-hot vectors.
        y_pred: the predicted ones, or logits.
        from_logits: whether they are logits.
        label_smoothing: what part of the targets is spread evenly over the classes.
        axis: the classes.

    >>> print(categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4))
    [0.6931]
    """
    xp, y_true, y_pred = _paired("categorical_crossentropy", y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, _classes(y_true, axis))
    if from_logits:
        logs = log_softmax(y_pred, axis)
    else:
        logs = xp.log(probability(y_pred / xp.sum(y_pred, axis=axis, keepdims=True)))
    return -xp.sum(y_true * logs, axis=axis)


@registry.register("categorical_focal_crossentropy")
@takes("same")
def categorical_focal_crossentropy(
    y_true: Array,
    y_pred: Array,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """`-sum(alpha (1 - p)**gamma y_true log(p))` over the classes; see `binary_focal_crossentropy`.

    >>> print(categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4))
    [0.0433]
    """
    xp, y_true, y_pred = _paired("categorical_focal_crossentropy", y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, _classes(y_true, -1))
    p = softmax(y_pred, axis) if from_logits else y_pred
    p = probability(p / xp.sum(p, axis=axis, keepdims=True))
    return xp.sum(alpha * (1.0 - p) ** gamma * -y_true * xp.log(p), axis=axis)


@registry.register("sparse_categorical_crossentropy")
@takes("ids")
def sparse_categorical_crossentropy(
    y_true: Array, y_pred: Array, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Array:
    """`-log(p)` of the right class; probabilities are cut, and then made to sum to 1.

    Args:
        y_true: the classes' ids, the predictions' shape without `axis` (or 1 there).
        y_pred: the classes' probabilities, or logits.
        from_logits: whether they are logits.
        ignore_class: an id whose losses are 0, and do not count in the mean.
        axis: the classes.

    Raises:
        ValueError: for ids that are no class, on NumPy's arrays; under JAX their loss is NaN.

    >>> print(sparse_categorical_crossentropy([1, 0], [[0.5, 0.5], [0.25, 0.75]]).round(4))
    [0.6931 1.3863]
    """
    y_pred = floating(y_pred)
    xp = namespace(y_true, y_pred)
    ids, y_pred = _ids(xp, y_true, y_pred, axis)
    counts = None if ignore_class is None else ids != ignore_class
    if counts is not None:
        ids = xp.where(counts, ids, 0)
        y_pred = xp.where(counts[..., None], y_pred, 0)
    ids = _known(xp, ids, y_pred.shape[-1])
    logs = log_softmax(y_pred) if from_logits else _logs_of_parts(probability(y_pred))
    losses = -xp.take_along_axis(logs, xp.maximum(ids, 0)[..., None], axis=-1)[..., 0]
    if xp is not np:
        losses = xp.where(ids < 0, xp.nan, losses)
    if counts is not None:
        losses = xp.where(counts, losses, 0)
        if losses.ndim:
            masks.attach(losses, counts)
    return losses


@registry.register("categorical_generalized_cross_entropy")
@takes("ids")
def categorical_generalized_cross_entropy(y_true: Array, y_pred: Array, q: float) -> Array:
    """`(1 - p**q) / q` for the probability p of the right class: between the cross-entropy and the absolute error.

    Source: Z. Zhang and M. Sabuncu, Generalized Cross Entropy Loss (2018).

    >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], 0.5).tolist()
    [1.0]
    """
    y_pred = floating(y_pred)
    xp = namespace(y_true, y_pred)
    ids, y_pred = _ids(xp, y_true, y_pred, -1)
    ids = _known(xp, ids, y_pred.shape[-1])
    p = xp.take_along_axis(y_pred, xp.maximum(ids, 0)[..., None], axis=-1)[..., 0]
    p = p if xp is np else xp.where(ids < 0, xp.nan, p)
    # At 0 the power's gradient would be infinite.
    power = xp.where(p == 0, 0, xp.where(p == 0, 1, p) ** q)
    return (1.0 - power) / q


def _logs_of_parts(p: Array) -> Array:
    """The logarithms of `p / sum(p)`."""
    xp = namespace(p)
    return xp.log(p) - xp.log(xp.sum(p, axis=-1, keepdims=True))


def _ids(xp: Any, y_true: Array, y_pred: Array, axis: int) -> tuple[Array, Array]:
    """The ids as integers, and the predictions with the classes last."""
    ids = xp.asarray(y_true)
    if ids.ndim == y_pred.ndim and ids.shape[axis] == 1:
        ids = xp.squeeze(ids, axis=axis)
    y_pred = xp.moveaxis(y_pred, axis, -1)
    if ids.shape != y_pred.shape[:-1]:
        raise ValueError(
            f"Class ids of shape {tuple(ids.shape)} do not fit predictions of shape {tuple(y_pred.shape)}: expected "
            f"one id for each vector of {y_pred.shape[-1]} classes, {tuple(y_pred.shape[:-1])}."
        )
    return (ids if ids.dtype.kind in "iu" else xp.asarray(ids, dtype="int32")), y_pred


def _known(xp: Any, ids: Array, classes: int) -> Array:
    """The ids; on NumPy's arrays all of them are classes, under JAX those that are not become -1."""
    outside = (ids < 0) | (ids >= classes)
    if xp is not np:
        return xp.where(outside, -1, ids)
    if outside.any():
        raise ValueError(f"The class id {ids[outside].flat[0]} is out of range: expected 0 to {classes - 1}.")
    return ids


# --- Distributions ----------------------------------------------------------------------------------------------


@registry.register("kl_divergence", "kld", "KLD", "kullback_leibler_divergence")
@takes("broadcast")
def kl_divergence(y_true: Array, y_pred: Array) -> Array:
    """`sum(y_true log(y_true / y_pred))` over the last axis; both are cut to [epsilon, 1].

    >>> print(kl_divergence([[0.5, 0.5]], [[0.25, 0.75]]).round(4))
    [0.1438]
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    y_true, y_pred = (bounded(y, config.epsilon, 1.0) for y in (y_true, y_pred))
    return xp.sum(y_true * xp.log(y_true / y_pred), axis=-1)


@registry.register("poisson")
@takes("broadcast")
def poisson(y_true: Array, y_pred: Array) -> Array:
    """`mean(y_pred - y_true log(y_pred + epsilon))` over the last axis: counts against predicted rates.

    >>> poisson([[1.0, 2.0]], [[1.0, 1.0]]).round(4).tolist()
    [1.0]
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    return xp.mean(y_pred - y_true * xp.log(y_pred + config.epsilon), axis=-1)


# --- What they share --------------------------------------------------------------------------------------------


def _paired(name: str, y_true: Array, y_pred: Array) -> tuple[Any, Array, Array]:
    """As `pair`, for targets of the predictions' shape."""
    xp, y_true, y_pred = pair(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"{name}: targets of shape {tuple(y_true.shape)} do not fit predictions of shape {tuple(y_pred.shape)}: "
            f"expected the same shape."
        )
    return xp, y_true, y_pred


def class_axis(axis: Any) -> int:
    """The axis, or ValueError where it is none: True would be taken for 1."""
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
        raise ValueError(f"axis: expected an integer, got {axis!r}.")
    return int(axis)


def _smoothed(y_true: Array, label_smoothing: float, classes: int) -> Array:
    """The part `label_smoothing` of the targets spread evenly over the classes."""
    return y_true * (1.0 - label_smoothing) + label_smoothing / classes if label_smoothing else y_true


def _classes(y_true: Array, axis: int) -> int:
    """How many classes labels are spread over: Keras 3 counts the last axis, whichever the classes' is."""
    return int(y_true.shape[-1 if release.current() == "keras3" else axis])


# --- Classes ----------------------------------------------------------------------------------------------------


class _Crossentropy(OfFunction):
    """The arguments that crossentropies of probabilities share."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            reduction, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=class_axis(axis)
        )


@registry.register("BinaryCrossentropy")
class BinaryCrossentropy(_Crossentropy):
    """See `binary_crossentropy`.

    >>> round(float(BinaryCrossentropy(from_logits=True)([[0.0, 1.0]], [[0.0, 2.0]])), 4)
    0.41
    """

    function = binary_crossentropy


@registry.register("BinaryFocalCrossentropy")
class BinaryFocalCrossentropy(OfFunction):
    """See `binary_focal_crossentropy`."""

    function = binary_focal_crossentropy

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=class_axis(axis),
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
        )


@registry.register("CategoricalCrossentropy")
class CategoricalCrossentropy(_Crossentropy):
    """See `categorical_crossentropy`."""

    function = categorical_crossentropy


@registry.register("CategoricalFocalCrossentropy")
class CategoricalFocalCrossentropy(OfFunction):
    """See `categorical_focal_crossentropy`."""

    function = categorical_focal_crossentropy

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=class_axis(axis),
            alpha=alpha,
            gamma=gamma,
        )


@registry.register("SparseCategoricalCrossentropy")
class SparseCategoricalCrossentropy(OfFunction):
    """See `sparse_categorical_crossentropy`.

    >>> round(float(SparseCategoricalCrossentropy(ignore_class=0)([1, 0], [[0.5, 0.5], [0.25, 0.75]])), 4)
    0.6931
    """

    function = sparse_categorical_crossentropy

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            reduction, name, dtype, from_logits=from_logits, ignore_class=ignore_class, axis=class_axis(axis)
        )


@registry.register("CategoricalGeneralizedCrossEntropy")
class CategoricalGeneralizedCrossEntropy(OfFunction):
    """See `categorical_generalized_cross_entropy`.

    Raises:
        ValueError: where q is not between 0 and 1.
    """

    function = categorical_generalized_cross_entropy

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"CategoricalGeneralizedCrossEntropy: q must be between 0 and 1, got {q!r}.")
        super().__init__(reduction, name, dtype, q=q)


@registry.register("KLDivergence")
class KLDivergence(OfFunction):
    """See `kl_divergence`."""

    function = kl_divergence


@registry.register("Poisson")
class Poisson(OfFunction):
    """See `poisson`."""

    function = poisson
