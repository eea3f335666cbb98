"""Data divided: the part for validation, and one batch alone."""

from __future__ import annotations

from typing import Any

from gatewise.base import structure
from gatewise.training.data import Batch
from gatewise.training.data.adapt import adapt, gives_batches
from gatewise.training.data.arrays import Arrays
from gatewise.training.data.base import INPUTS, counted, plain
from gatewise.training.data.sequences import are_ragged


def split(x: Any, y: Any, sample_weight: Any, share: float) -> tuple[Any, Any]:
    """The first samples for training, and the last `share` of them for validation.

    Raises:
        ValueError: data that gives batches, or a share that leaves either side empty.

    >>> split(list(range(10)), None, None, 0.25)[1][0]
    [7, 8, 9]
    """
    if gives_batches(x):
        raise ValueError(f"validation_split needs arrays, but {type(x).__name__} gives batches: use validation_data.")
    if are_ragged(x) or (not hasattr(x, "shape") and isinstance(x, list) and not _arrays(x)):
        count = len(x)
    else:
        count = counted(Batch(plain(x, INPUTS)))
    at = int(count * (1 - share))
    if at in (0, count):
        raise ValueError(f"validation_split={share} of {count} samples leaves none for one side.")
    parts = [(_cut(part, None, at), _cut(part, at, None)) for part in (x, y, sample_weight)]
    return tuple(first for first, _ in parts), tuple(last for _, last in parts)


def _arrays(x: Any) -> bool:
    return any(hasattr(leaf, "shape") for leaf in structure.flatten(x))


def _cut(part: Any, start: int | None, stop: int | None) -> Any:
    if part is None:
        return None
    if are_ragged(part) or (isinstance(part, (list, tuple)) and not _arrays(part)):
        return part[start:stop]
    return structure.map_structure(lambda leaf: None if leaf is None else plain(leaf, "The data")[start:stop], part)


def one_batch(x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Arrays:
    """A source of one batch: all that is given."""
    source = adapt(x, y, sample_weight, batch_size=1 << 40, class_weight=class_weight, inputs=None)
    if not isinstance(source, Arrays):
        raise TypeError(f"Expected the arrays of one batch, got {type(x).__name__}.")
    return source
