"""A batch, and where batches come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from gatewise import random
from gatewise.base import structure
from gatewise.base.arrays import as_array, as_input
from gatewise.base.typing import Array
from gatewise.config import config as settings


class Batch(NamedTuple):
    """Some samples: inputs, targets and weights in their structures, and which time steps of the inputs are real."""

    x: Any
    y: Any = None
    sample_weight: Any = None
    mask: Any = None

    @property
    def size(self) -> int:
        """The number of samples."""
        return int(next(leaf for leaf in structure.flatten(self.x) if leaf is not None).shape[0])


class Source:
    """Where batches come from; each subclass takes one kind of data.

    `batches` is how many an epoch has, or None; `samples` how many samples, or None. `short_tail` says whether the
    last batch of an epoch may be smaller than the others, `one_shape` whether all others have one shape.
    """

    batches: int | None = None
    samples: int | None = None
    size: int | None = None
    one_shape = True
    endless = False
    """Whether an epoch has no end of its own, and the next one goes on where it stopped."""
    infinite = False
    """Whether it is known that there will always be another batch."""
    _order: np.random.Generator | None = None
    """What the order of each epoch is drawn from, when the epoch begins; None where nothing is shuffled."""

    def epoch(self) -> Iterator[Batch]:
        """The batches of one epoch."""
        raise NotImplementedError

    def first(self) -> Batch:
        """A batch to look at before the first step; it comes again in the epoch."""
        return next(iter(self.epoch()))

    def whole_targets(self) -> Any:
        """All targets at once, where they are known; else None."""
        return None

    def end_epoch(self) -> None:
        """Called when an epoch has ended."""

    def check_end(self, steps: int | None, argument: str) -> None:
        """Refuse data without an end where nothing says how many batches to take.

        Raises:
            ValueError: names the argument that does.
        """
        if self.infinite and steps is None:
            raise ValueError(f"The data has no end, as after repeat(): say how many batches to take, {argument}=...")

    def pass_over(self, epochs: int, steps: int | None) -> None:
        """Stand where so many epochs of so many batches leave the data of a program that has just begun.

        What the program's own objects draw from random numbers of their own is not known here.
        """
        for _ in range(epochs):
            self.end_epoch()

    def order_state(self) -> np.ndarray | None:
        """What the order of the next epoch will be drawn from, as numbers; None where nothing is shuffled."""
        return None if self._order is None else random.generator_state(self._order)

    def set_order_state(self, state: np.ndarray) -> None:
        """Have the next epoch come in the order of the one that began in this state."""
        self._order = random.generator_at(state)


INPUTS: Final = "The inputs"
"""What may be text."""


def plain(value: Any, what: str) -> Any:
    """A structure of what users pass, as NumPy's arrays: frames, series and tensors too."""
    return structure.map_structure(lambda leaf: None if leaf is None else _plain(leaf, what), value)


def _plain(leaf: Any, what: str) -> Array:
    if hasattr(leaf, "to_numpy") and not isinstance(leaf, np.ndarray):
        leaf = leaf.to_numpy()
    elif hasattr(leaf, "detach") and hasattr(leaf, "cpu"):
        leaf = leaf.detach().cpu().numpy()
    array = np.asarray((as_input if what == INPUTS else as_array)(leaf, what))
    wanted = settings.floatx
    if array.dtype.kind == "f" and wanted not in (array.dtype.name, "bfloat16"):
        return array.astype(wanted)
    return array


def unpacked(data: Any, listed: bool = False) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights from what an iterator gave: x, (x,), (x, y) or (x, y, sample_weight).

    Args:
        data: what it gave.
        listed: whether a list of two or three is such a tuple too, as PyTorch's loaders give.
    """
    if isinstance(data, tuple) or (listed and isinstance(data, list)):
        if 1 <= len(data) <= 3:
            return (*data, *(None,) * (3 - len(data)))
        raise ValueError(f"Expected batches (x, y) or (x, y, sample_weight), but a tuple of {len(data)} came.")
    return data, None, None


Weigh = Callable[[Batch], Batch]
"""What adds the weights of classes to a batch."""


def made(data: Any, weigh: Weigh | None = None) -> Batch:
    """A batch of what an iterator or a `Sequence` gave."""
    x, y, sample_weight = unpacked(data, listed=True)
    batch = Batch(plain(x, INPUTS), plain(y, "The targets"), plain(sample_weight, "sample_weight"))
    counted(batch)
    return batch if weigh is None else weigh(batch)


def counted(batch: Batch) -> int:
    """The number of samples in a batch, or in all data.

    Raises:
        ValueError: where there are none, or inputs, targets and weights have other numbers of them.
    """
    shapes = {
        name: [tuple(leaf.shape) for leaf in structure.flatten(part) if leaf is not None]
        for name, part in (("x", batch.x), ("y", batch.y), ("sample_weight", batch.sample_weight))
    }
    counts = {shape[0] if shape else -1 for found in shapes.values() for shape in found}
    if not counts:
        raise ValueError("There is no data: x is None, or an empty structure.")
    if len(counts) != 1 or -1 in counts:
        said = ", ".join(f"{name} has the shapes {_few(found)}" for name, found in shapes.items() if found)
        raise ValueError(f"All data must have the same number of samples, but {said}.")
    (count,) = counts
    if count == 0:
        raise ValueError(f"The data is empty: x has the shapes {shapes['x']}.")
    return int(count)


def _few(shapes: list[Any]) -> str:
    """The shapes in words, no more of them than anybody reads."""
    return str(shapes) if len(shapes) <= 8 else f"{str(shapes[:8])[:-1]}, and {len(shapes) - 8} more]"
