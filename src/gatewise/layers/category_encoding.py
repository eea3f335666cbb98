"""Whole numbers as rows that say which of them are there; the layer, and what other layers share of it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gatewise.arguments import Argument, count, one_of
from gatewise.base import release
from gatewise.base.arrays import dtype_of, namespace
from gatewise.base.typing import Array, Shape
from gatewise.layer import Layer, registered

_OLDER_MODES: Final = {"binary": "multi_hot", "tf-idf": "tf_idf"}
WHY_WHOLE_SAMPLE: Final = "counts over a whole sample"


def output_mode(default: str, *choices: str) -> Argument[str, str]:
    """What a layer gives: "int", numbers themselves; "one_hot", "multi_hot", "count" or "tf_idf", rows of them.

    "binary" and "tf-idf" are older names.
    """
    return Argument(default=default, parse=lambda value: one_of(*choices)(_OLDER_MODES.get(value, value)))


def no_sparse() -> Argument[bool, bool]:
    """Keras's `sparse`: False, as there are dense arrays only."""
    return Argument(default=False, parse=_dense)


def _dense(value: Any) -> bool:
    if value:
        raise ValueError(f"expected False, got {value!r}: Gatewise gives dense arrays only; leave the argument out.")
    return False


def encoded(numbers: Array, mode: str, width: int, dtype: str, weights: Array | None = None) -> Array:
    """Numbers (B, T) as rows (B, `width`); those outside 0 to `width` - 1 count nowhere.

    Args:
        numbers: whole numbers.
        mode: of `output_mode`; "one_hot" gives (B, T, `width`), and (B, `width`) for (B, 1).
        width: how many numbers there are.
        dtype: of the output.
        weights: what each number counts, for "count".
    """
    xp = namespace(numbers)
    kind = xp.zeros((), int).dtype if dtype == "int64" else dtype_of(numbers, dtype)  # JAX may have no int64.
    if mode == "int":
        return xp.astype(numbers, kind)
    if mode == "one_hot" and numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = xp.reshape(numbers, numbers.shape[:-1])
    hot = xp.astype(numbers[..., None] == xp.arange(width), kind)
    if mode == "one_hot":
        return hot
    if weights is not None:
        hot = hot * weights[..., None]
    axis = 1 if numbers.ndim > 1 else 0
    if numbers.ndim == 0:
        return hot
    return xp.max(hot, axis=axis, initial=0) if mode == "multi_hot" else xp.sum(hot, axis=axis, dtype=hot.dtype)


def encoded_shape(shape: Shape, mode: str, width: int | None) -> Shape:
    """The shape that `encoded` gives for numbers of a shape."""
    if mode == "int":
        return shape
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), width)
    axis = 1 if len(shape) > 1 else 0
    return (*shape[:axis], *shape[axis + 1 :], width)


@registered.register("CategoryEncoding")
class CategoryEncoding(Layer):
    """Whole numbers (B, T) as rows (B, N) that say which of them are there, or how often.

    Args:
        num_tokens: N; the numbers go from 0 to N - 1.
        output_mode: "multi_hot", 1 for each number that is there; "count", how often; "one_hot", a row with one 1 for
            each number: (B, T, N), and (B, N) for (B, 1).
        sparse: accepted as False.
        **kwargs: see `Layer`.

    Call arguments:
        count_weights: what each number counts (B, T), for "count".

    Raises:
        ValueError: `count_weights` in another mode; in TensorFlow 2's meaning, a number that is not below N, which
            Keras 3 leaves out.

    >>> import numpy as np
    >>> CategoryEncoding(4, output_mode="count")(np.array([[0, 1, 1]])).tolist()
    [[1.0, 2.0, 0.0, 0.0]]
    """

    num_tokens: Argument[int, int] = count()
    output_mode: Argument[str, str] = output_mode("multi_hot", "count", "one_hot", "multi_hot")
    sparse: Argument[bool, bool] = no_sparse()

    autocast = False
    moves_axes = True
    why_whole_sequence = WHY_WHOLE_SAMPLE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._release = release.current()

    def call(self, inputs: Array, count_weights: Any = None) -> Array:
        """The rows."""
        xp = namespace(inputs)
        if count_weights is not None:
            if self.output_mode != "count":
                raise ValueError(f"{self.label}: count_weights are for output_mode='count', not {self.output_mode!r}.")
            count_weights = xp.asarray(count_weights, dtype=dtype_of(inputs, self.dtype))
            if tuple(count_weights.shape) != tuple(inputs.shape):
                raise ValueError(
                    f"{self.label}: count_weights must have the input's shape {tuple(inputs.shape)}, "
                    f"got {tuple(count_weights.shape)}."
                )
        if xp is np and self._release != "keras3":
            self._check_range(inputs)
        return encoded(inputs, self.output_mode, self.num_tokens, self.dtype, count_weights)

    def _check_range(self, inputs: np.ndarray) -> None:
        outside = (inputs < 0) | (inputs >= self.num_tokens)
        if outside.any():
            raise ValueError(
                f"{self.label}: the numbers must be from 0 to {self.num_tokens - 1} (num_tokens={self.num_tokens}), "
                f"but {inputs[outside][0]} came."
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, N); for "one_hot" (B, T, N)."""
        return encoded_shape(tuple(input_shape), self.output_mode, self.num_tokens)
