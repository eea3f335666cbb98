"""Stages that make other elements of those that come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from gatewise.base.arrays import TEXT
from gatewise.data import elements
from gatewise.data.spec import TensorSpec
from gatewise.data.stages import INFINITE, UNKNOWN, Listed, Rows, Stage, first_of


class Mapped(Stage):
    """A program's function of each element."""

    def __init__(self, source: Stage, function: Callable[..., Any]) -> None:
        self.sources, self.function = (source,), function
        self._spec: Any = None

    def run(self) -> Iterator[Any]:
        return map(self._of, self.sources[0].run())

    def _of(self, element: Any) -> Any:
        return elements.given_by(elements.called(self.function, element), "Dataset.map")

    def spec(self) -> Any:
        """As the first element shows it: the function is called once for it.

        An axis as long as a batch, whose length its source leaves open, is left open too.
        """
        if self._spec is None:
            source = self.sources[0]
            first = first_of(source)
            if first is None:
                raise ValueError("Dataset.element_spec: there is no element to show what the function of map gives.")
            pairs = zip(elements.leaves(first), elements.leaves(source.spec()), strict=True)
            opened = {leaf.shape[0] for leaf, spec in pairs if _is_open(spec)}
            self._spec = elements.mapped(lambda spec: _opened(spec, opened), elements.spec_of(self._of(first)))
        return self._spec


def _is_open(spec: Any) -> bool:
    return isinstance(spec, TensorSpec) and bool(spec.shape) and spec.shape is not None and spec.shape[0] is None


def _opened(spec: Any, sizes: set[int]) -> Any:
    if isinstance(spec, TensorSpec) and spec.shape and spec.shape[0] in sizes:
        return TensorSpec((None, *spec.shape[1:]), spec.dtype)
    return spec


class Numbered(Stage):
    """Each element with its number before it."""

    def __init__(self, source: Stage, start: int) -> None:
        self.sources, self.start = (source,), start

    def run(self) -> Iterator[Any]:
        for number, element in enumerate(self.sources[0].run(), self.start):
            yield np.asarray(number, "int64"), element

    def spec(self) -> Any:
        return TensorSpec((), "int64"), self.sources[0].spec()


class Interleaved(Stage):
    """The elements of datasets that a function makes of each element; several of them take turns.

    Args:
        function: gives something that can be iterated over and has an `element_spec`.
        cycle: how many are open at a time.
        block: how many elements each gives in its turn.
    """

    def __init__(self, source: Stage, function: Callable[..., Any], cycle: int, block: int, what: str) -> None:
        self.sources, self.function = (source,), function
        self.cycle, self.block, self.what = cycle, block, what

    def _inner(self, element: Any) -> Iterator[Any]:
        made = elements.called(self.function, element)
        if not hasattr(made, "element_spec"):
            raise TypeError(f"Dataset.{self.what}: the function must return a Dataset, but it returned {made!r}.")
        return iter(made)

    def run(self) -> Iterator[Any]:
        outer = self.sources[0].run()
        slots: list[Iterator[Any] | None] = [None] * self.cycle
        place, given, ended = 0, 0, False
        while not ended or any(slot is not None for slot in slots):
            if slots[place] is None and not ended:
                try:
                    slots[place] = self._inner(next(outer))
                except StopIteration:
                    ended = True
            slot = slots[place]
            element = next(slot, self) if slot is not None else self
            if element is not self:
                yield elements.mapped(_untensored, element)
                given += 1
            else:
                slots[place] = None
            if element is self or given == self.block:
                place, given = (place + 1) % self.cycle, 0

    def cardinality(self) -> int:
        return UNKNOWN

    def spec(self) -> Any:
        first = first_of(self.sources[0])
        if first is None:
            raise ValueError(f"Dataset.element_spec: there is no element to show what {self.what} gives.")
        return elements.called(self.function, first).element_spec


def _untensored(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, np.ndarray) else value


# --- Batches ----------------------------------------------------------------------------------------------------


class Batched(Stage):
    """Elements put together, `size` at a time."""

    def __init__(self, source: Stage, size: int, drop: bool) -> None:
        self.sources, self.size, self.drop = (source,), size, drop

    def run(self) -> Iterator[Any]:
        source = self.sources[0]
        items: Iterator[Any] = source.run() if source.table is None else source.numbers()
        while chunk := list(islice(items, self.size)):
            if len(chunk) < self.size and self.drop:
                return
            yield self.joined(chunk) if source.table is None else elements.rows(source.table, np.asarray(chunk))

    def joined(self, chunk: list[Any]) -> Any:
        """Elements as one."""
        return elements.stacked(chunk, "Dataset.batch")

    def cardinality(self) -> int:
        count = self.sources[0].cardinality()
        return count if count < 0 else count // self.size if self.drop else -(-count // self.size)

    def spec(self) -> Any:
        size = self.size if self.drop else None
        return elements.mapped(
            lambda spec: spec.batched(size) if isinstance(spec, TensorSpec) else spec, self.sources[0].spec()
        )


class Padded(Batched):
    """Elements of unequal shapes put together, filled up at their ends.

    Args:
        shapes: of each leaf, see `elements.padded`; None where all axes go to the longest.
        values: to fill with; None for zeros.
    """

    def __init__(self, source: Stage, size: int, shapes: Any, values: Any, drop: bool) -> None:
        super().__init__(source, size, drop)
        self.shapes, self.values = shapes, values

    def run(self) -> Iterator[Any]:
        items = self.sources[0].run()
        while chunk := list(islice(items, self.size)):
            if len(chunk) == self.size or not self.drop:
                yield self.joined(chunk)

    def joined(self, chunk: list[Any]) -> Any:
        return elements.padded(chunk, *self._ways(chunk[0]))

    def _ways(self, example: Any) -> tuple[list[Any], list[Any]]:
        """The shape and the filling of each leaf."""
        count = len(elements.leaves(example))
        shapes = [None] * count if self.shapes is None else _shapes(self.shapes, example)
        values = elements.leaves(self.values)
        if len(values) != count:
            if len(values) != 1:
                raise ValueError(f"Dataset.padded_batch: {len(values)} padding_values for {count} parts of an element.")
            values = [
                value if _can_fill(values[0], value_of) else None
                for value_of in elements.leaves(example)
                for value in values
            ]
        return shapes, values

    def spec(self) -> Any:
        source = self.sources[0].spec()
        specs = elements.leaves(source)
        shapes = [None] * len(specs) if self.shapes is None else _shapes(self.shapes, source)
        size = self.size if self.drop else None
        made = [_padded_spec(spec, shape).batched(size) for spec, shape in zip(specs, shapes, strict=True)]
        return elements.rebuilt(source, made)


def _can_fill(value: Any, leaf: np.ndarray) -> bool:
    return value is None or isinstance(value, (str, bytes)) == (leaf.dtype == TEXT)


def _padded_spec(spec: TensorSpec, shape: Any) -> TensorSpec:
    return spec if shape is None else TensorSpec(shape, spec.dtype)


def _shapes(shapes: Any, example: Any) -> list[Any]:
    """The shapes for the leaves of an element, from a structure in which a shape is a tuple or a list."""
    if elements.is_leaf(example):
        return [None if shapes is None else tuple(None if size == -1 else size for size in shapes)]
    if isinstance(example, dict):
        if not isinstance(shapes, dict) or shapes.keys() != example.keys():
            raise ValueError(f"Dataset.padded_batch: padded_shapes needs the names {sorted(example)}, got {shapes!r}.")
        return [found for key in sorted(example) for found in _shapes(shapes[key], example[key])]
    if not isinstance(shapes, (tuple, list)) or len(shapes) != len(example):
        raise ValueError(f"Dataset.padded_batch: padded_shapes needs {len(example)} parts, got {shapes!r}.")
    return [found for own, part in zip(shapes, example, strict=True) for found in _shapes(own, part)]


class Unbatched(Stage):
    """The rows of each element."""

    def __init__(self, source: Stage) -> None:
        self.sources = (source,)

    def run(self) -> Iterator[Any]:
        for element in self.sources[0].run():
            for number in range(elements.count_rows(element, "Dataset.unbatch")):
                yield elements.rows(element, number)

    def cardinality(self) -> int:
        count = self.sources[0].cardinality()
        if count < 0:
            return count
        shapes = [spec.shape for spec in elements.leaves(self.sources[0].spec()) if spec is not None]
        rows = next((shape[0] for shape in shapes if shape and shape[0] is not None), None)
        return UNKNOWN if rows is None else count * rows

    def spec(self) -> Any:
        def row(spec: Any) -> Any:
            if spec is None:
                return None
            return TensorSpec(None if spec.shape is None else spec.shape[1:], spec.dtype)

        return elements.mapped(row, self.sources[0].spec())


class Windowed(Stage):
    """Runs of elements, each part of them as a dataset of its own.

    Args:
        size: elements in a window.
        shift: how far the next one begins.
        stride: how far its elements lie apart.
        drop: whether those at the end that have fewer are left out.
        wrap: makes a dataset of a stage.
    """

    def __init__(
        self, source: Stage, size: int, shift: int, stride: int, drop: bool, wrap: Callable[[Stage], Any]
    ) -> None:
        self.sources = (source,)
        self.size, self.shift, self.stride, self.drop, self.wrap = size, shift, stride, drop, wrap

    def run(self) -> Iterator[Any]:
        source = self.sources[0]
        if source.table is not None:
            for chunk in self._windows(source.numbers()):
                yield elements.mapped(partial(self._rows, chunk), source.table)
            return
        specs: list[Any] = []
        for chunk in self._windows(source.run()):
            specs = specs or elements.leaves(source.spec())
            columns = zip(*map(elements.leaves, chunk), strict=True)
            made = [self.wrap(Listed(list(column), spec)) for column, spec in zip(columns, specs, strict=True)]
            yield elements.rebuilt(chunk[0], made)

    def _rows(self, chunk: list[int], leaf: Any) -> Any:
        return self.wrap(Rows(leaf, chunk))

    def _windows(self, items: Iterator[Any]) -> Iterator[list[Any]]:
        span = (self.size - 1) * self.stride + 1
        held: deque[Any] = deque(islice(items, span))
        while held:
            chunk = list(islice(held, 0, None, self.stride))
            if len(chunk) < self.size and self.drop:
                return
            yield chunk
            for _ in range(min(self.shift, len(held))):
                held.popleft()
            skipped = self.shift - span
            if skipped > 0:
                list(islice(items, skipped))
            held.extend(islice(items, span - len(held)))

    def cardinality(self) -> int:
        count = self.sources[0].cardinality()
        if count < 0:
            return INFINITE if count == INFINITE else UNKNOWN
        if self.drop:
            span = (self.size - 1) * self.stride + 1
            return max(0, (count - span) // self.shift + 1) if count >= span else 0
        return -(-count // self.shift)

    def spec(self) -> Any:
        return elements.mapped(lambda spec: self.wrap(Listed([], spec)), self.sources[0].spec())
