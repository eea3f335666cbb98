"""Products of matrices and tensors, and `tf.linalg`."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base.arrays import namespace
from gatewise.base.tensors import InvalidArgumentError, matched
from gatewise.base.typing import Array
from gatewise.compat.functions.calling import array, axes, floating, offered, pair, plainly


@offered("matmul", "linalg.matmul")
def matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Array:
    """The matrix product over the last two axes.

    Raises:
        InvalidArgumentError: operands without two axes, or of sizes that do not go together.
    """
    x, y, xp = pair(a, b, "matmul")
    if min(x.ndim, y.ndim) < 2:
        raise InvalidArgumentError(f"tf.matmul multiplies matrices, but shapes {x.shape} and {y.shape} came.")
    x, y = (xp.swapaxes(m, -1, -2) if turned else m for m, turned in ((x, transpose_a), (y, transpose_b)))
    if x.shape[-1] != y.shape[-2]:
        raise InvalidArgumentError(f"tf.matmul: matrices of shapes {x.shape} and {y.shape} do not go together.")
    return xp.matmul(x, y)


@offered("linalg.matvec")
def matvec(a: Any, b: Any, transpose_a: bool = False) -> Array:
    """The product of a matrix and a vector."""
    x, y, xp = pair(a, b, "linalg.matvec")
    return xp.matmul(xp.swapaxes(x, -1, -2) if transpose_a else x, y[..., None])[..., 0]


@offered("tensordot")
def tensordot(a: Any, b: Any, axes: Any) -> Array:
    """The sum of products over axes of both: how many (the last of `a`, the first of `b`), or which."""
    x, y, xp = pair(a, b, "tensordot")
    over = plainly(axes)
    if not isinstance(over, int):
        over = [[each] if isinstance(each, int) else list(each) for each in over]
    return xp.tensordot(x, y, axes=over)


@offered("einsum")
def einsum(equation: str, *inputs: Any) -> Array:
    """Sums of products by Einstein's convention: "bij,bjk->bik"."""
    parts = matched(*inputs, name="tf.einsum")
    return namespace(*parts).einsum(equation.replace(" ", ""), *parts)


@offered("norm", "linalg.norm")
def norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False) -> Array:
    """The length of vectors: "euclidean", 1, 2 or infinity; of all numbers as one vector without an axis."""
    x = floating(tensor, "norm")
    xp, over = namespace(x), axes(axis)
    if ord == "fro":
        ord = "euclidean"
    if ord == np.inf:
        return xp.max(xp.abs(x), axis=over, keepdims=keepdims)
    if ord == 1:
        return xp.sum(xp.abs(x), axis=over, keepdims=keepdims)
    if ord not in ("euclidean", 2) or (ord == 2 and isinstance(over, tuple)):
        raise ValueError(f"tf.norm has the orders 'euclidean', 1, 2 and infinity of vectors here, but {ord!r} came.")
    return xp.sqrt(xp.sum(xp.square(x), axis=over, keepdims=keepdims))


@offered("linalg.band_part")
def band_part(input: Any, num_lower: Any, num_upper: Any) -> Array:
    """The matrix's diagonal with so many below and above it, -1 for all; zeros elsewhere.

    >>> band_part([[1.0, 2.0], [3.0, 4.0]], -1, 0).numpy().tolist()
    [[1.0, 0.0], [3.0, 4.0]]
    """
    x = array(input)
    below, above = int(num_lower), int(num_upper)
    rows, columns = np.arange(x.shape[-2])[:, None], np.arange(x.shape[-1])
    kept = ((below < 0) | (rows - columns <= below)) & ((above < 0) | (columns - rows <= above))
    xp = namespace(x)
    return xp.where(kept, x, xp.zeros_like(x))


@offered("linalg.diag")
def diag(diagonal: Any) -> Array:
    """Matrices with these diagonals."""
    x = array(diagonal)
    return x[..., None] * np.eye(x.shape[-1], dtype=x.dtype)


@offered("linalg.diag_part")
def diag_part(input: Any) -> Array:
    """The diagonals of matrices."""
    x = array(input)
    return namespace(x).diagonal(x, 0, -2, -1)


@offered("linalg.trace", "linalg.tensor_trace")
def trace(x: Any) -> Array:
    """The sum of the diagonal."""
    found = array(x)
    return namespace(found).trace(found, 0, -2, -1)


@offered("linalg.inv")
def inv(input: Any) -> Array:
    """The inverse of matrices."""
    x = floating(input, "linalg.inv")
    return namespace(x).linalg.inv(x)


@offered("linalg.det")
def det(input: Any) -> Array:
    """The determinant of matrices."""
    x = floating(input, "linalg.det")
    return namespace(x).linalg.det(x)


@offered("linalg.matrix_transpose")
def matrix_transpose(a: Any) -> Array:
    """The last two axes exchanged."""
    x = array(a)
    return namespace(x).swapaxes(x, -1, -2)


@offered("linalg.cross")
def cross(a: Any, b: Any) -> Array:
    """The cross product of vectors of three."""
    x, y, xp = pair(a, b, "linalg.cross")
    return xp.cross(x, y)


@offered("clip_by_norm")
def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None) -> Array:
    """The array shortened to a length where it is longer."""
    x, limit, xp = pair(t, clip_norm, "clip_by_norm")
    over = plainly(axes)
    length = xp.sqrt(xp.sum(xp.square(x), axis=tuple(over) if isinstance(over, list) else over, keepdims=True))
    return x * limit / xp.maximum(length, limit)


@offered("linalg.global_norm")
def global_norm(t_list: Any) -> Array:
    """The length of all arrays as one vector; None among them counts nothing."""
    parts = matched(*[each for each in t_list if each is not None], name="tf.linalg.global_norm")
    xp = namespace(*parts)
    return xp.sqrt(sum(xp.sum(xp.square(each)) for each in parts))


def clip_by_global_norm(t_list: Any, clip_norm: Any, use_norm: Any = None, name: Any = None) -> tuple[list[Any], Any]:
    """All arrays as one vector shortened to a length where they are longer, and what the length was.

    A length that is not finite makes all numbers NaN, as in TensorFlow.

    >>> clipped, length = clip_by_global_norm([np.float32([3.0]), None, np.float32([4.0])], 1.0)
    >>> [None if g is None else g.numpy().round(4).tolist() for g in clipped], float(length)
    ([[0.6000000238418579], None, [0.800000011920929]], 5.0)
    """
    from gatewise.compat.functions.calling import FUNCTIONS

    length = FUNCTIONS["linalg.global_norm"](t_list) if use_norm is None else use_norm
    return [None if each is None else _shortened(each, length, clip_norm) for each in t_list], length


@offered("_shortened")
def _shortened(x: Any, length: Any, limit: Any) -> Array:
    values, norm, longest = matched(x, length, limit, name="tf.clip_by_global_norm")
    xp = namespace(values, norm)
    with np.errstate(all="ignore"):
        scale = longest * xp.minimum(1 / norm, 1 / longest)
        return values * (scale + (norm - norm))
