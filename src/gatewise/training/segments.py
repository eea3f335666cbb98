"""Batches gathered into segments: runs of batches of one shape, or of a few, as arrays (S, B, ...) on a device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from gatewise.base import structure
from gatewise.base.typing import Array
from gatewise.distribution.placing import placing_now
from gatewise.training.data import Batch, Source
from gatewise.training.data.arrays import Arrays
from gatewise.training.data.sequences import Sequences, rounded_up

ARRAYS_BYTES: Final = 1 << 26
"""A segment of data that is in memory has about as many bytes."""
ITERATED_BYTES: Final = 1 << 22
_ITERATED_BATCHES: Final = 16
"""The same for batches that come one by one, which have to be waited for."""


_MOST_SHAPES: Final = 16
"""A segment has batches of so many shapes at most: the compiled function holds the step once for each."""


class Mixed(NamedTuple):
    """Batches of several shapes, in their order.

    Args:
        batches: those of each shape as arrays (n, B, ...).
        shape: of which shape each batch is, (S,).
        place: where it stands among those of its shape, (S,).
    """

    batches: tuple[Batch, ...]
    shape: Array
    place: Array


class Segment(NamedTuple):
    """Some batches of one shape, or of several.

    Args:
        data: their arrays (S, B, ...), or those of each shape.
        real: how many samples of each are real, (S,).
        batches: how many there are; the rest of S is empty.
    """

    data: Batch | Mixed
    real: Array
    batches: int


def segments(source: Source, fills_up: bool, one_by_one: bool, steps: int | None = None) -> Iterator[Segment]:
    """An epoch of a source.

    Args:
        source: of the batches.
        fills_up: whether short batches are filled up to the size of the others.
        one_by_one: whether each segment has one batch.
        steps: so many batches at most.
    """
    if isinstance(source, Arrays):
        found = _of_arrays(source, fills_up)
    elif isinstance(source, Sequences) and placing_now() is None and _fits(source, fills_up):
        found = _of_sequences(source, fills_up)
    else:
        found = _of_batches(source, fills_up, one_by_one, steps)
    yield from found


def _bytes(batch: Batch) -> int:
    return sum(leaf.nbytes for part in batch for leaf in structure.flatten(part) if leaf is not None)


def _of_arrays(source: Arrays, fills_up: bool) -> Iterator[Segment]:
    samples, size = source.samples, source.size
    assert samples is not None
    assert size is not None
    order = source.order()
    whole = samples if fills_up else samples // size * size
    batches = -(-whole // size)
    fitting = max(1, ARRAYS_BYTES // max(1, _bytes(source.first())))
    slots = min(rounded_up(batches), fitting) if batches > 1 else batches
    for start in range(0, whole, slots * size):
        stop = min(start + slots * size, whole)
        where: Any = slice(start, stop) if order is None else order[start:stop]
        yield _cut(source.rows(where), stop - start, slots, size)
    if whole < samples:
        where = slice(whole, samples) if order is None else order[whole:]
        yield _cut(source.rows(where), samples - whole, 1, samples - whole)


def _cut(rows: Batch, count: int, slots: int, size: int) -> Segment:
    """Rows that follow each other, cut into batches; the last one filled up with copies of its first."""
    batches = -(-count // size)

    def cut(leaf: Any) -> Any:
        if leaf is None:
            return None
        if count == slots * size:
            return np.ascontiguousarray(leaf).reshape(slots, size, *leaf.shape[1:])
        filled = np.zeros((slots * size, *leaf.shape[1:]), leaf.dtype)
        filled[:count] = leaf
        filled[count : batches * size] = leaf[-1]
        return filled.reshape(slots, size, *leaf.shape[1:])

    real = np.zeros(slots, "int32")
    real[:batches] = size
    real[batches - 1] = count - (batches - 1) * size
    return Segment(_mapped(cut, rows), real, batches)


def _mapped(function: Any, *batches: Batch) -> Batch:
    return Batch(*(structure.map_structure(function, part) for part in batches[0]))


def _fits(source: Sequences, fills_up: bool) -> bool:
    """Whether a device can hold a whole epoch, and one function all the shapes in it."""
    sizes = source.sizes()
    shapes = {(length, source.size if fills_up else size) for length, size in sizes}
    samples = sum(length * (source.size if fills_up else size) for length, size in sizes)
    step = structure.flatten(source.x)[0]
    return len(shapes) <= _MOST_SHAPES and samples * (step.nbytes // max(1, len(step))) <= ARRAYS_BYTES


def _of_sequences(source: Sequences, fills_up: bool) -> Iterator[Segment]:
    """The whole epoch; its shapes, and how many batches each has, are the same in all epochs."""
    batches, real = [], []
    for batch in source.epoch():
        real.append(batch.size)
        batches.append(_filled_up(batch, source.size) if fills_up and batch.size < source.size else batch)
    kinds: dict[Any, list[int]] = {}
    for place, batch in enumerate(batches):
        kinds.setdefault(tuple(_shapes(batch)), []).append(place)
    shape, where = np.zeros(len(batches), "int32"), np.zeros(len(batches), "int32")
    stacks = []
    # In one order in all epochs, as the compiled function knows them by it.
    for kind, (_, places) in enumerate(sorted(kinds.items(), key=lambda each: str(each[0]))):
        shape[places], where[places] = kind, np.arange(len(places))
        stacks.append(_stack([batches[place] for place in places], len(places)))
    yield Segment(Mixed(tuple(stacks), shape, where), np.array(real, "int32"), len(batches))


def _of_batches(source: Source, fills_up: bool, one_by_one: bool, steps: int | None) -> Iterator[Segment]:
    known = min((n for n in (source.batches, steps) if n is not None), default=_ITERATED_BATCHES)
    waiting: list[Batch] = []
    real: list[int] = []
    slots = 0
    # Where lengths differ, the first batch may be the rest of a bucket: batches of one size are compiled once.
    size = 0 if source.one_shape or not source.size else min(source.size, source.samples or source.size)
    for taken, given in enumerate(source.epoch(), start=1):
        batch, rows = given, given.size
        size = size or rows
        if fills_up and rows < size:
            batch = _filled_up(batch, size)
        if not slots:
            fitting = max(1, ITERATED_BYTES // max(1, _bytes(batch)))
            slots = 1 if one_by_one or not source.one_shape else min(_ITERATED_BATCHES, fitting, known)
        if waiting and (len(waiting) == slots or _shapes(batch) != _shapes(waiting[0])):
            yield _stacked(waiting, real, slots)
            waiting, real = [], []
        waiting.append(batch)
        real.append(rows)
        if taken == steps:
            break
    if waiting:
        yield _stacked(waiting, real, slots)


def _filled_up(batch: Batch, size: int) -> Batch:
    places = np.minimum(np.arange(size), batch.size - 1)
    return _mapped(lambda leaf: None if leaf is None else leaf[places], batch)


def _shapes(batch: Batch) -> Any:
    return [None if leaf is None else (leaf.shape, leaf.dtype) for part in batch for leaf in structure.flatten(part)]


def _stacked(batches: list[Batch], real: list[int], slots: int) -> Segment:
    data = _stack(batches, slots)
    return Segment(data, np.array(real + [0] * (slots - len(real)), "int32"), len(batches))


def _stack(batches: list[Batch], slots: int) -> Batch:
    columns = zip(*([leaf for part in batch for leaf in structure.flatten(part)] for batch in batches), strict=True)

    def stacked(leaves: tuple[Any, ...]) -> Any:
        if leaves[0] is None:
            return None
        filled = np.zeros((slots, *leaves[0].shape), leaves[0].dtype)
        for place, leaf in enumerate(leaves):
            filled[place] = leaf
        return filled

    made = iter([stacked(leaves) for leaves in columns])
    return Batch(*(structure.rebuild(part, made) for part in batches[0]))
