"""The losses, as functions and as classes, under Keras's names.

A function takes targets and predictions and gives one number a sample (B,) or a step (B, T). A class reduces these to
one number for the batch, with weights and masks (`losses/reduction.py`). Both take NumPy's arrays and run at once, or
JAX's, and can be differentiated. What Keras 2 and 3 compute differently follows the generation in force
(`gatewise.base.release`).

>>> import numpy as np
>>> float(MeanSquaredError()(np.array([[0.0], [1.0]]), np.array([[1.0], [3.0]])))
2.5
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewise.base.absent import answer_for
from gatewise.base.registry import get_registered_name
from gatewise.base.typing import Shape
from gatewise.losses.base import Loss, LossFunctionWrapper
from gatewise.losses.checks import check_targets
from gatewise.losses.ctc import CTC, ctc
from gatewise.losses.hinge import CategoricalHinge, Hinge, SquaredHinge, categorical_hinge, hinge, squared_hinge
from gatewise.losses.overlap import Dice, Tversky, dice, tversky
from gatewise.losses.probabilistic import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from gatewise.losses.reduction import Reduction
from gatewise.losses.registry import LossLike, registry
from gatewise.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from gatewise.losses.similarity import Circle, circle

# The short names of Keras 2's module.
mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
bce = BCE = binary_crossentropy
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh
huber_loss = huber
cosine_proximity = cosine_similarity


def get(identifier: Any) -> LossLike | None:
    """The loss that `identifier` says: None, a name, a config, a class, a loss, or any function `(y_true, y_pred)`.

    Raises:
        ValueError: for an unknown name, with the nearest known one.
        TypeError: for something else.

    >>> get("mse") is mean_squared_error, get("Huber").delta
    (True, 1.0)
    >>> get("mean_square_error")
    Traceback (most recent call last):
        ...
    ValueError: Unknown loss 'mean_square_error': did you mean 'mean_squared_error'? If it is your own, name it in custom_objects: keras.utils.custom_object_scope({'mean_square_error': ...}).
    """  # noqa: E501
    return registry.get(identifier)


def serialize(loss: LossLike | None) -> Any:
    """A config for a loss, as Keras 3 writes it.

    >>> serialize(MeanSquaredError())["config"]
    {'name': 'mean_squared_error', 'reduction': 'sum_over_batch_size'}
    """
    return registry.serialize(loss)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> LossLike | None:
    """The loss that `serialize`, or any Keras, wrote.

    >>> deserialize(serialize(Huber(2.0))).delta
    2.0
    """
    return registry.deserialize(config, custom_objects)


def resolve(identifier: Any, y_true_shape: Shape, y_pred_shape: Shape) -> Loss | None:
    """The `Loss` that a trainer computes with: a function gets Keras's reduction, and its name.

    "crossentropy" and "ce" are the cross-entropy that the shapes ask for.

    >>> resolve("ce", (None,), (None, 7)).name, resolve("mse", (None, 1), (None, 1)).name
    ('ce', 'mse')
    """
    if identifier is None:
        return None
    loss = get(of_shapes(CROSSENTROPIES, y_true_shape, y_pred_shape) if is_crossentropy(identifier) else identifier)
    if isinstance(loss, Loss) or loss is None:
        return loss
    name = identifier if isinstance(identifier, str) else getattr(loss, "name", None) or get_registered_name(loss)
    return LossFunctionWrapper(loss, name=name)


CROSSENTROPIES = ("binary_crossentropy", "sparse_categorical_crossentropy", "categorical_crossentropy")


def is_crossentropy(identifier: Any) -> bool:
    """Whether it is a name for whichever cross-entropy fits."""
    return isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce")


def of_shapes(names: tuple[str, str, str], y_true_shape: Shape, y_pred_shape: Shape) -> str:
    """Of the names for two classes, for class ids and for one-hot vectors, that which the shapes ask for.

    Source: Keras's `compile_utils`, 2 and 3: one number is predicted; ids have fewer axes than the predictions, or 1 at
    the end.

    >>> of_shapes(("binary", "sparse", "one-hot"), (None, 5), (None, 5, 9))
    'sparse'
    """
    binary, sparse, one_hot = names
    if y_pred_shape[-1] == 1:
        return binary
    return sparse if len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1 else one_hot


__all__ = [
    "CTC",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "Reduction",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "check_targets",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "resolve",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]

answer_for(__name__, "gatewise.losses")
