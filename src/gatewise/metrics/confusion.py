"""Metrics of true and false positives and negatives, at one threshold or at many.

A prediction above a threshold is positive. For thresholds that lie evenly from 0 to 1 the predictions are sorted into
as many bins, which takes one pass whatever their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final, NamedTuple

import numpy as np

from gatewise.activations import sigmoid
from gatewise.base.arrays import as_array, namespace
from gatewise.base.typing import Array, Config, Shape
from gatewise.base.variable import Variable
from gatewise.config import config
from gatewise.losses.arithmetic import as_result, divided, same_rank
from gatewise.losses.reduction import fitted
from gatewise.metrics.base import Metric
from gatewise.metrics.registry import registered

# What is not among the top k counts as this much.
NEGATIVE: Final = -1e10


class Counts(NamedTuple):
    """The weights of each kind, one for each threshold (K,), or for each threshold and label (K, L)."""

    true_positives: Array
    false_positives: Array
    true_negatives: Array
    false_negatives: Array


def counted(
    y_true: Any,
    y_pred: Any,
    thresholds: Sequence[float],
    weights: Any = None,
    *,
    top_k: int | None = None,
    class_id: int | None = None,
    label_weights: Any = None,
    by_label: bool = False,
) -> Counts:
    """How many predictions are right and wrong, and how.

    Args:
        y_true: 0 and 1; anything but 0 is 1.
        y_pred: the predictions, of the same shape.
        thresholds: from the least to the largest.
        weights: one for each sample, or for each prediction.
        top_k: only the largest so many of the last axis are positive.
        class_id: only this place of the last axis counts.
        label_weights: one for each place of the last axis.
        by_label: whether to count each place of the last axis (B, L) by itself.
    """
    dtype = config.floatx
    y_true, y_pred = as_array(y_true, "y_true"), as_array(y_pred, "y_pred")
    xp = namespace(y_true, y_pred)
    y_pred, y_true = same_rank(xp.asarray(y_pred, dtype=dtype), xp.asarray(y_true, dtype=dtype))
    if y_true.shape != y_pred.shape:
        raise ValueError(f"Targets of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}.")
    if top_k is not None:
        y_pred = _only_top(xp, y_pred, top_k)
    if class_id is not None:
        if y_pred.ndim < 2:
            raise ValueError(f"class_id needs predictions (B, C), but the shape {y_pred.shape} came.")
        y_true, y_pred = (y[..., class_id][..., None] for y in (y_true, y_pred))
    all_weights = xp.ones(y_pred.shape, dtype=dtype)
    if weights is not None:
        weights = as_array(weights, "sample_weight")
        all_weights = all_weights * xp.asarray(fitted(weights, y_pred, "sample_weight"), dtype=dtype)
    if label_weights is not None:
        all_weights = all_weights * xp.asarray(label_weights, dtype=dtype)
    columns = (-1, y_pred.shape[-1]) if by_label else (-1, 1)
    labels, values, all_weights = (part.reshape(columns) for part in (y_true != 0, y_pred, all_weights))
    positive, negative = xp.where(labels, all_weights, 0), xp.where(labels, 0, all_weights)
    above = _in_bins if evenly_spaced(thresholds) else _compared
    tp, fp = (above(xp, values, each, thresholds) for each in (positive, negative))
    counts = Counts(tp, fp, xp.sum(negative, axis=0) - fp, xp.sum(positive, axis=0) - tp)
    return counts if by_label else Counts(*(count[:, 0] for count in counts))


def evenly_spaced(thresholds: Sequence[float]) -> bool:
    """Whether there are three thresholds or more, and they lie evenly from 0 to 1, but for epsilon.

    >>> evenly_spaced([0.0, 0.5, 1.0]), evenly_spaced([0.0, 0.4, 1.0])
    (True, False)
    """
    if len(thresholds) < 3:
        return False
    return bool(np.allclose(thresholds, np.linspace(0, 1, len(thresholds)), atol=config.epsilon))


def _in_bins(xp: Any, values: Array, weights: Array, thresholds: Sequence[float]) -> Array:
    """For each of K even thresholds the weights (N, L) of the values above it: (K, L)."""
    size = len(thresholds)
    values = xp.clip(values, 0, 1)
    bins = xp.ceil(values * (size - 1))  # above so many thresholds
    if thresholds[0] < 0 or thresholds[-1] > 1:
        bins = xp.maximum(bins, 1)  # 0 itself is above the first
    bins = xp.asarray(xp.where(xp.isnan(values), 0, bins), dtype="int32")
    labels = values.shape[1]
    places = bins * labels + xp.arange(labels, dtype="int32")
    sums = summed(xp, weights.reshape(-1), places.reshape(-1), (size + 1) * labels).reshape(size + 1, labels)
    return xp.flip(xp.cumsum(xp.flip(sums, axis=0), axis=0), axis=0)[1:]


def _compared(xp: Any, values: Array, weights: Array, thresholds: Sequence[float]) -> Array:
    """The same for thresholds of any kind."""
    edges = xp.asarray(np.asarray(thresholds), dtype=values.dtype)
    return xp.sum(xp.where(values[None] > edges[:, None, None], weights[None], 0), axis=1)


def summed(xp: Any, values: Array, places: Array, size: int) -> Array:
    """The sums of the values at each place from 0 to `size`, in the values' dtype."""
    if xp is np:
        return np.bincount(places, weights=values, minlength=size).astype(values.dtype)
    return xp.zeros(size, dtype=values.dtype).at[places].add(values)


def _only_top(xp: Any, y_pred: Array, k: int) -> Array:
    """The `k` largest of the last axis, and `NEGATIVE` for the others; of equal ones the first."""
    order = xp.argsort(-y_pred, axis=-1, stable=True)
    ranks = xp.argsort(order, axis=-1, stable=True)
    return xp.where(ranks < k, y_pred, NEGATIVE)


def checked_thresholds(thresholds: Any, default: float) -> list[float]:
    """The thresholds as a list.

    Raises:
        ValueError: for one that is not between 0 and 1.
    """
    if thresholds is None:
        return [default]
    found = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    wrong = [each for each in found if each is None or not 0 <= each <= 1]
    if wrong or not found:
        raise ValueError(f"Thresholds must be between 0 and 1, but {wrong or thresholds!r} came.")
    return found


# --- Counts -----------------------------------------------------------------------------------------------------


class _Counting(Metric):
    """A metric whose variables are some of the counts, under their names."""

    counts: ClassVar[tuple[str, ...]]
    thresholds: list[float]
    class_id: int | None = None
    top_k: int | None = None

    def _add_counts(self, shape: tuple[int, ...]) -> None:
        for name in self.counts:
            setattr(self, name, self.add_variable(shape, name=name))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self._add(counted(y_true, y_pred, self.thresholds, sample_weight, top_k=self.top_k, class_id=self.class_id))

    def _add(self, found: Counts) -> None:
        for name in self.counts:
            self._of(name).assign_add(getattr(found, name))

    def _of(self, name: str) -> Variable:
        return getattr(self, name)  # type: ignore[no-any-return]

    def _ratio(self, part: str, other: str) -> Array:
        """`part / (part + other)`."""
        amount = self._of(part).value
        return divided(amount, amount + self._of(other).value)

    def _one(self, results: Array) -> Array:
        return as_result(results[0] if len(self.thresholds) == 1 else results)


class _Count(_Counting):
    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self.init_thresholds = thresholds
        self.thresholds = checked_thresholds(thresholds, 0.5)
        self.accumulator = self.add_variable((len(self.thresholds),), name="accumulator")

    def _add(self, found: Counts) -> None:
        self.accumulator.assign_add(getattr(found, self.counts[0]))

    def result(self) -> Array:
        return self._one(self.accumulator.value)

    def get_config(self) -> Config:
        return {**super().get_config(), "thresholds": self.init_thresholds}


@registered()
class TruePositives(_Count):
    """How many 1s are predicted.

    >>> float(TruePositives()([0, 1, 1], [0.7, 0.7, 0.3]))
    1.0
    """

    counts = ("true_positives",)


@registered()
class FalsePositives(_Count):
    """How many 0s are predicted to be 1."""

    counts = ("false_positives",)


@registered()
class TrueNegatives(_Count):
    """How many 0s are predicted."""

    counts = ("true_negatives",)


@registered()
class FalseNegatives(_Count):
    """How many 1s are predicted to be 0."""

    counts = ("false_negatives",)


# --- Precision and recall ---------------------------------------------------------------------------------------


class _Share(_Counting):
    _direction = "up"
    _arguments = ("top_k", "class_id")

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.thresholds = checked_thresholds(thresholds, 0.5 if top_k is None else NEGATIVE)
        self._add_counts((len(self.thresholds),))

    def result(self) -> Array:
        return self._one(self._ratio(*self.counts))

    def get_config(self) -> Config:
        return {**super().get_config(), "thresholds": self.init_thresholds}


@registered()
class Precision(_Share):
    """What share of the predicted 1s are 1.

    Args:
        thresholds: one, or several for as many results; 0.5 by default.
        top_k: only the largest so many predictions of a sample are positive.
        class_id: only this class counts.
        name: as for `Metric`.
        dtype: as for `Metric`.

    >>> float(Precision()([0, 1, 1, 1], [0.7, 0.7, 0.9, 0.8]))
    0.75
    """

    counts = ("true_positives", "false_positives")


@registered()
class Recall(_Share):
    """What share of the 1s is predicted; the arguments are `Precision`'s.

    >>> float(Recall()([0, 1, 1], [0.7, 0.7, 0.3]))
    0.5
    """

    counts = ("true_positives", "false_negatives")


RATIOS: Final = {
    "precision": ("true_positives", "false_positives"),
    "recall": ("true_positives", "false_negatives"),
    "sensitivity": ("true_positives", "false_negatives"),
    "specificity": ("true_negatives", "false_positives"),
}


class _BestAt(_Counting):
    """The best of one ratio over all thresholds at which another is as wanted."""

    _direction = "up"
    counts = Counts._fields
    wanted: ClassVar[str]
    best: ClassVar[str]

    def __init__(self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any) -> None:
        super().__init__(name, dtype)
        if not 0 <= value <= 1:
            raise ValueError(f"{type(self).__name__}: {self.wanted} must be between 0 and 1, got {value!r}.")
        if num_thresholds < 1:
            raise ValueError(f"{type(self).__name__}: num_thresholds must be 1 or more, got {num_thresholds!r}.")
        self.value = value
        setattr(self, self.wanted, value)  # Keras has it under its own name too: metric.specificity.
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = [0.5] if num_thresholds == 1 else np.linspace(0, 1, num_thresholds).tolist()
        self._add_counts((num_thresholds,))

    def result(self) -> Array:
        constrained, best = (self._ratio(*RATIOS[name]) for name in (self.wanted, self.best))
        xp = namespace(constrained)
        return as_result(xp.max(xp.where(constrained >= self.value, best, 0)))

    def get_config(self) -> Config:
        inner = {"class_id": self.class_id, "num_thresholds": self.num_thresholds, self.wanted: self.value}
        return {**super().get_config(), **inner}


@registered()
class SensitivityAtSpecificity(_BestAt):
    """The largest share of 1s predicted, where a given share of 0s is predicted.

    >>> float(SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    wanted, best = "specificity", "sensitivity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


@registered()
class SpecificityAtSensitivity(_BestAt):
    """The largest share of 0s predicted, where a given share of 1s is predicted."""

    wanted, best = "sensitivity", "specificity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


@registered()
class PrecisionAtRecall(_BestAt):
    """The largest precision at a given recall."""

    wanted, best = "recall", "precision"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)


@registered()
class RecallAtPrecision(_BestAt):
    """The largest recall at a given precision."""

    wanted, best = "precision", "recall"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)


# --- The area under a curve -------------------------------------------------------------------------------------


@registered()
class AUC(_Counting):
    """The area under the curve of recall over the false positives' rate ("ROC"), or of precision over recall ("PR").

    Source: J. Davis and M. Goadrich, The Relationship Between Precision-Recall and ROC Curves (2006), for the
    interpolation of "PR"; P. Flach and M. Kull, Precision-Recall-Gain Curves (2015).

    Args:
        num_thresholds: how many points the curve has.
        curve: "ROC", "PR", or "PRGAIN" for precision and recall as gains over a guess.
        summation_method: "interpolation" between points, or the lower ("minoring") or upper ("majoring") sum.
        name: as for `Metric`.
        dtype: as for `Metric`.
        thresholds: the points themselves, between 0 and 1.
        multi_label: whether each label (B, L) has a curve, and the result is their mean.
        num_labels: how many labels there are; by default what comes first says it.
        label_weights: how much each label counts.
        from_logits: whether predictions are logits.

    >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.75
    """

    _direction = "up"
    counts = Counts._fields

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name, dtype)
        self.curve = _among("curve", str(curve).upper().replace("_", ""), ("ROC", "PR", "PRGAIN"))
        self.summation_method = _among(
            "summation_method", str(summation_method).lower(), ("interpolation", "majoring", "minoring")
        )
        inner = None if thresholds is None else sorted(checked_thresholds(thresholds, 0.5))
        self.init_thresholds = inner
        self.num_thresholds = num_thresholds if inner is None else len(inner) + 2
        if self.num_thresholds < 2:
            raise ValueError(f"AUC: num_thresholds must be 2 or more, got {num_thresholds!r}.")
        if num_labels and not multi_label:
            raise ValueError("AUC: num_labels says how many curves multi_label=True makes; without it there is one.")
        inner = np.linspace(0, 1, self.num_thresholds)[1:-1].tolist() if inner is None else inner
        # All predictions are above the first, none above the last.
        self.thresholds = [-config.epsilon, *inner, 1 + config.epsilon]
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = label_weights
        self.from_logits = from_logits
        if not multi_label or num_labels:
            self.build((), (None, num_labels))

    def build(self, y_true_shape: Shape, y_pred_shape: Shape) -> None:
        if self._variables:
            return
        if self.multi_label and len(y_pred_shape) != 2:
            raise ValueError(f"AUC: multi_label needs predictions (B, L), but the shape {tuple(y_pred_shape)} came.")
        labels = (int(y_pred_shape[1] or 0),) if self.multi_label else ()
        self._add_counts((self.num_thresholds, *labels))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = as_array(y_pred, "y_pred")
        self.build((), tuple(y_pred.shape))
        y_pred = sigmoid(y_pred) if self.from_logits else y_pred
        weights = None if self.multi_label else self.label_weights
        self._add(
            counted(y_true, y_pred, self.thresholds, sample_weight, label_weights=weights, by_label=self.multi_label)
        )

    def result(self) -> Array:
        self._refuse_unbuilt()
        interpolated = self.curve == "PR" and self.summation_method == "interpolation"
        parts = self._interpolated() if interpolated else self._riemann(*self._points())
        xp = namespace(parts)
        areas = xp.sum(parts, axis=0)
        if not self.multi_label:
            return as_result(areas)
        if self.label_weights is None:
            return as_result(xp.mean(areas))
        weights = xp.asarray(self.label_weights, dtype=areas.dtype)
        return as_result(divided(xp.sum(areas * weights), xp.sum(weights)))

    def _points(self) -> tuple[Array, Array]:
        """The curve's x and y at each threshold."""
        recall = self._ratio("true_positives", "false_negatives")
        if self.curve == "ROC":
            return self._ratio("false_positives", "true_negatives"), recall
        if self.curve == "PR":
            return recall, self._ratio("true_positives", "false_positives")
        tp, fp, tn, fn = (self._of(name).value for name in self.counts)
        xp = namespace(tp)
        scale = divided(tp + fn, tn + fp)
        recall_gain = xp.maximum(xp.where(tp == 0, 0, 1 - scale * divided(fn, tp)), 0)
        return recall_gain, xp.where(tp == 0, 1, 1 - scale * divided(fp, tp))

    def _riemann(self, x: Array, y: Array) -> Array:
        xp = namespace(x)
        heights = {"interpolation": lambda a, b: (a + b) / 2, "minoring": xp.minimum, "majoring": xp.maximum}
        return (x[:-1] - x[1:]) * heights[self.summation_method](y[:-1], y[1:])

    def _interpolated(self) -> Array:
        """Between two points of the precision's curve true positives, not precisions, are interpolated."""
        tp, fp, _, fn = (self._of(name).value for name in self.counts)
        xp = namespace(tp)
        p = tp + fp
        slope = divided(tp[:-1] - tp[1:], xp.maximum(p[:-1] - p[1:], 0))
        intercept = tp[1:] - slope * p[1:]
        both = (p[:-1] > 0) & (p[1:] > 0)
        ratio = xp.where(both, divided(p[:-1], xp.where(both, p[1:], 1)), 1)
        return divided(slope * (tp[:-1] - tp[1:] + intercept * xp.log(ratio)), tp[1:] + fn[1:])

    def get_config(self) -> Config:
        names = (
            "num_thresholds",
            "curve",
            "summation_method",
            "multi_label",
            "num_labels",
            "label_weights",
            "from_logits",
        )
        found = {**super().get_config(), **{name: getattr(self, name) for name in names}}
        return found if self.init_thresholds is None else {**found, "thresholds": self.init_thresholds}


def _among(what: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"AUC: {what} must be one of {', '.join(known)}, got {value!r}.")
    return value
