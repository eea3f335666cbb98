"""Data in two parts, and batches as tuples."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base import structure
from gatewise.data import Dataset
from gatewise.random import generator


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """Two datasets of the elements of one, which is read once and kept.

    Args:
        dataset: a `Dataset`, or anything with elements, or arrays (N, ...) as a tuple, dict or alone.
        left_size: how many elements the first has; a fraction of them below 1.0; None for the rest.
        right_size: the same of the second.
        shuffle: whether the elements are mixed before.
        seed: of the order.
        preferred_backend: accepted, as in Keras 3.

    Raises:
        ValueError: sizes that the elements do not have, or none at all.

    >>> train, test = split_dataset(np.arange(10), right_size=0.2)
    >>> len(list(train)), [int(x) for x in test]
    (8, [8, 9])
    """
    elements = _elements(dataset)
    left, right = _sizes(len(elements), left_size, right_size)
    order = generator(seed).permutation(len(elements)) if shuffle else range(len(elements))
    chosen = [elements[place] for place in order]
    return _stacked(chosen[:left]), _stacked(chosen[-right:])


def _elements(dataset: Any) -> list[Any]:
    leaves = structure.flatten(tuple(dataset) if isinstance(dataset, list) else dataset)
    if all(isinstance(leaf, np.ndarray) for leaf in leaves):
        return list(Dataset.from_tensor_slices(tuple(dataset) if isinstance(dataset, list) else dataset))
    return list(dataset)


def _sizes(count: int, left: float | None, right: float | None) -> tuple[int, int]:
    """How many elements each part has."""
    if left is None and right is None:
        raise ValueError("split_dataset: left_size or right_size must say how large a part is, but both are None.")
    asked = {"left_size": left, "right_size": right}
    whole = {name: _whole(name, size, count) for name, size in asked.items() if size is not None}
    first = whole.get("left_size", count - whole.get("right_size", 0))
    second = whole.get("right_size", count - first)
    if first + second > count or not first or not second:
        raise ValueError(
            f"split_dataset: {count} elements cannot be split with left_size={left} and right_size={right}: each part "
            f"must have an element, and both together at most {count}."
        )
    return first, second


def _whole(name: str, size: Any, count: int) -> int:
    if isinstance(size, bool) or not isinstance(size, (int, float, np.number)) or size <= 0:
        raise ValueError(f"split_dataset: {name} must be a positive number, but {size!r} came.")
    if isinstance(size, (float, np.floating)):
        if size >= 1:
            raise ValueError(
                f"split_dataset: {name}={size} is a fraction and must be below 1; give a number as an int."
            )
        return round(float(size) * count)
    return int(size)


def _stacked(elements: list[Any]) -> Dataset:
    """Elements of one structure as a dataset."""
    columns = zip(*map(structure.flatten, elements), strict=True)
    return Dataset.from_tensor_slices(structure.rebuild(elements[0], map(np.stack, columns)))


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """A batch as `fit` takes it: x alone, or a tuple of what is there.

    >>> pack_x_y_sample_weight(1), pack_x_y_sample_weight(1, 2), pack_x_y_sample_weight(1, None, 3)
    (1, (1, 2), (1, None, 3))
    """
    if sample_weight is not None:
        return x, y, sample_weight
    if y is not None:
        return x, y
    return (x,) if isinstance(x, (list, tuple)) else x


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """x, y and the weights of a batch that `train_step` got; None for what is not there.

    Raises:
        ValueError: for a tuple of another length.

    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(f"A batch is x, (x, y) or (x, y, sample_weight), but a tuple of {len(data)} came.")
    return (*data, None, None)[:3]
