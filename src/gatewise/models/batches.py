"""What `predict` does around the model: its samples cut into batches, the progress shown, the outputs joined."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gatewise.base import structure
from gatewise.base.arrays import shape_of
from gatewise.base.typing import Array
from gatewise.callbacks import CallbackList
from gatewise.data import INFINITE_CARDINALITY, Dataset
from gatewise.graph import Graph
from gatewise.training.data.adapt import gives_batches

if TYPE_CHECKING:
    from gatewise.layer import Layer
    from gatewise.models.model import Model

CHUNK_BYTES: Final = 1 << 25
"""Without a batch size, as many samples at a time as have about this many bytes of input: the result does not depend
on it, and larger batches are faster."""
_SECONDS_BEFORE_PROGRESS = 1.0


def cut(model: Model, x: Any, batch_size: int | None, steps: int | None) -> tuple[Iterable[Any], int | None]:
    """The batches of `x`, and the number of samples where it is known. See `Model.predict` for the arguments."""
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1):
        raise ValueError(f"{model.label}: steps must be a positive integer, got {steps!r}.")
    if gives_batches(x):
        if steps is None and isinstance(x, Dataset) and x.cardinality() == INFINITE_CARDINALITY:
            raise ValueError(f"{model.label}: the Dataset has no end: say how many batches to take, steps=...")
        return map(_inputs_of, _each(x) if steps is None else islice(_each(x), steps)), None
    arrays = model._checked_inputs(x)
    if batch_size is not None and (
        isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1
    ):
        raise ValueError(f"{model.label}: batch_size must be a positive integer, got {batch_size!r}.")
    if _stay_together(model, batch_size):
        return [arrays], None
    leaves = [leaf for leaf in structure.flatten(arrays) if leaf is not None]
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


def _stay_together(model: Model, batch_size: int | None) -> bool:
    """Whether the inputs cannot be cut along their first axis, as a `time_major` layer has time there.

    Where such a layer stands behind one that moves axes, a caller who gives a batch size says that the first axis
    holds samples.
    """
    if not any(getattr(layer, "time_major", False) for layer in model._walk()):
        return False
    return batch_size is None or _has_time_first(model)


def _has_time_first(model: Layer) -> bool:
    """Whether an input reaches a `time_major` layer with its axes in their places, as far as a drawing shows it."""
    graph = vars(model).get("_graph")
    if not isinstance(graph, Graph):
        return False
    reached = set(map(id, graph.input_tensors))
    for node in graph.nodes:
        if reached.isdisjoint(map(id, node.inputs)):
            continue
        layers = (node.layer, getattr(node.layer, "forward_layer", None))
        if any(getattr(layer, "time_major", False) for layer in layers) or _has_time_first(node.layer):
            return True
        if type(node.layer).__module__.startswith("gatewise.layers.") and not node.layer.moves_axes:
            reached.update(map(id, structure.flatten(node.outputs)))
    return False


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
        return int(given)
    kept = [variable.shape[0] for variable in model.state_variables]
    if kept:
        return int(kept[0])
    if model.stateful:
        return max(total, 1)
    bytes_a_sample = sum(leaf.nbytes for leaf in leaves) / max(total, 1)
    return max(1, int(CHUNK_BYTES / max(bytes_a_sample, 1)))


def _each(x: Any) -> Iterator[Any]:
    """The batches of what gives them by number, up to its length, or of whatever else can be iterated over."""
    if not hasattr(x, "__getitem__"):
        return iter(x)
    length = getattr(x, "num_batches", None)
    length = len(x) if length is None and hasattr(x, "__len__") else length
    return iter(x) if length is None else (x[number] for number in range(length))


def _inputs_of(batch: Any) -> Any:
    """The inputs in what an iterator gave: as in Keras, a tuple is (inputs,), (inputs, targets) or with weights too."""
    return batch[0] if isinstance(batch, tuple) and 1 <= len(batch) <= 3 else batch


def _rows(arrays: Any, start: int, stop: int) -> Any:
    return structure.map_structure(lambda array: None if array is None else array[start:stop], arrays)


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


def begun(parts: Iterable[Any], callbacks: CallbackList) -> Iterator[Any]:
    """The batches; callbacks hear of each before it is computed."""
    for number, part in enumerate(parts):
        callbacks.on_predict_batch_begin(number)
        yield part


def ended(outputs: Iterable[Any], callbacks: CallbackList) -> Iterator[Any]:
    """The batches' outputs; callbacks hear of each."""
    for number, output in enumerate(outputs):
        callbacks.on_predict_batch_end(number, {"outputs": output})
        yield output


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
