"""Layers that put words or whole numbers into buckets by a hash, without a vocabulary."""

from __future__ import annotations

from functools import reduce
from typing import Any, Final

import numpy as np

from gatewise.arguments import Argument, count
from gatewise.base.arrays import TEXT, as_input, is_floating
from gatewise.base.fingerprints import crossed, fingerprint
from gatewise.base.typing import Array, Shape
from gatewise.layer import Layer, registered
from gatewise.layers.category_encoding import encoded, encoded_shape, no_sparse, output_mode
from gatewise.layers.lookup import bucket, salt

_CROSSING: Final = 0xDECAFCAFFE
"""What TensorFlow's fingerprint of a crossing begins with."""
_READS_TEXT: Final = "may read text, and a stream takes numbers"


class _Buckets(Layer):
    """The base: whole numbers below `num_bins`, or rows of them."""

    num_bins: Argument[int, int] = count()

    output_mode: Argument[str, str] = output_mode("int", "int", "one_hot", "multi_hot", "count")
    sparse: Argument[bool, bool] = no_sparse()

    autocast = False
    moves_axes = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given = kwargs.get("dtype")
        super().__init__(*args, **kwargs)
        if given is None and self.output_mode == "int":
            self.dtype = "int64"

    def _converted(self, inputs: Any) -> Any:
        return as_input(inputs, f"The input of {self.label}")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """That of the input, or of rows as in `CategoryEncoding`."""
        return encoded_shape(tuple(input_shape), self.output_mode, self.num_bins)

    def _output_dtype(self, inputs: Any) -> str:
        return self.dtype


@registered.register("Hashing")
class Hashing(_Buckets):
    """Words or whole numbers as buckets: the remainder of a hash, the same on every machine.

    Args:
        num_bins: how many buckets; they go from 0 to num_bins - 1.
        mask_value: what means "nothing here" and alone has bucket 0; None for nothing.
        salt: one or two integers that make the hash one that others cannot foresee.
        output_mode: "int"; or "one_hot", "multi_hot" or "count" as in `CategoryEncoding`.
        sparse: accepted as False.
        **kwargs: see `Layer`; `dtype` is int64 by default, and for rows float32.

    Numbers are hashed by their digits, of floats those before the point. It computes on NumPy's arrays alone.

    Source: FarmHash's Fingerprint64, and with `salt` SipHash, as TensorFlow has them.

    >>> Hashing(3)([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
    [[1], [0], [1], [1], [2]]
    """

    mask_value: Argument[Any, Any] = Argument(default=None, after="num_bins")
    salt: Argument[Any, list[int] | None] = salt(after="mask_value")

    why_whole_sequence = _READS_TEXT

    def call(self, inputs: Array) -> Array:
        """The buckets."""
        whole = inputs.astype("int64") if inputs.dtype != TEXT and is_floating(inputs) else inputs
        masked = self.mask_value is not None and self.num_bins > 1
        buckets = self.num_bins - masked
        found = np.array([bucket(_text(word), buckets, self.salt) + masked for word in whole.flat], "int64")
        found = found.reshape(inputs.shape)
        if masked:
            value = self.mask_value
            found[inputs == (value.encode() if isinstance(value, str) else value)] = 0
        return encoded(found, self.output_mode, self.num_bins, self.dtype)


@registered.register("HashedCrossing")
class HashedCrossing(_Buckets):
    """Two or more words or whole numbers together as one bucket, by a hash.

    Args:
        num_bins: how many buckets.
        output_mode: "int", or "one_hot".
        sparse: accepted as False.
        **kwargs: see `Layer`; `dtype` is int64 by default, and for rows float32.

    Takes a list of arrays of one shape, (), (B,) or (B, 1). It computes on NumPy's arrays alone.

    Raises:
        ValueError: fewer than two inputs, other shapes, or fractions.

    >>> HashedCrossing(5)([["A", "B", "A"], [101, 101, 102]]).tolist()
    [1, 4, 3]
    """

    output_mode: Argument[str, str] = output_mode("int", "int", "one_hot")

    why_whole_sequence = _READS_TEXT

    def _converted(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError(f"{self.label}: expected a list of at least 2 inputs, got {inputs!r}.")
        return [as_input(each, f"An input of {self.label}") for each in inputs]

    def _check(self, shapes: Any) -> None:
        first = tuple(shapes[0])
        if any(tuple(each) != first for each in shapes) or len(first) > 2 or (len(first) == 2 and first[1] != 1):
            raise ValueError(
                f"{self.label}: the inputs must have one shape, (), (B,) or (B, 1), but have the shapes "
                f"{[tuple(each) for each in shapes]}."
            )

    def call(self, inputs: list[Array]) -> Array:
        """The buckets."""
        if wrong := [each.dtype.name for each in inputs if each.dtype != TEXT and each.dtype.kind not in "iu"]:
            raise ValueError(f"{self.label}: expected words or whole numbers, but an input of {wrong[0]} came.")
        rows = zip(*(each.ravel().tolist() for each in inputs), strict=True)
        found = [reduce(crossed, map(_number, row), _CROSSING) % self.num_bins for row in rows]
        numbers = np.array(found, "int64").reshape(inputs[0].shape)
        return encoded(numbers, self.output_mode, self.num_bins, self.dtype)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """That of an input, or of rows as in `CategoryEncoding`."""
        return super().compute_output_shape(input_shape[0])


def _text(word: Any) -> bytes:
    return word if isinstance(word, bytes) else str(int(word)).encode()


def _number(word: Any) -> int:
    return fingerprint(word) if isinstance(word, bytes) else int(word) % (1 << 64)
