"""Layers that cut places off the ends of one, two or three axes, or add zeros there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewise.arguments import Argument, data_format
from gatewise.base.typing import Array, Shape
from gatewise.base.windows import Ends
from gatewise.engine.convolution import with_ends
from gatewise.layer import registered
from gatewise.layers.spatial import PerAxis, Spatial, natural


def _both_ends(value: Any) -> tuple[int, int]:
    """How many places at the start of an axis and at its end: two numbers, or one for both."""
    pair = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    if len(pair) != 2 or any(isinstance(part, (list, tuple)) for part in pair):
        raise ValueError(f"expected two integers of at least 0, or one for both ends, got {value!r}.")
    try:
        return natural(pair[0]), natural(pair[1])
    except ValueError:
        raise ValueError(f"expected two integers of at least 0, or one for both ends, got {value!r}.") from None


def _all_ends(rank: int) -> Callable[[Any], Any]:
    """The parser for one axis gives a pair; for several, a pair for each."""
    if rank == 1:
        return _both_ends

    def parse(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            return (_both_ends(value),) * rank
        if len(value) != rank:
            raise ValueError(f"expected one integer, or {rank} of them or of pairs, got {value!r}.")
        return tuple(map(_both_ends, value))

    return parse


class AtEnds(Spatial):
    """The base of layers that change the ends of axes."""

    casts_integers = False
    keeps_dtype = True

    def _ends(self, kept: Any) -> Ends:
        """A pair for each axis."""
        return [kept] if self.rank == 1 else list(kept)


class Cropping(AtEnds):
    """The base of layers that cut places off both ends of each axis."""

    why_whole_sequence = "cuts steps off the end of the sequence"

    cropping: Argument[Any, Any] = PerAxis(_all_ends, default=1)

    def call(self, inputs: Array) -> Array:
        """The places between."""
        self.compute_output_shape(tuple(inputs.shape))
        axes = zip(self._ends(self.cropping), self._axes_of(inputs.shape), strict=True)
        kept = tuple(slice(start, size - end) for (start, end), size in axes if size is not None)
        before = (slice(None), slice(None)) if self._channels == 1 else (slice(None),)
        return inputs[(*before, *kept)]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, *N - cropped, I).

        Raises:
            ValueError: where nothing would be left.
        """
        left: list[int | None] = []
        for size, ends in zip(self._axes_of(input_shape), self._ends(self.cropping), strict=True):
            if size is not None and any(ends) and size <= sum(ends):
                takes = "takes all of" if size == sum(ends) else "takes more than"
                raise ValueError(f"{self.label}: cropping={self.cropping} {takes} the {size} steps there are.")
            left.append(None if size is None else size - sum(ends))
        return self._shape_with(input_shape, tuple(left), input_shape[self._channels])


@registered.register("Cropping1D")
class Cropping1D(Cropping, rank=1):
    """Cuts steps off both ends of (B, T, I).

    Args:
        cropping: how many at the start and at the end, or one number for both.
        **kwargs: see `Layer`.

    Raises:
        ValueError: where nothing would be left.

    >>> import numpy as np
    >>> Cropping1D((1, 2))(np.zeros((2, 10, 4))).shape
    (2, 7, 4)
    """


@registered.register("Cropping2D")
class Cropping2D(Cropping, rank=2):
    """Cuts places off both ends of the two axes of (B, N, M, I).

    Args:
        cropping: one number, or for each axis a number or a pair, for its start and its end.
        data_format: "channels_last", or "channels_first" for (B, I, N, M).
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> Cropping2D(((1, 2), 0))(np.zeros((2, 10, 9, 4))).shape
    (2, 7, 9, 4)
    """

    cropping: Argument[Any, Any] = PerAxis(_all_ends, default=0)
    data_format: Argument[Any, str] = data_format()


@registered.register("Cropping3D")
class Cropping3D(Cropping, rank=3):
    """Cuts places off both ends of the three axes of (B, N, M, L, I); see `Cropping2D`.

    >>> import numpy as np
    >>> Cropping3D(1)(np.zeros((2, 5, 6, 7, 4))).shape
    (2, 3, 4, 5, 4)
    """

    data_format: Argument[Any, str] = data_format()


class ZeroPadding(AtEnds):
    """The base of layers that add zeros at both ends of each axis."""

    why_whole_sequence = "adds steps to the sequence"

    padding: Argument[Any, Any] = PerAxis(_all_ends, default=1)
    data_format: Argument[Any, str] = data_format()

    def call(self, inputs: Array) -> Array:
        """The input between zeros."""
        return self._as_declared(with_ends(self._with_channels_last(inputs), self._ends(self.padding)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, *N + added, I)."""
        axes = zip(self._axes_of(input_shape), self._ends(self.padding), strict=True)
        made = tuple(None if size is None else size + sum(ends) for size, ends in axes)
        return self._shape_with(input_shape, made, input_shape[self._channels])


@registered.register("ZeroPadding1D")
class ZeroPadding1D(ZeroPadding, rank=1):
    """Adds steps of zeros at both ends of (B, T, I).

    Args:
        padding: how many at the start and at the end, or one number for both.
        data_format: "channels_last", or "channels_first" for (B, I, T).
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> ZeroPadding1D((1, 2))(np.zeros((2, 10, 4))).shape
    (2, 13, 4)
    """


@registered.register("ZeroPadding2D")
class ZeroPadding2D(ZeroPadding, rank=2):
    """Adds zeros at both ends of the two axes of (B, N, M, I).

    Args:
        padding: one number, or for each axis a number or a pair, for its start and its end.
        data_format: "channels_last", or "channels_first" for (B, I, N, M).
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> ZeroPadding2D((1, 2))(np.zeros((2, 5, 6, 4))).shape
    (2, 7, 10, 4)
    """


@registered.register("ZeroPadding3D")
class ZeroPadding3D(ZeroPadding, rank=3):
    """Adds zeros at both ends of the three axes of (B, N, M, L, I); see `ZeroPadding2D`.

    >>> import numpy as np
    >>> ZeroPadding3D()(np.zeros((2, 5, 6, 7, 4))).shape
    (2, 7, 8, 9, 4)
    """
