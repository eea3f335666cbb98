"""`tf.data.experimental`: the older home of a few names."""

from __future__ import annotations

from typing import Any

from gatewise.base.absent import answer_for
from gatewise.base.arrays import Tensor
from gatewise.data.dataset import AUTOTUNE, Dataset
from gatewise.data.stages import INFINITE as INFINITE_CARDINALITY
from gatewise.data.stages import UNKNOWN as UNKNOWN_CARDINALITY

__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "cardinality", "get_single_element"]


def cardinality(dataset: Dataset) -> Tensor:
    """`dataset.cardinality()`."""
    return dataset.cardinality()


def get_single_element(dataset: Dataset) -> Any:
    """`dataset.get_single_element()`."""
    return dataset.get_single_element()


answer_for(__name__, "tf.data.experimental")
