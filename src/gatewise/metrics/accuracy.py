"""How often predictions are right."""

from __future__ import annotations

from typing import Any

from gatewise.base import release
from gatewise.base.arrays import as_array, namespace
from gatewise.base.typing import Array
from gatewise.config import config
from gatewise.losses.arithmetic import same_rank
from gatewise.metrics.gathering import OfFunction
from gatewise.metrics.registry import registered


def _arrays(y_true: Any, y_pred: Any) -> tuple[Any, Array, Array]:
    y_true, y_pred = as_array(y_true, "y_true"), as_array(y_pred, "y_pred")
    xp = namespace(y_true, y_pred)
    return xp, xp.asarray(y_true), xp.asarray(y_pred)


def _as_numbers(xp: Any, matches: Array) -> Array:
    return xp.asarray(matches, dtype=config.floatx)


def accuracy(y_true: Array, y_pred: Array) -> Array:
    """1 where predictions equal targets, else 0.

    >>> accuracy([1, 2, 3], [1, 0, 3]).tolist()
    [1.0, 0.0, 1.0]
    """
    xp, y_true, y_pred = _arrays(y_true, y_pred)
    y_true, y_pred = same_rank(y_true, y_pred)
    return _as_numbers(xp, xp.asarray(y_true, dtype=y_pred.dtype) == y_pred)


def binary_matches(y_true: Array, y_pred: Array, threshold: float = 0.5) -> Array:
    """1 where predictions above the threshold are 1 and the others 0, else 0."""
    xp, y_true, y_pred = _arrays(y_true, y_pred)
    y_true, y_pred = same_rank(y_true, y_pred)
    return _as_numbers(xp, xp.asarray(y_pred > threshold, dtype=y_true.dtype) == y_true)


def binary_accuracy(y_true: Array, y_pred: Array, threshold: float = 0.5) -> Array:
    """1 where predictions above the threshold are 1 and the others 0, else 0; in Keras 2 the mean over the last axis.

    >>> binary_accuracy([[1], [1]], [[0.7], [0.4]]).tolist()
    [[1.0], [0.0]]
    """
    matches = binary_matches(y_true, y_pred, threshold)
    return matches if release.current() == "keras3" else matches.mean(axis=-1)


def categorical_accuracy(y_true: Array, y_pred: Array) -> Array:
    """1 where the largest prediction is where the largest target is.

    >>> categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.3, 0.7]]).tolist()
    [1.0, 0.0]
    """
    xp, y_true, y_pred = _arrays(y_true, y_pred)
    return _as_numbers(xp, xp.argmax(y_true, axis=-1) == xp.argmax(y_pred, axis=-1))


def sparse_categorical_accuracy(y_true: Array, y_pred: Array) -> Array:
    """1 where the largest prediction is the target's class.

    >>> sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.3, 0.7]]).tolist()
    [1.0, 0.0]
    """
    xp, ids, y_pred = _arrays(y_true, y_pred)
    if ids.ndim == y_pred.ndim and ids.shape[-1] == 1:
        ids = ids[..., 0]
    matches = _as_numbers(xp, ids == xp.argmax(y_pred, axis=-1))
    return matches[..., 0] if matches.ndim > 1 and matches.shape[-1] == 1 else matches


def top_k_categorical_accuracy(y_true: Array, y_pred: Array, k: int = 5) -> Array:
    """1 where the class of the largest target is among the `k` largest predictions.

    >>> top_k_categorical_accuracy([[0, 0, 1]], [[0.5, 0.2, 0.3]], k=2).tolist()
    [1.0]
    """
    y_true = as_array(y_true, "y_true")
    return sparse_top_k_categorical_accuracy(namespace(y_true).argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Array, y_pred: Array, k: int = 5, from_sorted_ids: bool = False) -> Array:
    """1 where the target's class is among the `k` largest predictions; what ties with the last of them counts.

    Args:
        y_true: the classes' ids.
        y_pred: the predictions, one for each class.
        k: how many count.
        from_sorted_ids: whether `y_pred` has the predicted classes' ids instead, the best first.

    >>> sparse_top_k_categorical_accuracy([2], [[0.5, 0.2, 0.3]], k=2).tolist()
    [1.0]
    """
    xp, ids, y_pred = _arrays(y_true, y_pred)
    shape = ids.shape
    if ids.ndim == y_pred.ndim:
        ids = ids[..., 0]
    if from_sorted_ids:
        matches = xp.any(ids[..., None] == y_pred[..., :k], axis=-1)
    else:
        ids = xp.asarray(ids, dtype="int32")
        known = (ids >= 0) & (ids < y_pred.shape[-1])
        own = xp.take_along_axis(y_pred, xp.where(known, ids, 0)[..., None], axis=-1)
        matches = known & xp.isfinite(own[..., 0]) & (xp.sum(y_pred > own, axis=-1) < k)
    return _as_numbers(xp, matches).reshape(shape)


@registered("acc", "ACC")
class Accuracy(OfFunction):
    """How often predictions equal targets.

    >>> float(Accuracy()([1, 2, 3, 4], [1, 0, 3, 4]))
    0.75
    """

    _direction = "up"
    function = accuracy


@registered()
class BinaryAccuracy(OfFunction):
    """How often predictions are on the right side of the threshold.

    Raises:
        ValueError: for a threshold that is not between 0 and 1.

    >>> float(BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1.0], [0.0], [0.6]]))
    0.75
    """

    _direction = "up"
    function = binary_matches

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(name, dtype, threshold=threshold)


@registered()
class CategoricalAccuracy(OfFunction):
    """How often the largest prediction is where the largest target is."""

    _direction = "up"
    function = categorical_accuracy


@registered()
class SparseCategoricalAccuracy(OfFunction):
    """How often the largest prediction is the target's class."""

    _direction = "up"
    function = sparse_categorical_accuracy


@registered()
class TopKCategoricalAccuracy(OfFunction):
    """How often the right class is among the `k` largest predictions."""

    _direction = "up"
    function = top_k_categorical_accuracy

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name, dtype, k=k)


@registered()
class SparseTopKCategoricalAccuracy(OfFunction):
    """How often the target's class is among the `k` largest predictions."""

    _direction = "up"
    function = sparse_top_k_categorical_accuracy

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(name, dtype, k=k, **({"from_sorted_ids": True} if from_sorted_ids else {}))
        self.from_sorted_ids = from_sorted_ids
