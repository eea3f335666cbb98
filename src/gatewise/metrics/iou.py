"""Intersection over union: of what is a class or is predicted to be, the share that is both."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

from gatewise.base import release
from gatewise.base.arrays import as_array, is_floating, namespace
from gatewise.base.typing import Array, Config
from gatewise.config import config
from gatewise.losses.arithmetic import as_result, divided
from gatewise.losses.reduction import fitted
from gatewise.metrics.base import Metric
from gatewise.metrics.confusion import summed
from gatewise.metrics.registry import registered


@registered()
class IoU(Metric):
    """The mean intersection over union of some classes; those that never occur do not count.

    Keras 3 counts in int64, so that weights are cut to integers, and adds epsilon to what is divided by; Keras 2
    counts in float32. Pairs whose class is out of range do not count.

    Args:
        num_classes: how many classes there are.
        target_class_ids: which count.
        name: as for `Metric`.
        dtype: as for `Metric`.
        ignore_class: a target's class whose pairs do not count.
        sparse_y_true: whether targets are ids, and not vectors with one number a class.
        sparse_y_pred: whether predictions are.
        axis: the classes, where they are vectors.

    >>> round(float(IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    _direction = "up"

    written: ClassVar[tuple[str, ...]] = (
        "num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis",
    )  # fmt: skip

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        dtype = "int64" if dtype in ("int", None) and release.current() == "keras3" else dtype
        super().__init__(name, dtype)
        if max(target_class_ids) >= num_classes:
            raise ValueError(f"{self.name}: the class {max(target_class_ids)} is not among {num_classes} classes.")
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable((num_classes, num_classes), dtype=self.dtype, name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = as_array(y_true, "y_true"), as_array(y_pred, "y_pred")
        xp = namespace(y_true, y_pred)
        y_true = y_true if self.sparse_y_true else xp.argmax(y_true, axis=self.axis)
        y_pred = y_pred if self.sparse_y_pred else xp.argmax(y_pred, axis=self.axis)
        counts = self.total_cm.value
        xp = namespace(y_true, y_pred, counts)
        weights = xp.ones(y_true.shape, dtype=counts.dtype)
        if sample_weight is not None:
            weights = weights * self._in_dtype(
                xp, fitted(as_array(sample_weight, "sample_weight"), y_true, "sample_weight")
            )
        y_true, y_pred = (xp.asarray(y, dtype="int32").reshape(-1) for y in (y_true, y_pred))
        size = self.num_classes
        known = (y_true >= 0) & (y_true < size) & (y_pred >= 0) & (y_pred < size)
        if self.ignore_class is not None:
            known = known & (y_true != self.ignore_class)
        places = xp.where(known, y_true * size + y_pred, 0)
        found = summed(xp, xp.where(known, weights.reshape(-1), 0), places, size * size)
        self.total_cm.assign_add(found.reshape(size, size))

    def _in_dtype(self, xp: Any, weights: Array) -> Array:
        if is_floating(weights) and self.dtype.startswith("int"):
            warnings.warn(
                f"{self.name} counts in {self.dtype}, as in Keras 3, so fractions of weights are lost: dtype='float32' "
                f"keeps them.",
                stacklevel=4,
            )
        return xp.asarray(weights, dtype=self.total_cm.value.dtype)

    def result(self) -> Array:
        matrix = self.total_cm.value
        xp = namespace(matrix)
        wanted = xp.asarray(self.target_class_ids)
        both = xp.asarray(xp.diagonal(matrix)[wanted], dtype="float32")
        either = xp.asarray((xp.sum(matrix, axis=0) + xp.sum(matrix, axis=1))[wanted], dtype="float32") - both
        more = config.epsilon if release.current() == "keras3" else 0.0
        shares = divided(both, xp.where(either > 0, either + more, 0))
        return as_result(divided(xp.sum(shares), xp.sum(xp.asarray(either > 0, dtype="float32")) + more))

    def get_config(self) -> Config:
        return {**super().get_config(), **{name: getattr(self, name) for name in self.written}}


@registered()
class BinaryIoU(IoU):
    """The intersection over union of 0s and 1s; predictions from the threshold on are 1.

    >>> round(float(BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
    0.3333
    """

    written: ClassVar[tuple[str, ...]] = ("target_class_ids", "threshold")

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_true, as_array(y_pred, "y_pred") >= self.threshold, sample_weight)


@registered()
class MeanIoU(IoU):
    """The mean intersection over union of all classes.

    >>> round(float(MeanIoU(2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    written: ClassVar[tuple[str, ...]] = ("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


@registered()
class OneHotIoU(IoU):
    """`IoU` for targets that are one-hot vectors."""

    written: ClassVar[tuple[str, ...]] = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


@registered()
class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` for targets that are one-hot vectors."""

    written: ClassVar[tuple[str, ...]] = ("num_classes", "ignore_class", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
