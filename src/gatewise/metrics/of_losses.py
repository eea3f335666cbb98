"""Metrics that are means of losses, and the functions beside them."""

from __future__ import annotations

from typing import Any

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.losses import probabilistic, regression
from gatewise.losses.arithmetic import as_result, divided, pair
from gatewise.losses.hinge import categorical_hinge, hinge, squared_hinge
from gatewise.metrics.gathering import Mean, OfFunction
from gatewise.metrics.registry import registered


@registered("mse", "MSE")
class MeanSquaredError(OfFunction):
    """The mean of `losses.mean_squared_error`.

    >>> float(MeanSquaredError()([[0.0], [1.0]], [[1.0], [3.0]]))
    2.5
    """

    function = regression.mean_squared_error


@registered("mae", "MAE")
class MeanAbsoluteError(OfFunction):
    """The mean of `losses.mean_absolute_error`."""

    function = regression.mean_absolute_error


@registered("mape", "MAPE")
class MeanAbsolutePercentageError(OfFunction):
    """The mean of `losses.mean_absolute_percentage_error`."""

    function = regression.mean_absolute_percentage_error


@registered("msle", "MSLE")
class MeanSquaredLogarithmicError(OfFunction):
    """The mean of `losses.mean_squared_logarithmic_error`."""

    function = regression.mean_squared_logarithmic_error


@registered("logcosh", "log_cosh")
class LogCoshError(OfFunction):
    """The mean of `losses.log_cosh`."""

    function = regression.log_cosh

    def __init__(self, name: str = "logcosh", dtype: Any = None) -> None:
        super().__init__(name, dtype)


@registered("cosine_proximity", "cosine")
class CosineSimilarity(OfFunction):
    """The mean cosine of the angle between targets and predictions: 1 where they point the same way."""

    _direction = "up"
    function = regression.cosine

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype, axis=axis)


@registered("rmse", "RMSE")
class RootMeanSquaredError(Mean):
    """The root of the mean squared error.

    >>> float(RootMeanSquaredError()([0.0, 0.0], [3.0, 3.0]))
    3.0
    """

    _direction = "down"

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        _, y_true, y_pred = pair(y_true, y_pred)
        super().update_state((y_pred - y_true) ** 2, sample_weight)

    def result(self) -> Array:
        mean = super().result()
        return as_result(namespace(mean).sqrt(mean))


@registered()
class MeanRelativeError(Mean):
    """The mean of `|y_true - y_pred| / normalizer`; a metric of Keras 2.

    >>> float(MeanRelativeError(normalizer=[1.0, 4.0])([1.0, 2.0], [2.0, 4.0]))
    0.75
    """

    _arguments = ("normalizer",)

    def __init__(self, normalizer: Any, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name or "mean_relative_error", dtype)
        self.normalizer = normalizer

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        xp, y_true, y_pred = pair(y_true, y_pred)
        errors = xp.abs(y_true - y_pred)
        super().update_state(divided(errors, xp.asarray(self.normalizer, dtype=errors.dtype)), sample_weight)


@registered()
class Hinge(OfFunction):
    """The mean of `losses.hinge`."""

    function = hinge


@registered()
class SquaredHinge(OfFunction):
    """The mean of `losses.squared_hinge`."""

    function = squared_hinge


@registered()
class CategoricalHinge(OfFunction):
    """The mean of `losses.categorical_hinge`."""

    function = categorical_hinge


@registered("kld", "KLD", "kullback_leibler_divergence")
class KLDivergence(OfFunction):
    """The mean of `losses.kl_divergence`."""

    function = probabilistic.kl_divergence


@registered()
class Poisson(OfFunction):
    """The mean of `losses.poisson`."""

    function = probabilistic.poisson


@registered("bce", "BCE")
class BinaryCrossentropy(OfFunction):
    """The mean of `losses.binary_crossentropy`."""

    function = probabilistic.binary_crossentropy

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


@registered()
class CategoricalCrossentropy(OfFunction):
    """The mean of `losses.categorical_crossentropy`."""

    function = probabilistic.categorical_crossentropy

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


@registered()
class SparseCategoricalCrossentropy(OfFunction):
    """The mean of `losses.sparse_categorical_crossentropy`."""

    function = probabilistic.sparse_categorical_crossentropy

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis)
