"""Layers that make one array of several."""

from __future__ import annotations

from functools import reduce
from typing import Any, ClassVar

from gatewise.arguments import Argument, flag, integer
from gatewise.base import release, structure
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.layer import Layer, registered


class Merge(Layer):
    """The base: takes a list of arrays, checks that their shapes go together, and merges them element by element.

    Sizes of 1 are stretched, and an array with fewer axes gets axes of size 1 after its batch axis, as in Keras.

    Masks: in Keras 3 a step counts where it counts in any input, provided that all have a mask; in Keras 2 where it
    counts in all inputs that have one. A layer follows the generation it was made in (`gatewise.base.release`).
    """

    supports_masking = True
    keeps_dtype = True
    least: ClassVar[int] = 1
    most: ClassVar[int | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._release = release.current()

    @property
    def _keras3(self) -> bool:
        return self._release == "keras3"

    def _check(self, shapes: Any) -> None:
        listed = isinstance(shapes, (list, tuple)) and not structure.is_shape(shapes)
        count = len(shapes) if listed else 1
        if not listed or count < self.least or (self.most is not None and count > self.most):
            wanted = f"exactly {self.most}" if self.most == self.least else f"at least {self.least}"
            came = f"{count} came" if listed else f"one array of shape {shapes} came: pass [a, b, ...]"
            raise ValueError(f"{self.label}: expected a list of {wanted} inputs, but {came}.")
        self.compute_output_shape(shapes)

    def call(self, inputs: list[Array]) -> Array:
        """Merge the arrays."""
        return self._merge(namespace(*inputs), self._aligned(inputs))

    def _merge(self, xp: Any, inputs: list[Array]) -> Array:
        raise TypeError(f"{type(self).__name__} must define `_merge(self, xp, inputs)`.")

    @staticmethod
    def _aligned(inputs: list[Array]) -> list[Array]:
        """The arrays with the same number of axes."""
        rank = max(x.ndim for x in inputs)
        return [x if x.ndim == rank else x[(slice(None), *(None,) * (rank - x.ndim))] for x in inputs]

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape that all inputs are stretched to."""
        shapes = [tuple(shape) for shape in input_shape]
        rank = max(map(len, shapes))
        aligned = [(shape[0], *(1,) * (rank - len(shape)), *shape[1:]) if shape else (1,) * rank for shape in shapes]
        return tuple(self._stretched(axis, {shape[axis] for shape in aligned}, shapes) for axis in range(rank))

    def _stretched(self, axis: int, sizes: set[int | None], shapes: list[Shape]) -> int | None:
        known = sizes - {1, None}
        if len(known) > 1:
            raise ValueError(f"{self.label}: the inputs differ on axis {axis}, and cannot be merged: shapes {shapes}.")
        if known:
            return known.pop() if None not in sizes or axis == 0 else None
        return None if None in sizes else 1

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Where a step counts, from the inputs' masks; see the class.

        Raises:
            ValueError: where the inputs, or the masks, are no list, or are not as many.
        """
        own = self._masks(inputs, mask)
        given = [m for m in own if m is not None]
        if not given or (self._keras3 and len(given) < len(own)):
            return None
        xp = namespace(*given)
        return reduce(xp.logical_or if self._keras3 else xp.logical_and, given)

    def _masks(self, inputs: Any, mask: Any) -> list[Any]:
        """One mask or None for each input."""
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"{self.label}: expected a list of inputs, got {inputs!r}.")
        if mask is None:
            return [None] * len(inputs)
        if not isinstance(mask, (list, tuple)) or len(mask) != len(inputs):
            raise ValueError(f"{self.label}: expected a list of {len(inputs)} masks, one for each input, got {mask!r}.")
        return list(mask)


@registered.register("Add")
class Add(Merge):
    """The sum of the inputs; see `Merge` for shapes and masks.

    >>> import numpy as np
    >>> Add()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
    [[4.0, 6.0]]
    """

    def _merge(self, xp: Any, inputs: list[Array]) -> Array:
        return reduce(xp.add, inputs)


@registered.register("Subtract")
class Subtract(Merge):
    """The first of two inputs minus the second.

    >>> import numpy as np
    >>> Subtract()([np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]])]).tolist()
    [[-2.0, -3.0]]
    """

    least = most = 2

    def _merge(self, xp: Any, inputs: list[Array]) -> Array:
        return inputs[0] - inputs[1]


@registered.register("Average")
class Average(Merge):
    """The mean of the inputs.

    >>> import numpy as np
    >>> Average()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
    [[2.0, 3.0]]
    """

    casts_integers = True

    def _merge(self, xp: Any, inputs: list[Array]) -> Array:
        return reduce(xp.add, inputs) / len(inputs)


class MaskedMerge(Merge):
    """The base of merges in which Keras 3 leaves out masked steps; Keras 2 merges the numbers as they are."""

    def call(self, inputs: list[Array], mask: Any = None) -> Array:
        """Merge what counts."""
        xp, aligned = namespace(*inputs), self._aligned(inputs)
        given = self._masks(inputs, mask)
        if not self._keras3 or all(m is None for m in given):
            return self._merge(xp, aligned)
        wide = [m if m is None else xp.broadcast_to(m[..., None], x.shape) for m, x in zip(given, aligned, strict=True)]
        return self._merge_masked(xp, aligned, wide)

    def _merge_masked(self, xp: Any, inputs: list[Array], masks: list[Any]) -> Array:
        raise TypeError(f"{type(self).__name__} must define `_merge_masked(self, xp, inputs, masks)`.")


@registered.register("Multiply")
class Multiply(MaskedMerge):
    """The product of the inputs; a masked step counts as 1, and one masked in all inputs gives 0.

    >>> import numpy as np
    >>> Multiply()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
    [[3.0, 8.0]]
    """

    def _merge(self, xp: Any, inputs: list[Array]) -> Array:
        return reduce(xp.multiply, inputs)

    def _merge_masked(self, xp: Any, inputs: list[Array], masks: list[Any]) -> Array:
        pairs = zip(inputs, masks, strict=True)
        y = self._merge(xp, [x if m is None else xp.where(m, x, xp.ones_like(x)) for x, m in pairs])
        if any(m is None for m in masks):
            return y
        return xp.where(reduce(xp.logical_or, masks), y, xp.zeros_like(y))


class Extreme(MaskedMerge):
    """The base of Maximum and Minimum."""

    def _chosen(self, xp: Any) -> Any:
        raise TypeError(f"{type(self).__name__} must define `_chosen(self, xp)`.")

    def _merge(self, xp: Any, inputs: list[Array]) -> Array:
        return reduce(self._chosen(xp), inputs)

    def _merge_masked(self, xp: Any, inputs: list[Array], masks: list[Any]) -> Array:
        y, counts = inputs[0], masks[0]
        for x, mask in zip(inputs[1:], masks[1:], strict=True):
            other = x if mask is None else xp.where(mask, x, y)
            y = y if counts is None else xp.where(counts, y, other)
            counts = None if mask is None or counts is None else xp.logical_or(counts, mask)
            y = self._chosen(xp)(y, other)
        return y


@registered.register("Maximum")
class Maximum(Extreme):
    """The larger of the inputs; a masked step gives way to one that counts.

    >>> import numpy as np
    >>> Maximum()([np.array([[1.0, 5.0]]), np.array([[3.0, 4.0]])]).tolist()
    [[3.0, 5.0]]
    """

    def _chosen(self, xp: Any) -> Any:
        return xp.maximum


@registered.register("Minimum")
class Minimum(Extreme):
    """The smaller of the inputs; a masked step gives way to one that counts.

    >>> import numpy as np
    >>> Minimum()([np.array([[1.0, 5.0]]), np.array([[3.0, 4.0]])]).tolist()
    [[1.0, 4.0]]
    """

    def _chosen(self, xp: Any) -> Any:
        return xp.minimum


@registered.register("Concatenate")
class Concatenate(Merge):
    """The inputs one after the other along an axis; their other sizes are equal.

    Args:
        axis: which; -1, the last, by default.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> Concatenate()([np.zeros((2, 5, 3)), np.ones((2, 5, 1))]).shape
    (2, 5, 4)
    """

    axis: Argument[int, int] = Argument(default=-1, parse=integer)

    def call(self, inputs: list[Array]) -> Array:
        """The inputs, joined."""
        return namespace(*inputs).concat(list(inputs), axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The common sizes, and on the axis the sum."""
        shapes = [tuple(shape) for shape in input_shape]
        rank = len(shapes[0])
        if any(len(shape) != rank for shape in shapes):
            raise ValueError(f"{self.label}: the inputs must have the same number of axes, got shapes {shapes}.")
        if not -rank <= self.axis < rank:
            raise ValueError(f"{self.label}: the inputs have no axis {self.axis}: shapes {shapes}.")
        return tuple(self._joined(axis, [shape[axis] for shape in shapes], shapes) for axis in range(rank))

    def _joined(self, axis: int, sizes: list[int | None], shapes: list[Shape]) -> int | None:
        known = [size for size in sizes if size is not None]
        if axis == self.axis % len(shapes[0]):
            return sum(known) if len(known) == len(sizes) else None
        if len(set(known)) > 1:
            raise ValueError(
                f"{self.label}: the inputs are joined on axis {self.axis} and must be equal on the others, "
                f"but differ on axis {axis}: shapes {shapes}."
            )
        return known[0] if known else None

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Where a step counts: in any input with Keras 3, in all with Keras 2; each for itself when joined in time."""
        own = self._masks(inputs, mask)
        if all(m is None for m in own):
            return None
        xp = namespace(*inputs, *own)
        wide = [self._widened(xp, x, m) for x, m in zip(inputs, own, strict=True)]
        joined = xp.concat(wide, axis=self.axis)
        return xp.any(joined, axis=-1) if self._keras3 else xp.all(joined, axis=-1)

    @staticmethod
    def _widened(xp: Any, x: Array, mask: Any) -> Array:
        """A mask of the input's own shape."""
        if mask is None:
            return xp.ones(x.shape, dtype=bool)
        return xp.broadcast_to(mask[..., None], x.shape) if mask.ndim < x.ndim else mask


def _dot_axes(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        if len(value) != 2:
            raise ValueError(f"expected one axis, or one for each of the two inputs, got {value!r}.")
        return [integer(axis) for axis in value]
    return integer(value)


@registered.register("Dot")
class Dot(Merge):
    """The products of two inputs summed over one axis of each, sample by sample.

    x (B, ..., n, ...) and y (B, ..., n, ...) give the other axes of x, then those of y; where none is left, (B, 1).

    Args:
        axes: the axis with n, one for both inputs or a pair; the batch axis 0 cannot be it.
        normalize: divide both by their length along that axis first: the cosine.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> Dot(axes=(2, 1))([np.zeros((2, 5, 3)), np.zeros((2, 3, 7))]).shape
    (2, 5, 7)
    """

    axes: Argument[Any, Any] = Argument(parse=_dot_axes)
    normalize: Argument[bool, bool] = flag(False)

    casts_integers = True
    moves_axes = True
    why_whole_sequence = "multiplies sequences with each other"
    least = most = 2

    def _places(self, shapes: list[Shape]) -> tuple[int, int]:
        """The two axes, counted from the front."""
        pair = self.axes if isinstance(self.axes, list) else [self.axes] * 2
        places = []
        for axis, shape in zip(pair, shapes, strict=True):
            if not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
                raise ValueError(
                    f"{self.label}: axes={self.axes} must name an axis of each input other than the batch axis 0; "
                    f"the inputs have shapes {shapes}."
                )
            places.append(axis % len(shape))
        return places[0], places[1]

    def call(self, inputs: list[Array]) -> Array:
        """The products, summed over the two axes."""
        x, y = inputs
        xp = namespace(x, y)
        places = self._places([tuple(x.shape), tuple(y.shape)])
        x, y = xp.moveaxis(x, places[0], -1), xp.moveaxis(y, places[1], -1)
        if self.normalize:
            x, y = _unit(xp, x), _unit(xp, y)
        batch, kept = x.shape[0], (*x.shape[1:-1], *y.shape[1:-1])
        x = xp.reshape(x, (batch, _product(x.shape[1:-1]), x.shape[-1]))
        y = xp.reshape(y, (batch, _product(y.shape[1:-1]), y.shape[-1]))
        return xp.reshape(xp.matmul(x, xp.swapaxes(y, 1, 2)), (batch, *(kept or (1,))))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """(B, the other axes of x, the other axes of y)."""
        x, y = (tuple(shape) for shape in input_shape)
        first, second = self._places([x, y])
        if x[first] != y[second] and None not in (x[first], y[second]):
            raise ValueError(
                f"{self.label}: the sizes on the summed axes {self.axes} must be equal, but are {x[first]} "
                f"and {y[second]}: shapes {x} and {y}."
            )
        kept = (*x[1:first], *x[first + 1 :], *y[1:second], *y[second + 1 :])
        return (x[0] if x[0] is not None else y[0], *(kept or (1,)))

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the steps are gone."""
        return


def _product(sizes: tuple[int, ...]) -> int:
    return reduce(lambda a, b: a * b, sizes, 1)


def _unit(xp: Any, x: Array) -> Array:
    """Divide by the length along the last axis; a zero vector stays zero."""
    squares = xp.sum(x * x, axis=-1, keepdims=True)
    return x / xp.sqrt(xp.maximum(squares, xp.asarray(1e-12, dtype=x.dtype)))


def add(inputs: list[Any], **kwargs: Any) -> Any:
    """`Add(**kwargs)(inputs)`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: list[Any], **kwargs: Any) -> Any:
    """`Subtract(**kwargs)(inputs)`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: list[Any], **kwargs: Any) -> Any:
    """`Multiply(**kwargs)(inputs)`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: list[Any], **kwargs: Any) -> Any:
    """`Average(**kwargs)(inputs)`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: list[Any], **kwargs: Any) -> Any:
    """`Maximum(**kwargs)(inputs)`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: list[Any], **kwargs: Any) -> Any:
    """`Minimum(**kwargs)(inputs)`."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: list[Any], axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate(axis, **kwargs)(inputs)`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: list[Any], axes: Any, normalize: bool = False, **kwargs: Any) -> Any:
    """`Dot(axes, normalize, **kwargs)(inputs)`."""
    return Dot(axes=axes, normalize=normalize, **kwargs)(inputs)
