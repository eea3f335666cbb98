"""How predictions vary with targets."""

from __future__ import annotations

from typing import Any, Final

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.config import config
from gatewise.losses.arithmetic import as_result, divided, pair
from gatewise.metrics.base import Metric
from gatewise.metrics.gathering import OfFunction
from gatewise.metrics.registry import registered

AGGREGATIONS: Final = (None, "uniform_average", "variance_weighted_average")


def pearson_correlation(y_true: Array, y_pred: Array, axis: int = -1) -> Array:
    """Pearson's correlation along `axis`: 1 where predictions rise with targets on a line; NaN where one does not vary.

    >>> pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).round(4).tolist()
    [1.0]
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    a, b = (y - xp.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    spread = xp.std(a, axis=axis, keepdims=True) * xp.std(b, axis=axis, keepdims=True)
    return xp.mean(xp.where(spread == 0, xp.nan, divided(a * b, spread)), axis=axis)


def concordance_correlation(y_true: Array, y_pred: Array, axis: int = -1) -> Array:
    """Lin's concordance along `axis`: 1 where predictions equal targets.

    The covariance is taken about the predictions' mean on both sides, as in Keras 3.

    >>> concordance_correlation([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]).round(4).tolist()
    [1.0]
    """
    xp, y_true, y_pred = pair(y_true, y_pred)
    true_mean, pred_mean = (xp.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    true_var, pred_var = (xp.var(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    shared = (y_true - pred_mean) * (y_pred - pred_mean)
    norm = true_var + pred_var + (true_mean - pred_mean) ** 2
    return xp.mean(2 * shared / (norm + config.epsilon), axis=axis)


@registered()
class PearsonCorrelation(OfFunction):
    """The mean of `pearson_correlation`."""

    _direction = "up"
    function = pearson_correlation

    def __init__(self, name: str = "pearson_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype, axis=axis)


@registered()
class ConcordanceCorrelation(OfFunction):
    """The mean of `concordance_correlation`."""

    _direction = "up"
    function = concordance_correlation

    def __init__(self, name: str = "concordance_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype, axis=axis)


@registered()
class R2Score(Metric):
    """The share of the targets' variance (B, C) that predictions explain: 1 is all, 0 as much as their mean would.

    Args:
        class_aggregation: "uniform_average" of the columns, "variance_weighted_average", or None for each.
        num_regressors: how many variables predict, for the adjusted score; where there are too few numbers for it the
            score is the plain one.
        name: as for `Metric`.
        dtype: as for `Metric`.

    Raises:
        ValueError: for another aggregation, or a negative number of regressors.

    >>> round(float(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
    0.5714
    """

    _direction = "up"
    _arguments = ("class_aggregation", "num_regressors")

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, dtype)
        if class_aggregation not in AGGREGATIONS:
            raise ValueError(f"{name}: class_aggregation must be one of {AGGREGATIONS}, got {class_aggregation!r}.")
        if num_regressors < 0:
            raise ValueError(f"{name}: num_regressors must be 0 or more, got {num_regressors!r}.")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable(name="num_samples")

    def build(self, y_true_shape: Shape, y_pred_shape: Shape) -> None:
        if len(self._variables) > 1:
            return
        if len(y_true_shape) != 2 or len(y_pred_shape) != 2 or y_pred_shape[-1] is None:
            raise ValueError(
                f"{self.name}: expected targets and predictions (B, C), "
                f"got shapes {tuple(y_true_shape)} and {tuple(y_pred_shape)}."
            )
        shape = (y_pred_shape[-1],)
        self.squared_sum = self.add_variable(shape, name="squared_sum")
        self.sum = self.add_variable(shape, name="sum")
        self.total_mse = self.add_variable(shape, name="residual")
        self.count = self.add_variable(shape, name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        xp, y_true, y_pred = pair(y_true, y_pred)
        y_true, y_pred = xp.asarray(y_true, dtype=self.dtype), xp.asarray(y_pred, dtype=self.dtype)
        self.build(tuple(y_true.shape), tuple(y_pred.shape))
        weights = xp.asarray(1 if sample_weight is None else sample_weight, dtype=self.dtype)
        weights = xp.broadcast_to(weights[:, None] if weights.ndim == 1 else weights, y_true.shape)
        self.sum.assign_add(xp.sum(y_true * weights, axis=0))
        self.squared_sum.assign_add(xp.sum(y_true * y_true * weights, axis=0))
        self.total_mse.assign_add(xp.sum((y_true - y_pred) ** 2 * weights, axis=0))
        self.count.assign_add(xp.sum(weights, axis=0))
        self.num_samples.assign_add(y_true.size)

    def result(self) -> Array:
        self._refuse_unbuilt(2)
        residual = self.total_mse.value
        total = self.squared_sum.value - self.sum.value * divided(self.sum.value, self.count.value)
        xp = namespace(total)
        # Targets that do not vary: nothing explains them, and where nothing is left of them nothing can be said.
        constant = xp.where(residual == 0, xp.nan, xp.zeros_like(total))
        scores = xp.where(total == 0, constant, 1 - divided(residual, total))
        if self.class_aggregation == "uniform_average":
            scores = xp.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = xp.sum(total * scores) / xp.sum(total)
        if self.num_regressors:
            free = self.num_samples.value - self.num_regressors - 1
            adjusted = 1 - (1 - scores) * (self.num_samples.value - 1) / xp.where(free > 0, free, 1)
            scores = xp.where(free > 0, adjusted, scores)
        return as_result(scores)
