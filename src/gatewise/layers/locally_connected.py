"""Convolutions with a kernel of its own for each place; Keras 3 has them no more."""

from __future__ import annotations

from functools import cache
from itertools import product
from math import prod
from typing import Any

import numpy as np

from gatewise.activations import Activation, linear
from gatewise.arguments import (
    Argument,
    activation,
    constraint,
    count,
    data_format,
    flag,
    initializer,
    one_of,
    padding,
    regularizer,
)
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Shape
from gatewise.base.windows import Windows
from gatewise.engine.convolution import places
from gatewise.layer import registered
from gatewise.layer.input_spec import InputSpec
from gatewise.layers.spatial import Spatial, sizes

Sizes = tuple[int, ...]


class LocallyConnected(Spatial):
    """The base of LocallyConnected1D and LocallyConnected2D."""

    why_whole_sequence = "has weights for each step of a sequence of one length"

    filters: Argument[int, int] = count()
    kernel_size: Argument[Any, Any] = sizes()
    strides: Argument[Any, Any] = sizes(1)
    padding: Argument[str, str] = padding("valid", "same")
    data_format: Argument[Any, str] = data_format()
    activation: Argument[Any, Activation] = activation()
    use_bias: Argument[bool, bool] = flag(True)
    kernel_initializer: Argument[Any, Any] = initializer("glorot_uniform")
    bias_initializer: Argument[Any, Any] = initializer("zeros")
    kernel_regularizer: Argument[Any, Any] = regularizer()
    bias_regularizer: Argument[Any, Any] = regularizer()
    activity_regularizer = regularizer()  # Not annotated: to type checkers it is `Layer`'s, by keyword only.
    kernel_constraint: Argument[Any, Any] = constraint()
    bias_constraint: Argument[Any, Any] = constraint()
    implementation: Argument[int, int] = Argument(default=1, parse=one_of(1, 2, 3))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.padding != "valid" and self.implementation == 1:
            raise ValueError(f"{self.label}: padding={self.padding!r} needs implementation=2 or 3.")

    @property
    def windows(self) -> Windows:
        """The windows that the kernels see."""
        return Windows(self.kernel_size, self.strides, self.padding, (1,) * self.rank)

    def build(self, input_shape: Shape) -> None:
        """Make the kernel, of a shape that the implementation says, and bias (*N', F), for inputs (B, *N, I)."""
        axes, features = self._axes_of(input_shape), self._features_of(input_shape)
        if None in axes:
            raise ValueError(f"{self.label}: all sizes must be known, as each place has a kernel: got {input_shape}.")
        made: Any = self.windows.places(self.label, axes)
        vars(self)["_sizes"] = (axes, features, made)
        self.kernel = self._add_declared("kernel", self._kernel_shape(axes, features, made))
        self.bias = self._add_declared("bias", (*made, self.filters)) if self.use_bias else None
        spec: dict[int, int | None] = {self._channels: features}
        first = 1 if self._channels == -1 else 2
        self.input_spec = InputSpec(ndim=self.rank + 2, axes=spec | dict(enumerate(axes, first)))

    def _kernel_shape(self, axes: Any, features: int, made: Sizes) -> Sizes:
        if self.implementation == 1:
            return (prod(made), prod(self.kernel_size) * features, self.filters)
        if self.implementation == 3:
            return (len(connected(axes, self.windows)) * features * self.filters,)
        if self._channels == 1:
            return (features, *axes, self.filters, *made)
        return (*axes, features, *made, self.filters)

    def call(self, inputs: Array) -> Array:
        """phi(x * W + b)."""
        kernel = self.kernel.value
        xp = namespace(inputs, kernel)
        x = self._with_channels_last(xp.asarray(inputs))
        y = self._in_windows(xp, x, kernel) if self.implementation == 1 else self._at_once(xp, x, kernel)
        if self.bias is not None:
            y = y + self.bias.value
        y = self._as_declared(y)
        return y if self.activation is linear else self.activation(y)

    def _in_windows(self, xp: Any, x: Array, kernel: Array) -> Array:
        """A product for each place: kernel (N', K I, F), or (N', I K, F) with the channels first."""
        _, features, made = vars(self)["_sizes"]
        ones = (1,) * self.rank
        seen = xp.stack([part for _, part in places(x, self.kernel_size, self.strides, ones)], axis=-2)
        if self._channels == 1:
            seen = xp.swapaxes(seen, -1, -2)
        rows = xp.reshape(seen, (x.shape[0], prod(made), prod(self.kernel_size) * features))
        y = xp.matmul(xp.swapaxes(rows, 0, 1), xp.asarray(kernel))
        return xp.reshape(xp.swapaxes(y, 0, 1), (x.shape[0], *made, self.filters))

    def _at_once(self, xp: Any, x: Array, kernel: Array) -> Array:
        """One product of all places, with zeros where they are not connected."""
        axes, features, made = vars(self)["_sizes"]
        dense = self._dense(xp, kernel, axes, features, made)
        y = xp.matmul(xp.reshape(x, (x.shape[0], prod(axes) * features)), dense)
        return xp.reshape(y, (x.shape[0], *made, self.filters))

    def _dense(self, xp: Any, kernel: Array, axes: Sizes, features: int, made: Sizes) -> Array:
        """The kernel (N I, N' F) of implementations 2 and 3."""
        pairs = np.array(connected(axes, self.windows))
        shape = (prod(axes), features, prod(made), self.filters)
        if self.implementation == 2:
            mask = np.zeros(shape[::2], bool)
            mask[pairs[:, 0], pairs[:, 1]] = True
            if self._channels == 1:
                kernel = xp.reshape(kernel, (features, prod(axes), self.filters, prod(made)))
                kernel = xp.permute_dims(kernel, (1, 0, 3, 2))
            dense = xp.reshape(kernel, shape) * xp.asarray(mask[:, None, :, None], dtype=kernel.dtype)
        else:
            at = tuple(_places_of_numbers(pairs, shape, first=self._channels == 1))
            dense = xp.zeros(shape, dtype=kernel.dtype)
            if xp is np:
                dense[at] = kernel
            else:
                dense = dense.at[at].set(kernel)
        return xp.reshape(dense, (shape[0] * features, shape[2] * self.filters))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, *N', F)."""
        return self._shape_with(input_shape, self.windows.places(self.label, self._axes_of(input_shape)), self.filters)


@cache
def connected(axes: Sizes, windows: Windows) -> tuple[tuple[int, int], ...]:
    """The pairs of a place in and a place out that see each other, both counted in the order of rows.

    >>> connected((3,), Windows((2,), (1,), "valid", (1,)))
    ((0, 0), (1, 0), (1, 1), (2, 1))
    """
    made: Any = windows.places("", axes)
    fronts = [front for front, _ in windows.ends(axes)]
    found = []
    for out in product(*map(range, made)):
        starts = [at * stride - front for at, stride, front in zip(out, windows.strides, fronts, strict=True)]
        spans = zip(starts, windows.size, axes, strict=True)
        seen = product(*(range(max(start, 0), min(start + size, n)) for start, size, n in spans))
        found += [(int(np.ravel_multi_index(each, axes)), int(np.ravel_multi_index(out, made))) for each in seen]
    return tuple(sorted(found))


def _places_of_numbers(pairs: np.ndarray, shape: Any, *, first: bool) -> list[np.ndarray]:
    """Where each number of implementation 3's kernel stands in (N, I, N', F).

    tf_keras lists them by place and feature out, and then by place and feature in, the outer of the two first.
    """
    steps, features, made, filters = shape
    into, out = pairs.T
    n, i, m, f = (grid.ravel() for grid in np.broadcast_arrays(
        into[:, None, None], np.arange(features)[:, None], out[:, None, None], np.arange(filters)
    ))  # fmt: skip
    outs, ins = (f * made + m, i * steps + n) if first else (m * filters + f, n * features + i)
    order = np.lexsort((ins, outs))
    return [part[order] for part in (n, i, m, f)]


@registered.register("LocallyConnected1D")
class LocallyConnected1D(LocallyConnected, rank=1):
    """`Conv1D` with a kernel and a bias of its own for each place: y_t = phi(sum_k x_(s t + k) W_(t k) + b_t).

    x is (B, T, I), of one length T, and y (B, T', F). Keras 1 and 2 have it.

    Args:
        filters, kernel_size, strides, data_format: as for `Conv1D`.
        padding: "valid"; with implementations 2 and 3 also "same".
        implementation: how the kernel is laid out: 1, (T', K I, F); 2, (T, I, T', F), of which only what is connected
            counts; 3, a list of what is connected.
        all others: as for `Conv1D`.

    >>> import numpy as np
    >>> LocallyConnected1D(4, 3)(np.zeros((2, 10, 8))).shape
    (2, 8, 4)
    """


@registered.register("LocallyConnected2D")
class LocallyConnected2D(LocallyConnected, rank=2):
    """`Conv2D` with a kernel and a bias of its own for each place; see `LocallyConnected1D`.

    >>> import numpy as np
    >>> LocallyConnected2D(4, 3)(np.zeros((2, 5, 6, 3))).shape
    (2, 3, 4, 4)
    """
