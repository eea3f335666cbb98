"""What `predict` does around the model: its samples cut into batches, the progress shown, the outputs joined."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gatewise import structure
from gatewise.arrays import shape_of
from gatewise.typing import Array

if TYPE_CHECKING:
    from gatewise.models.model import Model

CHUNK_BYTES: Final = 1 << 25
"""Without a batch size, as many samples at a time as have about this many bytes of input: the result does not depend
on it, and larger batches are faster."""
_SECONDS_BEFORE_PROGRESS = 1.0


def cut(model: Model, x: Any, batch_size: int | None, steps: int | None) -> tuple[Iterable[Any], int | None]:
    """The batches of `x`, and the number of samples where it is known. See `Model.predict` for the arguments."""
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1):
        raise ValueError(f"{model.label}: steps must be a positive integer, got {steps!r}.")
    if isinstance(x, Iterator) or (hasattr(x, "__next__") and not hasattr(x, "shape")):
        return map(_inputs_of, x if steps is None else islice(x, steps)), None
    arrays = model._checked_inputs(x)
    leaves = structure.flatten(arrays)
    counts = {int(leaf.shape[0]) if leaf.ndim else -1 for leaf in leaves}
    if len(counts) != 1 or -1 in counts:
        shapes = [shape_of(leaf) for leaf in leaves]
        raise ValueError(f"{model.label}: all inputs need the same number of samples, got shapes {shapes}.")
    count = counts.pop()
    size = _batch_size(model, batch_size, leaves, count)
    total = count if steps is None else min(count, steps * size)
    _check_states_fit(model, total, size)
    if count == total <= size:
        return [arrays], total
    return (_rows(arrays, start, min(start + size, total)) for start in range(0, total, size)), total


def _check_states_fit(model: Model, total: int, size: int) -> None:
    """Refuse, before any work, batches of another size than the one whose state a stateful layer carries."""
    for layer in model._walk():
        kept = layer._states[0].shape[0] if layer._states else size
        if layer._states and total and (size != kept or total % kept):
            raise ValueError(
                f"{layer.label} is stateful and carries the state of {kept} sequences, but {total} samples came, "
                f"in batches of {size}. Pass batch_size={kept}, and a number of samples that it divides."
            )


def _batch_size(model: Model, given: int | None, leaves: list[Array], total: int) -> int:
    if given is not None:
        if isinstance(given, bool) or not isinstance(given, (int, np.integer)) or given < 1:
            raise ValueError(f"{model.label}: batch_size must be a positive integer, got {given!r}.")
        return int(given)
    kept = [variable.shape[0] for variable in model.state_variables]
    if kept:
        return kept[0]
    if model.stateful:
        return max(total, 1)
    bytes_a_sample = sum(leaf.nbytes for leaf in leaves) / max(total, 1)
    return max(1, int(CHUNK_BYTES / max(bytes_a_sample, 1)))


def _inputs_of(batch: Any) -> Any:
    """The inputs in what an iterator gave: as in Keras, a tuple is (inputs,), (inputs, targets) or with weights too."""
    return batch[0] if isinstance(batch, tuple) and 1 <= len(batch) <= 3 else batch


def _rows(arrays: Any, start: int, stop: int) -> Any:
    return structure.map_structure(lambda array: array[start:stop], arrays)


def joined(outputs: Iterator[Any], total: int | None) -> Any:
    """The batches' outputs put together along the batch axis."""
    first = next(outputs, None)
    if first is None:
        raise ValueError("predict got no batches.")
    leaves = structure.flatten(first)
    if total is None:
        every = [leaves] + [structure.flatten(each) for each in outputs]
        return structure.rebuild(first, iter([np.concatenate(parts) for parts in zip(*every, strict=True)]))
    if all(leaf.ndim and leaf.shape[0] == total for leaf in leaves):
        return first
    whole = [np.empty((total, *leaf.shape[1:]), leaf.dtype) for leaf in leaves]
    start = 0
    for batch in _chain(first, outputs):
        parts = structure.flatten(batch)
        stop = start + parts[0].shape[0]
        for target, part in zip(whole, parts, strict=True):
            target[start:stop] = part
        start = stop
    return structure.rebuild(first, iter(whole))


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def with_progress(batches: Iterable[Any], total: int | None, verbose: Any) -> Iterable[Any]:
    """The batches, with a progress bar once a second has passed: on a terminal only, so that logs stay clean."""
    quiet = verbose in (0, False) or isinstance(batches, list) or not sys.stderr.isatty()
    return batches if quiet else _shown(batches, total)


def _shown(batches: Iterable[Any], total: int | None) -> Iterator[Any]:
    started, progress, task, done = time.monotonic(), None, None, 0
    try:
        for batch in batches:
            yield batch
            done += len(structure.flatten(batch)[0])
            if progress is None and time.monotonic() - started > _SECONDS_BEFORE_PROGRESS:
                from rich.console import Console
                from rich.progress import Progress

                progress = Progress(console=Console(stderr=True), transient=True)
                task = progress.add_task("predict", total=total)
                progress.start()
            if progress is not None and task is not None:
                progress.update(task, completed=done)
    finally:
        if progress is not None:
            progress.stop()
