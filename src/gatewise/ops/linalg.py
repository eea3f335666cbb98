"""Products and linear algebra, and Fourier transforms."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gatewise.ops.declared import Array, Arrays, op
from gatewise.ops.dtypes import floats, in_dtype, operand, tensor, together

# --- Products ----------------------------------------------------------------------------------------------------


@op("numpy")
def matmul(x1: Array, x2: Array) -> Array:
    """The matrix product over the last two axes; of int8 in int32."""
    both_small = all(getattr(x, "dtype", None) == np.int8 for x in (x1, x2))
    xp, (x1, x2) = together(x1, x2)
    return xp.matmul(*((in_dtype(x, "int32") for x in (x1, x2)) if both_small else (x1, x2)))


def _product(name: str) -> Any:
    def function(x1: Array, x2: Array) -> Array:
        xp, (x1, x2) = together(x1, x2, weak=False)
        return getattr(xp, name)(x1, x2)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The {name} product of two arrays, as NumPy has it."
    return function


for _name in ("dot", "inner", "outer", "vdot", "kron"):
    op("numpy")(_product(_name))


@op("numpy")
def tensordot(x1: Array, x2: Array, axes: Any = 2) -> Array:
    """Sums of products over axes of both, or over the last of one and the first of the other."""
    xp, (x1, x2) = together(x1, x2)
    return xp.tensordot(x1, x2, axes if isinstance(axes, int) else tuple(map(_listed, axes)))


def _listed(axes: Any) -> Any:
    return axes if isinstance(axes, int) else list(axes)


@op("numpy")
def einsum(subscripts: str, *operands: Array, **kwargs: Any) -> Array:
    """Einstein's sum."""
    small = all(getattr(x, "dtype", None) == np.int8 for x in operands)
    xp, arrays = together(*operands)
    return xp.einsum(subscripts, *(in_dtype(x, "int32") if small else x for x in arrays))


@op("numpy")
def cross(x1: Array, x2: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Array:
    """The cross product of vectors."""
    xp, (x1, x2) = together(x1, x2)
    return xp.cross(x1, x2, axisa, axisb, axisc, axis)


@op("numpy")
def trace(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The sum of a diagonal."""
    xp, x = operand(x)
    wide = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}
    dtype = wide.get(x.dtype.name, x.dtype.name)
    return in_dtype(xp.trace(in_dtype(x, dtype), offset, axis1, axis2), dtype)


@op("numpy")
def correlate(x1: Array, x2: Array, mode: str = "valid") -> Array:
    """The sums of products of `x1` with `x2` moved along it."""
    xp, (x1, x2) = together(x1, x2, floating=True)
    return xp.correlate(x1, x2, mode=mode)


@op("numpy")
def corrcoef(x: Array) -> Array:
    """Pearson's correlations of the rows."""
    xp, x = floats(x)
    return in_dtype(xp.corrcoef(x), x.dtype.name)


@op("math", "CDist")
def cdist(x: Array, y: Array) -> Array:
    """The distances between rows."""
    xp, (x, y) = together(x, y, floating=True)
    return xp.sqrt(xp.sum((x[..., :, None, :] - y[..., None, :, :]) ** 2, axis=-1))


# --- Matrices ----------------------------------------------------------------------------------------------------

_PLAIN: Final = {"det": "Det", "inv": "Inv", "eigh": "Eigh"}


def _of_matrix(name: str) -> Any:
    def function(x: Array) -> Any:
        xp, x = floats(x)
        made = getattr(xp.linalg, name)(x)
        return tuple(made) if isinstance(made, tuple) else made

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The {name} of matrices."
    return function


for _name in _PLAIN:
    op("linalg", _PLAIN[_name])(_of_matrix(_name))


@op("linalg")
def eig(x: Array) -> Any:
    """The eigenvalues and eigenvectors of matrices, complex."""
    xp, x = floats(x)
    dtype = "complex128" if x.dtype.name == "float64" else "complex64"
    return tuple(in_dtype(part, dtype) for part in xp.linalg.eig(x))


@op("linalg")
def cholesky(x: Array, upper: bool = False) -> Array:
    """The triangular L with L L^T = x, or its transpose."""
    xp, x = floats(x)
    made = xp.linalg.cholesky(x)
    return xp.swapaxes(made, -1, -2) if upper else made


@op("linalg")
def cholesky_inverse(x: Array, upper: bool = False) -> Array:
    """The inverse of the matrix that `x` is the Cholesky factor of."""
    xp, x = floats(x)
    turned = xp.swapaxes(x, -1, -2)
    return xp.linalg.inv(turned @ x if upper else x @ turned)


@op("linalg")
def lu_factor(x: Array) -> Any:
    """L and U in one matrix, and the row that each step exchanged its own with, int32."""
    xp, x = floats(x)
    if xp is not np:
        from jax.scipy.linalg import lu_factor as of_jax

        return tuple(of_jax(x))
    lu = np.array(x)
    *batch, rows, columns = lu.shape
    flat, pivots = lu.reshape(-1, rows, columns), np.empty((lu.size // (rows * columns), min(rows, columns)), "int32")
    for matrix, pivot in zip(flat, pivots, strict=True):
        _eliminate(matrix, pivot)
    return flat.reshape(lu.shape), pivots.reshape(*batch, -1)


def _eliminate(matrix: np.ndarray, pivot: np.ndarray) -> None:
    """Gauss's elimination in place, with the largest of each column."""
    for k in range(len(pivot)):
        pivot[k] = k + np.argmax(np.abs(matrix[k:, k]))
        matrix[[k, pivot[k]]] = matrix[[pivot[k], k]]
        if matrix[k, k] != 0:
            matrix[k + 1 :, k] /= matrix[k, k]
        matrix[k + 1 :, k + 1 :] -= np.outer(matrix[k + 1 :, k], matrix[k, k + 1 :])


@op("linalg")
def norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    """The norm of vectors or matrices."""
    xp, x = floats(x)
    if ord is None and axis is None:
        x, given = xp.ravel(x), x
        made = xp.linalg.norm(x)
        return xp.reshape(made, (1,) * given.ndim) if keepdims else made
    return xp.linalg.norm(x, ord, tuple(axis) if isinstance(axis, list) else axis, keepdims)


@op("linalg")
def qr(x: Array, mode: str = "reduced") -> Any:
    """Q with orthogonal columns and R above the diagonal."""
    xp, x = floats(x)
    return tuple(xp.linalg.qr(x, mode))


@op("linalg")
def solve(a: Array, b: Array) -> Array:
    """The x of a x = b."""
    xp, (a, b) = together(a, b, floating=True)
    return xp.linalg.solve(a, b[..., None])[..., 0] if b.ndim == a.ndim - 1 else xp.linalg.solve(a, b)


@op("linalg")
def solve_triangular(a: Array, b: Array, lower: bool = False) -> Array:
    """The x of a x = b, of which one triangle counts."""
    xp, (a, b) = together(a, b, floating=True)
    a = xp.tril(a) if lower else xp.triu(a)
    return xp.linalg.solve(a, b[..., None])[..., 0] if b.ndim == a.ndim - 1 else xp.linalg.solve(a, b)


@op("linalg", "SVD")
def svd(x: Array, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """The singular values, with U before them and V^T behind."""
    xp, x = floats(x)
    made = xp.linalg.svd(x, full_matrices, compute_uv)
    return tuple(made) if compute_uv else made


@op("linalg")
def lstsq(a: Array, b: Array, rcond: Any = None) -> Array:
    """The x that makes a x nearest to b."""
    xp, (a, b) = together(a, b, floating=True)
    return xp.linalg.lstsq(a, b, rcond=rcond)[0]


@op("linalg")
def pinv(x: Array, rcond: Any = None) -> Array:
    """The pseudo-inverse."""
    xp, x = floats(x)
    return xp.linalg.pinv(x) if rcond is None else xp.linalg.pinv(x, rcond)


@op("linalg")
def matrix_rank(x: Array, tol: Any = None) -> Array:
    """How many singular values are not 0."""
    xp, x = floats(x)
    return in_dtype(xp.asarray(xp.linalg.matrix_rank(x, tol)), "int32")


@op("math")
def logdet(x: Array) -> Array:
    """The logarithm of the determinant."""
    xp, x = floats(x)
    sign, log = xp.linalg.slogdet(x)
    return xp.where(sign > 0, log, xp.nan)


@op("numpy")
def slogdet(x: Array) -> Any:
    """The determinant's sign, and the logarithm of its size."""
    xp, x = floats(x)
    return tuple(xp.linalg.slogdet(x))


# --- Fourier transforms ------------------------------------------------------------------------------------------


def _transform(name: str, two_axes: bool) -> Any:
    axes = (-2, -1) if two_axes else (-1,)

    def function(x: Arrays) -> Any:
        real, imaginary = (tensor(part) for part in x)
        xp, (real, imaginary) = together(real, imaginary, floating=True)
        made = getattr(xp.fft, {"fft": "fftn", "fft2": "fftn", "ifft2": "ifftn"}[name])(
            real + 1j * imaginary, axes=axes
        )
        return in_dtype(made.real, real.dtype.name), in_dtype(made.imag, real.dtype.name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Of a pair of real and imaginary parts, as such a pair."
    return function


op("math", "FFT")(_transform("fft", two_axes=False))
op("math", "FFT2")(_transform("fft2", two_axes=True))
op("math", "IFFT2")(_transform("ifft2", two_axes=True))


@op("math", "RFFT")
def rfft(x: Array, fft_length: int | None = None) -> Any:
    """Of real numbers: the real and imaginary parts of the half that is not the other's mirror."""
    xp, x = floats(x)
    made = xp.fft.rfft(x, fft_length)
    return in_dtype(made.real, x.dtype.name), in_dtype(made.imag, x.dtype.name)


@op("math", "IRFFT")
def irfft(x: Arrays, fft_length: int | None = None) -> Array:
    """The real numbers of a pair that `rfft` gave."""
    xp, (real, imaginary) = together(*x, floating=True)
    return in_dtype(xp.fft.irfft(real + 1j * imaginary, fft_length), real.dtype.name)


@op("math", "ExtractSequences")
def extract_sequences(x: Array, sequence_length: int, sequence_stride: int) -> Array:
    """Windows that move along the last axis."""
    _, x = operand(x)
    count = (x.shape[-1] - sequence_length) // sequence_stride + 1
    places = np.arange(count)[:, None] * sequence_stride + np.arange(sequence_length)
    return x[..., places]
