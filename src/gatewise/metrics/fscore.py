"""The F-scores: precision and recall in one number, for each class (B, C)."""

from __future__ import annotations

from typing import Any, Final

from gatewise.base import release
from gatewise.base.arrays import as_array, namespace
from gatewise.base.typing import Array, Config, Shape
from gatewise.config import config
from gatewise.losses.arithmetic import as_result, divided
from gatewise.metrics.base import Metric
from gatewise.metrics.registry import registered

AVERAGES: Final = (None, "micro", "macro", "weighted")


@registered()
class FBetaScore(Metric):
    """`(1 + beta**2) precision recall / (beta**2 precision + recall)` of each class.

    Keras 3 adds epsilon to what is divided by; Keras 2 gives 0 where that is 0.

    Args:
        average: None for a number for each class; "macro" for their mean, "weighted" for that weighted by how often
            each occurs, "micro" for the score of all classes together.
        beta: how much more recall counts than precision.
        threshold: what predictions are above; by default the largest of each sample is positive.
        name: as for `Metric`.
        dtype: as for `Metric`.

    >>> score = FBetaScore(beta=2.0, threshold=0.5)
    >>> score([[1, 0], [1, 1]], [[0.9, 0.2], [0.3, 0.8]]).round(3).tolist() == [0.5559999942779541, 1.0]
    True
    """

    _direction = "up"
    _arguments = ("average", "beta", "threshold")

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, dtype)
        if average not in AVERAGES:
            raise ValueError(f"{name}: average must be one of {AVERAGES}, got {average!r}.")
        for argument, value in (("beta", beta), ("threshold", threshold)):
            if not isinstance(value, float) and (argument == "beta" or value is not None):
                raise ValueError(f"{name}: {argument} must be a float, got {value!r}.")
        if not beta > 0:
            raise ValueError(f"{name}: beta must be above 0, got {beta!r}.")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"{name}: threshold must be above 0, and 1 at most, got {threshold!r}.")
        self.average = average
        self.beta = beta
        self.threshold = threshold

    def build(self, y_true_shape: Shape, y_pred_shape: Shape) -> None:
        if self._variables:
            return
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2 or y_pred_shape[-1] is None:
            raise ValueError(
                f"{self.name}: expected targets and predictions (B, C), "
                f"got shapes {tuple(y_true_shape)} and {tuple(y_pred_shape)}."
            )
        shape = () if self.average == "micro" else (y_pred_shape[-1],)
        self.true_positives = self.add_variable(shape, dtype=self.dtype, name="true_positives")
        self.false_positives = self.add_variable(shape, dtype=self.dtype, name="false_positives")
        self.false_negatives = self.add_variable(shape, dtype=self.dtype, name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, dtype=self.dtype, name="intermediate_weights")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = as_array(y_true, "y_true"), as_array(y_pred, "y_pred")
        self.build(tuple(y_true.shape), tuple(y_pred.shape))
        xp = namespace(y_true, y_pred)
        y_true, y_pred = xp.asarray(y_true, dtype=self.dtype), xp.asarray(y_pred, dtype=self.dtype)
        if self.threshold is None:
            positive = (y_pred >= xp.max(y_pred, axis=-1, keepdims=True)) & (xp.abs(y_pred) > 1e-9)
        else:
            positive = y_pred > self.threshold
        y_pred = xp.asarray(positive, dtype=self.dtype)
        weights = 1 if sample_weight is None else xp.asarray(sample_weight, dtype=self.dtype)[..., None]
        for variable, values in (
            (self.true_positives, y_pred * y_true),
            (self.false_positives, y_pred * (1 - y_true)),
            (self.false_negatives, (1 - y_pred) * y_true),
            (self.intermediate_weights, y_true),
        ):
            variable.assign_add(xp.sum(values * weights, axis=None if self.average == "micro" else 0))

    def result(self) -> Array:
        self._refuse_unbuilt()
        tp = self.true_positives.value
        xp = namespace(tp)
        precision = _over(tp, tp + self.false_positives.value)
        recall = _over(tp, tp + self.false_negatives.value)
        scores = _over(precision * recall, self.beta**2 * precision + recall) * (1 + self.beta**2)
        if self.average == "weighted":
            weights = self.intermediate_weights.value
            return as_result(xp.sum(scores * _over(weights, xp.sum(weights))))
        return as_result(scores if self.average is None else xp.mean(scores))


def _over(a: Array, b: Array) -> Array:
    return a / (b + config.epsilon) if release.current() == "keras3" else divided(a, b)


@registered()
class F1Score(FBetaScore):
    """`FBetaScore` with beta = 1: the harmonic mean of precision and recall."""

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> Config:
        return {key: value for key, value in super().get_config().items() if key != "beta"}
