"""`Dataset`: a lazy pipeline of elements, under `tf.data`'s names."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import numpy as np

from gatewise.base.arrays import Tensor
from gatewise.data import changing, elements, stages
from gatewise.data.spec import TensorSpec, shape_of

AUTOTUNE: Final = -1
"""Accepted wherever TensorFlow takes a number of threads or elements to prepare: nothing is prepared ahead here."""


class Options:
    """TensorFlow's options of a pipeline: any attribute may be set, and nothing comes of it."""

    def __getattr__(self, name: str) -> Options:
        if name.startswith("__"):
            raise AttributeError(name)
        made = Options()
        vars(self)[name] = made
        return made


class Dataset:
    """A lazy pipeline of elements: arrays, or tuples and dicts of them, nested in any way.

    Each method returns a new dataset and computes nothing; each iteration runs the pipeline anew. `fit`, `evaluate` and
    `predict` take a dataset of batches. Elements come as arrays with `.numpy()`. As in TensorFlow a list in an element
    is an array, Python's numbers are float32 and int32, text is `bytes`, and the parts of a tuple are the arguments of
    a function that is mapped. Functions run on arrays, at once, one element after the other, in the caller's thread.

    Source: TensorFlow 2.21's `tf.data.Dataset`, but for the orders of `shuffle`, which are drawn by NumPy's generator.

    >>> windows = Dataset.range(6).window(3, shift=1, drop_remainder=True).flat_map(lambda w: w.batch(3))
    >>> pairs = windows.map(lambda w: (w[:-1], w[-1])).batch(2)
    >>> [(x.tolist(), y.tolist()) for x, y in pairs]
    [([[0, 1], [1, 2]], [2, 3]), ([[2, 3], [3, 4]], [4, 5])]
    """

    class_names: list[str] | None = None
    """Of a dataset that was read from folders: the classes, in the order of their numbers."""

    def __init__(self, stage: stages.Stage) -> None:
        if not isinstance(stage, stages.Stage):
            raise TypeError("A Dataset is made by Dataset.from_tensor_slices, from_generator, range and their like.")
        self._stage = stage

    # -- Sources ----------------------------------------------------------------------------------------------------

    @staticmethod
    def from_tensor_slices(tensors: Any, name: str | None = None) -> Dataset:
        """The rows of arrays (N, ...), or of a tuple or dict of them.

        Raises:
            ValueError: arrays with other numbers of rows, or without an axis.
        """
        return Dataset(stages.Rows(elements.arrays(tensors, "Dataset.from_tensor_slices")))

    @staticmethod
    def from_tensors(tensors: Any, name: str | None = None) -> Dataset:
        """One element."""
        element = elements.arrays(tensors, "Dataset.from_tensors")
        return Dataset(stages.Listed([element], elements.spec_of(element)))

    @staticmethod
    def from_generator(
        generator: Callable[..., Any],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = None,
        output_signature: Any = None,
        name: str | None = None,
    ) -> Dataset:
        """What a generator gives.

        Args:
            generator: called with `args` at the beginning of each iteration; returns an iterable.
            output_types: the dtypes, in the structure of an element.
            output_shapes: the shapes, in the same structure; without them any.
            args: given to the generator as arrays.
            output_signature: `TensorSpec`s in the structure of an element, in place of the two.

        Raises:
            TypeError: without dtypes; while it runs, an element of another structure.
            ValueError: while it runs, an element of another shape.
        """
        if not callable(generator):
            raise TypeError(f"Dataset.from_generator: expected a function that returns an iterable, got {generator!r}.")
        if (output_types is None) == (output_signature is None):
            raise TypeError("Dataset.from_generator: give output_signature=TensorSpec(shape, dtype), or output_types.")
        spec = _specs(output_types, output_shapes) if output_signature is None else output_signature
        given = [elements.tensors(elements.leaf(value, "args")) for value in (args or ())]
        return Dataset(stages.Generated(partial(generator, *given), spec))

    @staticmethod
    def range(*args: int, output_type: Any = "int64", name: str | None = None) -> Dataset:
        """Whole numbers, as Python's `range` takes its arguments."""
        numbers = builtins.range(*map(int, args))
        return Dataset(stages.Count(numbers.start, numbers.stop, numbers.step, output_type))

    @staticmethod
    def counter(start: int = 0, step: int = 1, dtype: Any = "int64", name: str | None = None) -> Dataset:
        """Whole numbers without end."""
        return Dataset(stages.Count(int(start), None, int(step), dtype))

    @staticmethod
    def zip(*args: Any, datasets: Any = None, name: str | None = None) -> Dataset:
        """Elements side by side: of datasets, or of a tuple or dict of them; the shortest one ends it.

        >>> list(Dataset.zip(Dataset.range(2), Dataset.range(5, 9)).as_numpy_iterator())
        [(np.int64(0), np.int64(5)), (np.int64(1), np.int64(6))]
        """
        nest = datasets if datasets is not None else args[0] if len(args) == 1 else args
        for each in elements.leaves(nest):
            if not isinstance(each, Dataset):
                raise TypeError(f"Dataset.zip: expected datasets, got {each!r}.")
        return Dataset(stages.Zip(elements.mapped(lambda each: each._stage, nest)))

    # -- Order and number -------------------------------------------------------------------------------------------

    def shuffle(
        self,
        buffer_size: int | None = None,
        seed: int | None = None,
        reshuffle_each_iteration: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """Elements by chance out of a buffer; only one as large as the dataset mixes all of it.

        Args:
            buffer_size: None for the number of elements.
            seed: None for one from the process-wide stream (`set_random_seed`).
            reshuffle_each_iteration: whether each iteration comes in another order; by default it does.
        """
        size = self._stage.cardinality() if buffer_size is None else _positive(buffer_size, "shuffle: buffer_size")
        if size < 0:
            raise ValueError("Dataset.shuffle: without a known number of elements give a buffer_size.")
        anew = reshuffle_each_iteration is None or bool(reshuffle_each_iteration)
        return Dataset(stages.Shuffle(self._stage, max(size, 1), seed, anew))

    def repeat(self, count: int | None = None, name: str | None = None) -> Dataset:
        """The dataset `count` times; without end for None or -1."""
        return Dataset(stages.Repeat(self._stage, None if count is None else int(count)))

    def take(self, count: int, name: str | None = None) -> Dataset:
        """The first `count` elements; all for -1."""
        return Dataset(stages.Part(self._stage, 0, None if count < 0 else int(count)))

    def skip(self, count: int, name: str | None = None) -> Dataset:
        """All but the first `count` elements; none for -1."""
        return self.take(0) if count < 0 else Dataset(stages.Part(self._stage, int(count), None))

    def shard(self, num_shards: int, index: int, name: str | None = None) -> Dataset:
        """Every `num_shards`-th element, from number `index` on."""
        if not 0 <= index < num_shards:
            raise ValueError(f"Dataset.shard: index must be from 0 to {num_shards - 1}, got {index}.")
        return Dataset(stages.Part(self._stage, int(index), None, int(num_shards)))

    def cache(self, filename: Any = "", name: str | None = None) -> Dataset:
        """The elements of the first whole iteration, kept in memory for all later ones, whatever the `filename`."""
        return Dataset(stages.Cache(self._stage))

    def prefetch(self, buffer_size: int = AUTOTUNE, name: str | None = None) -> Dataset:
        """The dataset as it is: nothing is prepared ahead."""
        return self

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements for which a function is true."""
        return Dataset(stages.Filter(self._stage, predicate))

    def take_while(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements before the first one for which a function is false."""
        return Dataset(stages.While(self._stage, predicate))

    def concatenate(self, dataset: Dataset, name: str | None = None) -> Dataset:
        """The elements of this dataset, then those of another one.

        Raises:
            TypeError: where those have another structure, or other dtypes.
        """
        return Dataset(stages.Concatenated(self._stage, dataset._stage))

    # -- Other elements ---------------------------------------------------------------------------------------------

    def map(self, map_func: Callable[..., Any], *ignored: Any, **options: Any) -> Dataset:
        """A function of each element; how many at a time, `num_parallel_calls` and its like, is ignored."""
        _known(options, "map", "num_parallel_calls", "deterministic", "synchronous", "use_unbounded_threadpool")
        return Dataset(changing.Mapped(self._stage, map_func))

    def flat_map(self, map_func: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements of the datasets that a function makes of each element, one after the other."""
        return Dataset(changing.Interleaved(self._stage, map_func, 1, 1, "flat_map"))

    def interleave(
        self, map_func: Callable[..., Any], cycle_length: int | None = None, block_length: int = 1, **options: Any
    ) -> Dataset:
        """As `flat_map`, but `cycle_length` of the datasets take turns, each with `block_length` elements.

        Without a `cycle_length` it is the number of processors, as in TensorFlow.
        """
        _known(options, "interleave", "num_parallel_calls", "deterministic")
        cycle = os.cpu_count() or 1 if cycle_length in (None, AUTOTUNE) else cycle_length
        cycle = _positive(cycle, "interleave: cycle_length")
        block = _positive(block_length, "interleave: block_length")
        return Dataset(changing.Interleaved(self._stage, map_func, cycle, block, "interleave"))

    def batch(self, batch_size: int, drop_remainder: bool = False, **options: Any) -> Dataset:
        """Elements put together, (B, ...); the last ones may be fewer, or with `drop_remainder` left out.

        Raises:
            ValueError: while it runs, elements of unequal shapes.
        """
        _known(options, "batch", "num_parallel_calls", "deterministic")
        size = _positive(batch_size, "batch: batch_size")
        return Dataset(changing.Batched(self._stage, size, bool(drop_remainder)))

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Dataset:
        """Elements of unequal lengths put together, filled up at their ends.

        Args:
            batch_size: how many.
            padded_shapes: in the structure of an element, with None or -1 for the longest of a batch; by default that
                on all axes.
            padding_values: in the same structure, or one for all; by default 0, and for text nothing.
            drop_remainder: as for `batch`.

        Raises:
            ValueError: while it runs, an element that is longer than its shape.
        """
        size = _positive(batch_size, "padded_batch: batch_size")
        return Dataset(changing.Padded(self._stage, size, padded_shapes, padding_values, bool(drop_remainder)))

    def unbatch(self, name: str | None = None) -> Dataset:
        """The rows of each element."""
        return Dataset(changing.Unbatched(self._stage))

    def window(
        self, size: int, shift: int | None = None, stride: int = 1, drop_remainder: bool = False, name: Any = None
    ) -> Dataset:
        """Runs of `size` elements as datasets; for a tuple or a dict, one of datasets.

        Args:
            size: elements in a window.
            shift: how far on the next one begins; by default `size`.
            stride: how far its elements lie apart.
            drop_remainder: leave out those at the end that have fewer.
        """
        size = _positive(size, "window: size")
        shift = size if shift is None else _positive(shift, "window: shift")
        stride = _positive(stride, "window: stride")
        return Dataset(changing.Windowed(self._stage, size, shift, stride, bool(drop_remainder), Dataset))

    def enumerate(self, start: int = 0, name: str | None = None) -> Dataset:
        """(number, element)."""
        return Dataset(changing.Numbered(self._stage, int(start)))

    def apply(self, transformation_func: Callable[[Dataset], Any]) -> Any:
        """What a function makes of this dataset."""
        return transformation_func(self)

    def with_options(self, options: Any, name: str | None = None) -> Dataset:
        """The dataset as it is."""
        return self

    def options(self) -> Options:
        """No options."""
        return Options()

    # -- Its elements -----------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        return map(elements.tensors, self._stage.run())

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements, as NumPy's arrays and scalars."""
        return map(elements.plain, self._stage.run())

    def peek(self) -> Any:
        """The first element of the next iteration, which is not begun by this; None where there is none."""
        return elements.tensors(stages.first_of(self._stage))

    def reduce(self, initial_state: Any, reduce_func: Callable[..., Any], name: str | None = None) -> Any:
        """The last state: each one is a function of the state before and an element.

        >>> Dataset.range(5).reduce(np.int64(0), lambda total, x: total + x).item()
        10
        """
        state = elements.arrays(initial_state, "Dataset.reduce")
        for element in self:
            state = elements.given_by(reduce_func(elements.tensors(state), element), "Dataset.reduce")
        return elements.tensors(state)

    def get_single_element(self, name: str | None = None) -> Any:
        """The only element.

        Raises:
            ValueError: where there is none, or a second one.
        """
        found = list(self.take(2))
        if len(found) != 1:
            raise ValueError(f"Dataset.get_single_element: there {'is none' if not found else 'are more'}.")
        return found[0]

    def cardinality(self, name: str | None = None) -> Tensor:
        """The number of elements, or -1 (`INFINITE_CARDINALITY`), or -2 (`UNKNOWN_CARDINALITY`)."""
        return np.asarray(self._stage.cardinality(), "int64").view(Tensor)

    def __len__(self) -> int:
        count = self._stage.cardinality()
        if count < 0:
            raise TypeError(f"The dataset {'is infinite' if count == stages.INFINITE else 'has an unknown length'}.")
        return count

    def __bool__(self) -> bool:
        return True

    @property
    def element_spec(self) -> Any:
        """`TensorSpec`s in the structure of an element. After `map` the first element is computed to see them."""
        return self._stage.spec()

    def order_state(self) -> np.ndarray:
        """What the orders of the next iteration will be drawn from, as numbers that `set_order_state` takes."""
        return np.array(self._stage.state(), "uint64")

    def set_order_state(self, state: Any) -> None:
        """Have the next iteration come in the order of the one that began in this state.

        >>> data = Dataset.range(9).shuffle(9)
        >>> state = data.order_state(); first = list(data)
        >>> data.set_order_state(state); list(data) == first
        True
        """
        self._stage.set_state(map(int, state))

    def __repr__(self) -> str:
        try:
            known = f"element_spec={self.element_spec}"
        except Exception:  # A program's function may fail on the element that would show it.
            known = "element_spec unknown"
        return f"<Dataset {known}>"


def _specs(types: Any, shapes: Any) -> Any:
    """Specs in the structure of the dtypes."""
    if isinstance(types, dict):
        return {key: _specs(types[key], None if shapes is None else shapes[key]) for key in types}
    if isinstance(types, (tuple, list)):
        each = [None] * len(types) if shapes is None else shapes
        return tuple(_specs(*pair) for pair in zip(types, each, strict=True))
    return TensorSpec(None if shapes is None else shape_of(shapes), types)


def _positive(value: Any, what: str) -> int:
    number = int(np.asarray(value))
    if number < 1:
        raise ValueError(f"Dataset.{what} must be at least 1, got {value!r}.")
    return number


def _known(options: dict[str, Any], what: str, *names: str) -> None:
    for name in options:
        if name not in (*names, "name"):
            raise TypeError(f"Dataset.{what} has no argument {name!r}.")
