"""The metrics, as classes and as functions, under Keras's names.

A metric gathers batches: `update_state(y_true, y_pred, sample_weight)`, then `result()`, and `reset_state()` to start
anew. It takes NumPy's arrays at once, and under `jax.jit` JAX's (`stateless_update_state`). Functions give one number a
sample. What Keras 2 and 3 compute differently follows the generation in force (`gatewise.base.release`).

>>> metric = BinaryAccuracy()
>>> metric.update_state([1, 0], [0.8, 0.9]); metric.update_state([1], [0.7])
>>> round(float(metric.result()), 4)
0.6667
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewise import losses
from gatewise.base.absent import answer_for
from gatewise.base.registry import get_registered_name
from gatewise.base.typing import Shape
from gatewise.losses import (
    BCE,
    KLD,
    MAE,
    MAPE,
    MSE,
    MSLE,
    bce,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    kld,
    kullback_leibler_divergence,
    log_cosh,
    logcosh,
    mae,
    mape,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    mse,
    msle,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from gatewise.losses.registry import registry as _of_losses
from gatewise.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from gatewise.metrics.base import Metric
from gatewise.metrics.confusion import (
    AUC,
    FalseNegatives,
    FalsePositives,
    Precision,
    PrecisionAtRecall,
    Recall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    TrueNegatives,
    TruePositives,
)
from gatewise.metrics.correlation import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    R2Score,
    concordance_correlation,
    pearson_correlation,
)
from gatewise.metrics.fscore import F1Score, FBetaScore
from gatewise.metrics.gathering import Mean, MeanMetricWrapper, Sum
from gatewise.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from gatewise.metrics.of_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanRelativeError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from gatewise.metrics.registry import registry

FUNCTIONS = (
    binary_accuracy, categorical_accuracy, concordance_correlation, pearson_correlation, sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy, top_k_categorical_accuracy,
)  # fmt: skip
_functions = {function.__name__: function for function in FUNCTIONS}


def get(identifier: Any) -> Any:
    """The metric that `identifier` says: None, a name, a config, a class, a metric, or any function `(y_true, y_pred)`.

    A loss's name that no metric has is the loss's function.

    Raises:
        ValueError: for an unknown name, with the nearest known one.
        TypeError: for something else.

    >>> get("AUC").num_thresholds, get("huber").__name__
    (200, 'huber')
    >>> get("precison")
    Traceback (most recent call last):
        ...
    ValueError: Unknown metric 'precison': did you mean 'precision'? If it is your own, name it in custom_objects: keras.utils.custom_object_scope({'precison': ...}).
    """  # noqa: E501
    if isinstance(identifier, str) and identifier not in registry and identifier in _of_losses:
        return losses.get(identifier)
    return registry.get(identifier)


def serialize(metric: Any) -> Any:
    """A config for a metric, as Keras 3 writes it.

    >>> serialize(BinaryAccuracy())["config"]
    {'name': 'binary_accuracy', 'dtype': 'float32', 'threshold': 0.5}
    """
    return losses.serialize(metric) if _of_losses.name_of(metric) else registry.serialize(metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The metric that `serialize`, or any Keras, wrote.

    >>> deserialize(serialize(BinaryAccuracy(threshold=0.25))).threshold
    0.25
    """
    name = config.get("config") if isinstance(config, Mapping) and config.get("class_name") == "function" else None
    if name in _functions:
        return _functions[name]
    if name is not None and name in _of_losses:
        return losses.deserialize(config, custom_objects)
    return registry.deserialize(config, custom_objects)


def resolve(identifier: Any, y_true_shape: Shape, y_pred_shape: Shape) -> Metric | None:
    """The `Metric` that a trainer gathers with, under the name that programs read in its history.

    "accuracy" and "acc" are the accuracy that the shapes ask for, "crossentropy" and "ce" the cross-entropy. A function
    or a loss is gathered as a mean.

    >>> resolve("acc", (None,), (None, 7)).name, type(resolve("accuracy", (None, 1), (None, 1))).__name__
    ('acc', 'BinaryAccuracy')
    """
    if identifier is None:
        return None
    found: Any = get(_of_shapes(identifier, y_true_shape, y_pred_shape))
    if not isinstance(found, Metric):
        name = getattr(found, "name", None) or get_registered_name(found)
        return MeanMetricWrapper(found, name=identifier if isinstance(identifier, str) else name)
    if isinstance(identifier, str):
        found.name = identifier
    return found


def _of_shapes(identifier: Any, y_true_shape: Shape, y_pred_shape: Shape) -> Any:
    if losses.is_crossentropy(identifier):
        return losses.of_shapes(losses.CROSSENTROPIES, y_true_shape, y_pred_shape)
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        names = ("binary_accuracy", "sparse_categorical_accuracy", "categorical_accuracy")
        return losses.of_shapes(names, y_true_shape, y_pred_shape)
    return identifier


__all__ = [
    "AUC",
    "BCE",
    "KLD",
    "MAE",
    "MAPE",
    "MSE",
    "MSLE",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanRelativeError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "bce",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "kld",
    "kullback_leibler_divergence",
    "log_cosh",
    "logcosh",
    "mae",
    "mape",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mse",
    "msle",
    "pearson_correlation",
    "poisson",
    "resolve",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

answer_for(__name__, "gatewise.metrics")
