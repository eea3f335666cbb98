"""Text that a model takes: the layers that read it do so before the step, which computes with numbers alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gatewise.training.data.base import Batch, Source

Read = Callable[[Any], Any]


class Reading(Source):
    """Batches of another source, with their text read.

    Args:
        source: of batches with text.
        read: makes numbers of the inputs.
    """

    one_shape = False

    def __init__(self, source: Source, read: Read) -> None:
        self.inner, self.read = source, read
        self.batches, self.samples, self.size = source.batches, source.samples, source.size
        self.endless, self.infinite = source.endless, source.infinite

    def _read(self, batch: Batch) -> Batch:
        return batch._replace(x=self.read(batch.x))

    def epoch(self) -> Iterator[Batch]:
        return map(self._read, self.inner.epoch())

    def first(self) -> Batch:
        return self._read(self.inner.first())

    def whole_targets(self) -> Any:
        return self.inner.whole_targets()

    def end_epoch(self) -> None:
        self.inner.end_epoch()

    def pass_over(self, epochs: int, steps: int | None) -> None:
        self.inner.pass_over(epochs, steps)

    def order_state(self) -> np.ndarray | None:
        return self.inner.order_state()

    def set_order_state(self, state: np.ndarray) -> None:
        self.inner.set_order_state(state)


def reader_of(model: Any) -> Read | None:
    """What makes numbers of the text in a model's inputs; None for a model that takes none.

    Raises:
        ValueError: for a model in which text does not go straight from an input into one layer that reads it.
    """
    if not any(layer.reads_text for layer in model._walk()):
        return None
    if getattr(model, "_graph", None) is None and hasattr(model, "_build_from"):
        return lambda x: _read_first(model, x)
    graph = model.plain_graph()
    if graph is None:
        raise ValueError(
            f"{model.label}: text is read before a step of training, so it must go from an Input straight into "
            "TextVectorization. Or read it in the data: dataset.map(lambda x, y: (vectorize(x), y))."
        )
    readers = [_reader(model, graph, tensor) for tensor in graph.input_tensors]
    return lambda x: _read_all(graph, readers, x)


def _read_first(model: Any, x: Any) -> Any:
    """Build a `Sequential` for the text, and read it."""
    if model._graph is None:
        model._build_from(x)
    read = reader_of(model)
    assert read is not None
    return read(x)


def _reader(model: Any, graph: Any, tensor: Any) -> Any:
    """The layer that reads an input; None where it is no text."""
    layers = [node.layer for node in graph.nodes if any(each is tensor for each in node.inputs)]
    if not any(layer.reads_text for layer in layers):
        return None
    if len(set(map(id, layers))) > 1:
        raise ValueError(
            f"{model.label}: the input {tensor.name!r} goes into {len(layers)} layers, one of which reads text: give "
            "each an Input of its own."
        )
    return layers[0]


def _read_all(graph: Any, readers: list[Any], x: Any) -> Any:
    given = graph._aligned(x)
    made = [leaf if reader is None else np.asarray(reader(leaf)) for leaf, reader in zip(given, readers, strict=True)]
    return made[0] if len(made) == 1 else made
