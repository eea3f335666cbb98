"""Which kind of data it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gatewise.base import structure
from gatewise.data import Dataset
from gatewise.training.data.arrays import Arrays
from gatewise.training.data.base import INPUTS, Batch, Source, Weigh, plain
from gatewise.training.data.indexed import Indexed
from gatewise.training.data.iterated import Iterated
from gatewise.training.data.pipelines import Pipeline
from gatewise.training.data.sequences import Sequences

_USUAL_BATCH = 32


def adapt(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    shuffle: Any = False,
    class_weight: Mapping[Any, float] | None = None,
    inputs: int | None = 1,
    masked: bool | None = None,
) -> Source:
    """The source of batches for what `fit` was given.

    Args:
        x: arrays, frames or a structure of them; a list of sequences of unequal lengths; or what gives whole batches:
            a `Dataset`, a generator, a loader, a `Sequence`.
        y, sample_weight: the targets and weights; None where x gives whole batches.
        batch_size: samples in a batch, 32 by default; None where x gives whole batches.
        shuffle: for each epoch, where the kind of data can.
        class_weight: a weight for each class of the one output.
        inputs: how many the model has; None where that is not known.
        masked: for a list of sequences of unequal lengths, whether padded steps can be masked; None where x is none.

    Raises:
        TypeError, ValueError: for data that does not fit together.
    """
    size = _checked_size(batch_size)
    weigh = None if class_weight is None else _weigher(_checked_classes(class_weight))
    if not gives_batches(x):
        if masked is not None:
            if class_weight is not None:
                sample_weight = class_weights(np.asarray(y), class_weight, sample_weight)
            return Sequences(x, y, sample_weight, size or _USUAL_BATCH, shuffle, exact=not masked)
        x = np.asarray(x) if inputs in (1, None) and _is_rows(x) else x
        y, sample_weight = _rows(y, "The targets"), _rows(sample_weight, "sample_weight")
        whole = Batch(plain(x, INPUTS), plain(y, "The targets"), plain(sample_weight, "sample_weight"))
        return Arrays(whole if weigh is None else weigh(whole), size or _USUAL_BATCH, shuffle)
    for name, given in (("y", y), ("sample_weight", sample_weight)):
        if given is not None:
            raise ValueError(
                f"{type(x).__name__} gives whole batches (x, y) or (x, y, sample_weight): leave {name} out."
            )
    if isinstance(x, Dataset):
        return Pipeline(x, weigh)
    if hasattr(x, "__getitem__") and (hasattr(x, "__len__") or getattr(x, "num_batches", None) is not None):
        return Indexed(x, shuffle, weigh)
    return Iterated(x, weigh)


def gives_batches(x: Any) -> bool:
    """Whether x gives whole batches, rather than being the inputs itself."""
    if isinstance(x, (np.ndarray, list, tuple, dict, str, bytes)) or x is None:
        return False
    if any(hasattr(x, name) for name in ("to_numpy", "__array__", "__array_namespace__", "detach")):
        return False
    return isinstance(x, Iterable) or hasattr(x, "__getitem__") or hasattr(x, "__next__")


def _is_rows(x: Any) -> bool:
    """Whether lists of numbers stand for an array."""
    if not isinstance(x, (list, tuple)):
        return False
    leaves = structure.flatten(x)
    return not any(leaf is None or hasattr(leaf, "shape") or hasattr(leaf, "to_numpy") for leaf in leaves)


def _rows(part: Any, what: str) -> Any:
    """Lists of numbers as an array; anything else as it came.

    Raises:
        ValueError: for rows of unequal lengths.
    """
    if not _is_rows(part):
        return part
    try:
        return np.asarray(part)
    except ValueError:
        raise ValueError(
            f"{what} came as {len(part)} lists of unequal lengths, which go with a list of sequences of these lengths."
        ) from None


def _checked_size(batch_size: Any) -> int | None:
    wrong = isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1
    if batch_size is not None and wrong:
        raise ValueError(f"batch_size must be a positive integer, got {batch_size!r}.")
    return None if batch_size is None else int(batch_size)


def _checked_classes(class_weight: Any) -> Mapping[Any, float]:
    """The weights of classes.

    Raises:
        TypeError: for anything but a dict of numbers by the ids of classes.
    """
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"class_weight must be a dict of weights by the ids of classes, {{0: 1.0, 1: 2.5}}, got {class_weight!r}."
        )
    for key, weight in class_weight.items():
        if not isinstance(key, (int, np.integer)) or not isinstance(weight, (int, float, np.number)):
            raise TypeError(f"class_weight: expected a number for the id of a class, got {weight!r} for {key!r}.")
    return class_weight


def _weigher(class_weight: Mapping[Any, float]) -> Weigh:
    def weigh(batch: Batch) -> Batch:
        targets = structure.flatten(batch.y)
        if len(targets) != 1 or targets[0] is None:
            count = sum(each is not None for each in targets)
            raise ValueError(f"class_weight is for models with one output, but there are {count} targets.")
        return batch._replace(sample_weight=class_weights(targets[0], class_weight, batch.sample_weight))

    return weigh


def class_weights(y: np.ndarray, class_weight: Mapping[Any, float], sample_weight: Any) -> np.ndarray:
    """The weight of each target's class, times `sample_weight`.

    Args:
        y: class ids (N,), (N, 1) or (N, T), or one-hot vectors, whose last axis is longer than 1.
        class_weight: a weight for each class; a class that is absent keeps the weight 1, as in Keras 3.

    >>> class_weights(np.array([0, 2, 1]), {0: 1.0, 1: 2.0, 2: 3.0}, None).tolist()
    [1.0, 3.0, 2.0]
    """
    classes = y
    if y.ndim > 1:
        classes = y.argmax(-1) if y.shape[-1] > 1 else y[..., 0]
    ids, inverse = np.unique(np.rint(classes).astype("int64"), return_inverse=True)
    weights = np.array([float(class_weight.get(int(k), 1.0)) for k in ids], "float32")[inverse.reshape(classes.shape)]
    if sample_weight is None:
        return weights
    given = np.asarray(structure.flatten(sample_weight)[0], "float32")
    weighed: np.ndarray = weights * given.reshape(given.shape + (1,) * (weights.ndim - given.ndim))
    return weighed
