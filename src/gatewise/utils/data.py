"""Sequences of many lengths in one array, and classes as vectors."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import Any

import numpy as np

from gatewise.arguments import one_of


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Put sequences of many lengths in one array.

    Args:
        sequences: a list of N sequences, each of numbers or of equally shaped items.
        maxlen: the length of all of them, by default that of the longest.
        dtype: of the array.
        padding: where a short one is filled: "pre", before it, or "post".
        truncating: where a long one is cut: "pre", at its beginning, or "post".
        value: what it is filled with.

    Returns:
        (N, maxlen), or (N, maxlen, ...) for items with axes of their own.

    Raises:
        TypeError: something that is not a list of sequences.
        ValueError: items of different shapes, or an unknown `padding` or `truncating`.

    >>> pad_sequences([[1], [2, 3, 4]], maxlen=2).tolist()
    [[0, 1], [3, 4]]
    """
    for word, given in (("padding", padding), ("truncating", truncating)):
        try:
            one_of("pre", "post")(given)
        except ValueError as error:
            raise ValueError(f"pad_sequences: {word}: {error}") from None
    rows = _rows(sequences)
    length = max(map(len, rows), default=0) if maxlen is None else maxlen
    item = next((np.asarray(row).shape[1:] for row in rows if len(row)), ())
    padded = np.full((len(rows), length, *item), value, dtype=dtype)
    for place, row in enumerate(rows):
        start = max(len(row) - length, 0) if truncating == "pre" else 0
        kept = np.asarray(row[start : start + length], dtype=dtype)
        if len(kept) and kept.shape[1:] != item:
            raise ValueError(
                f"pad_sequences: the items of sequence {place} have shape {kept.shape[1:]}, those of others {item}."
            )
        first = length - len(kept) if padding == "pre" else 0
        if len(kept):
            padded[place, first : first + len(kept)] = kept
    return padded


def _rows(sequences: Any) -> list[Sequence[Any]]:
    if not isinstance(sequences, Sized) or isinstance(sequences, (str, bytes)):
        raise TypeError(f"pad_sequences: expected a list of sequences, got {sequences!r}.")
    rows: list[Sequence[Any]] = list(sequences)  # type: ignore[call-overload]
    for place, row in enumerate(rows):
        if not isinstance(row, Sized):
            raise TypeError(f"pad_sequences: expected a list of sequences, but item {place} is {row!r}.")
    return rows


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers as vectors with a 1 at the class's place.

    Args:
        x: integers from 0, of any shape; a last axis of size 1 is dropped.
        num_classes: by default one more than the largest number.

    Returns:
        float64 of shape `(*x.shape, num_classes)`.

    Raises:
        ValueError: a number outside `[0, num_classes)`.

    >>> to_categorical([0, 2]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    numbers = np.asarray(x).astype("int64")
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    count = num_classes or (int(numbers.max()) + 1 if numbers.size else 0)
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < count:
        raise ValueError(
            f"to_categorical: with num_classes={count} the numbers must be from 0 to {count - 1}, "
            f"got {numbers.min()} to {numbers.max()}."
        )
    return np.asarray(numbers[..., None] == np.arange(count), dtype="float64")


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """Vectors divided by their length; a vector of zeros stays.

    Args:
        x: an array of any shape.
        axis: along which the vectors lie.
        order: of the norm: 2 for the Euclidean length.

    >>> normalize([3.0, 4.0]).tolist()
    [0.6, 0.8]
    """
    array = np.asarray(x)
    length = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(length == 0, 1, length)
