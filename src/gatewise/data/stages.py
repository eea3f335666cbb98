"""Where elements come from, and the stages that change only which of them come, and in which order.

A stage is run anew for each iteration, and asks its sources for theirs. Where all elements are rows of arrays in
memory, a stage that moves elements can move the numbers of rows instead: then a batch is taken from the arrays at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any, Final, TypeVar

import numpy as np

from gatewise import random
from gatewise.data import elements
from gatewise.data.spec import TensorSpec, common, fits

Item = TypeVar("Item")

INFINITE: Final = -1
"""The number of elements where there is no end."""
UNKNOWN: Final = -2
"""The number of elements where only the end of an iteration tells."""


class Stage:
    """A part of a pipeline."""

    sources: tuple[Stage, ...] = ()
    table: Any = None
    """Arrays whose rows are the elements, or None."""

    def run(self) -> Iterator[Any]:
        """The elements of one iteration."""
        return (elements.rows(self.table, number) for number in self.numbers())

    def numbers(self) -> Iterator[int]:
        """The numbers of the rows of `table`, in the order of one iteration."""
        raise NotImplementedError

    def cardinality(self) -> int:
        """How many elements an iteration has, or INFINITE, or UNKNOWN."""
        return self.sources[0].cardinality()

    def spec(self) -> Any:
        """The specs of an element's leaves, in its structure."""
        return self.sources[0].spec()

    def state(self) -> list[int]:
        """What the orders of the next iteration will be drawn from: numbers, always as many."""
        return [number for source in self.sources for number in source.state()]

    def set_state(self, numbers: Iterator[int]) -> None:
        """Have the next iteration come as that which began in this state."""
        for source in self.sources:
            source.set_state(numbers)


def first_of(stage: Stage) -> Any:
    """The first element of the next iteration, which is not begun by this; None where there is none."""
    shuffles = [(each, each.begun) for each in _every(stage) if isinstance(each, Shuffle)]
    first = next(stage.run(), None)
    for each, begun in shuffles:
        each.begun = begun
    return first


def _every(stage: Stage) -> Iterator[Stage]:
    yield stage
    for source in stage.sources:
        yield from _every(source)


# --- Sources ----------------------------------------------------------------------------------------------------


class Rows(Stage):
    """Rows of arrays.

    Args:
        table: arrays (N, ...).
        order: the numbers of the rows; by default all of them.
    """

    def __init__(self, table: Any, order: Any = None) -> None:
        self.table = table
        self.order = range(elements.count_rows(table, "Dataset.from_tensor_slices")) if order is None else order

    def numbers(self) -> Iterator[int]:
        return iter(self.order)

    def cardinality(self) -> int:
        return len(self.order)

    def spec(self) -> Any:
        return elements.mapped(
            lambda value: None if value is None else TensorSpec(value.shape[1:], value.dtype), self.table
        )


class Listed(Stage):
    """Elements in a list, with their spec."""

    def __init__(self, listed: list[Any], spec: Any) -> None:
        self.listed = listed
        self._spec = spec

    def run(self) -> Iterator[Any]:
        return iter(self.listed)

    def cardinality(self) -> int:
        return len(self.listed)

    def spec(self) -> Any:
        return self._spec


class Count(Stage):
    """Whole numbers; without an end where `stop` is None."""

    def __init__(self, start: int, stop: int | None, step: int, dtype: Any) -> None:
        if step == 0:
            raise ValueError("Dataset.range: the step must not be 0.")
        self.start, self.stop, self.step, self.dtype = start, stop, step, np.dtype(dtype)
        if stop is not None:
            self.table = np.arange(start, stop, step, dtype=self.dtype)

    def numbers(self) -> Iterator[int]:
        return iter(range(len(self.table)))

    def run(self) -> Iterator[Any]:
        if self.table is not None:
            yield from super().run()
            return
        number = self.start
        while True:
            yield np.asarray(number, self.dtype)
            number += self.step

    def cardinality(self) -> int:
        return INFINITE if self.table is None else len(self.table)

    def spec(self) -> Any:
        return TensorSpec((), self.dtype)


class Generated(Stage):
    """What a program's generator gives.

    Args:
        make: called at the beginning of each iteration; gives an iterable.
        spec: what its elements must fit.
    """

    def __init__(self, make: Callable[[], Iterable[Any]], spec: Any) -> None:
        self.make = make
        self._spec = spec

    def run(self) -> Iterator[Any]:
        specs = elements.leaves(self._spec)
        for given in self.make():
            element = tuple(given) if type(given) is list and isinstance(self._spec, tuple) else given
            if elements.is_leaf(self._spec):
                yield _fitted(element, self._spec)
                continue
            if not elements.same_structure(element, self._spec):
                raise TypeError(
                    f"Dataset.from_generator: elements like {self._spec} were promised, but {given!r} came."
                )
            parts = zip(elements.leaves(element), specs, strict=True)
            yield elements.rebuilt(self._spec, [_fitted(value, spec) for value, spec in parts])

    def cardinality(self) -> int:
        return UNKNOWN

    def spec(self) -> Any:
        return self._spec


def _fitted(value: Any, spec: TensorSpec) -> np.ndarray:
    """A value in the dtype that was promised, if it has the shape."""
    array = elements.leaf(list(value) if isinstance(value, tuple) else value, "Dataset.from_generator")
    if (array.dtype.kind == "O") != (spec.dtype.kind == "O"):
        raise TypeError(f"Dataset.from_generator: {spec} was promised, but {value!r} came.")
    if not fits(spec.shape, array.shape):
        raise ValueError(f"Dataset.from_generator: {spec} was promised, but an array of shape {array.shape} came.")
    fresh: np.ndarray = array.astype(spec.dtype)  # A generator may fill the same array again.
    return fresh


class Zip(Stage):
    """Elements of several stages side by side, as long as all of them give some.

    Args:
        nest: stages, in the structure of the elements to make.
    """

    def __init__(self, nest: Any) -> None:
        self.nest = nest
        self.sources = tuple(elements.leaves(nest))

    def run(self) -> Iterator[Any]:
        for parts in zip(*[source.run() for source in self.sources], strict=False):
            yield elements.rebuilt(self.nest, list(parts))

    def cardinality(self) -> int:
        counts = [source.cardinality() for source in self.sources]
        if UNKNOWN in counts:
            return UNKNOWN
        return min((count for count in counts if count != INFINITE), default=INFINITE)

    def spec(self) -> Any:
        return elements.rebuilt(self.nest, [source.spec() for source in self.sources])


class Concatenated(Stage):
    """The elements of one stage and then those of another."""

    def __init__(self, first: Stage, second: Stage) -> None:
        self.sources = (first, second)
        a, b = first.spec(), second.spec()
        alike = elements.same_structure(a, b)
        self._spec = [] if not alike else list(zip(elements.leaves(a), elements.leaves(b), strict=True))
        if not alike or any(getattr(m, "dtype", None) != getattr(n, "dtype", None) for m, n in self._spec):
            raise TypeError(f"Dataset.concatenate: elements like {b} cannot follow those like {a}.")

    def run(self) -> Iterator[Any]:
        return chain(self.sources[0].run(), self.sources[1].run())

    def cardinality(self) -> int:
        counts = [source.cardinality() for source in self.sources]
        if min(counts) >= 0:
            return sum(counts)
        return INFINITE if INFINITE in counts else UNKNOWN

    def spec(self) -> Any:
        whole = [common(m, n) if isinstance(m, TensorSpec) else m for m, n in self._spec]
        return elements.rebuilt(self.sources[0].spec(), whole)


# --- Order and number -------------------------------------------------------------------------------------------


class Moving(Stage):
    """A stage that gives its source's elements as they are, whatever they are."""

    def __init__(self, source: Stage) -> None:
        self.sources = (source,)
        self.table = source.table

    def moved(self, begin: Callable[[], Iterator[Item]]) -> Iterator[Item]:
        """The items of one iteration; `begin` starts one of the source."""
        raise NotImplementedError

    def run(self) -> Iterator[Any]:
        return super().run() if self.table is not None else self.moved(self.sources[0].run)

    def numbers(self) -> Iterator[int]:
        return self.moved(self.sources[0].numbers)


class Shuffle(Moving):
    """Elements by chance out of a buffer that the source fills.

    The order of each iteration is drawn from the seed and the number of iterations before it.

    Args:
        size: of the buffer.
        seed: None for one from the process-wide stream.
        anew: whether each iteration has another order.
    """

    def __init__(self, source: Stage, size: int, seed: int | None, anew: bool) -> None:
        super().__init__(source)
        self.size, self.anew = size, anew
        self.seed = int(random.generator(None).integers(1 << 62)) if seed is None else seed
        self.begun = 0

    def moved(self, begin: Callable[[], Iterator[Item]]) -> Iterator[Item]:
        draw = np.random.default_rng([self.seed, self.begun if self.anew else 0])
        self.begun += 1
        items = begin()
        buffer = list(islice(items, self.size))
        for item in items:
            place = int(draw.integers(len(buffer)))
            yield buffer[place]
            buffer[place] = item
        for place in draw.permutation(len(buffer)):
            yield buffer[place]

    def state(self) -> list[int]:
        return [self.seed, self.begun, *super().state()]

    def set_state(self, numbers: Iterator[int]) -> None:
        self.seed, self.begun = next(numbers), next(numbers)
        super().set_state(numbers)


class Repeat(Moving):
    """The source again and again."""

    def __init__(self, source: Stage, count: int | None) -> None:
        super().__init__(source)
        self.count = None if count is None or count < 0 else count

    def moved(self, begin: Callable[[], Iterator[Item]]) -> Iterator[Item]:
        done, found = 0, True
        while found and (self.count is None or done < self.count):
            found = False  # Without an element the end would never come.
            for item in begin():
                found = True
                yield item
            done += 1

    def cardinality(self) -> int:
        count = super().cardinality()
        if count == 0 or self.count == 0:
            return 0
        if self.count is None:
            return INFINITE
        return count * self.count if count > 0 else count


class Part(Moving):
    """Every `step`-th element from `start` to `stop`."""

    def __init__(self, source: Stage, start: int, stop: int | None, step: int = 1) -> None:
        super().__init__(source)
        self.start, self.stop, self.step = start, stop, step

    def moved(self, begin: Callable[[], Iterator[Item]]) -> Iterator[Item]:
        return islice(begin(), self.start, self.stop, self.step)

    def cardinality(self) -> int:
        count = super().cardinality()
        if count == UNKNOWN:
            return UNKNOWN
        if count == INFINITE:
            return INFINITE if self.stop is None else len(range(self.start, self.stop, self.step))
        return len(range(count)[self.start : self.stop : self.step])


class Cache(Moving):
    """The elements of the first whole iteration, kept for all later ones.

    What it keeps was drawn in an order that its sources will not draw again; so its state is theirs of that time.
    """

    def __init__(self, source: Stage) -> None:
        super().__init__(source)
        self._kept: list[Any] | None = None
        self._drawn_from: list[int] = []

    def moved(self, begin: Callable[[], Iterator[Item]]) -> Iterator[Item]:
        if self._kept is not None:
            yield from self._kept
            return
        before: list[int] = super().state()
        fresh: list[Any] = []
        for item in begin():
            fresh.append(item)
            yield item
        self._kept, self._drawn_from = fresh, before

    def state(self) -> list[int]:
        return super().state() if self._kept is None else list(self._drawn_from)

    def set_state(self, numbers: Iterator[int]) -> None:
        self._kept = None
        super().set_state(numbers)


class While(Stage):
    """The elements before the first one for which a function is false."""

    def __init__(self, source: Stage, function: Callable[..., Any]) -> None:
        self.sources, self.function = (source,), function

    def run(self) -> Iterator[Any]:
        for element in self.sources[0].run():
            if not _says(self.function, element, "take_while"):
                return
            yield element

    def cardinality(self) -> int:
        return UNKNOWN


class Filter(Stage):
    """The elements for which a function is true."""

    def __init__(self, source: Stage, function: Callable[..., Any]) -> None:
        self.sources, self.function = (source,), function

    def run(self) -> Iterator[Any]:
        return (each for each in self.sources[0].run() if _says(self.function, each, "filter"))

    def cardinality(self) -> int:
        return UNKNOWN


def _says(function: Callable[..., Any], element: Any, what: str) -> bool:
    said = np.asarray(elements.called(function, element))
    if said.size != 1:
        raise ValueError(f"Dataset.{what}: the function must return one True or False, but it returned {said!r}.")
    return bool(said)
