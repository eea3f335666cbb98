"""Dtypes in TensorFlow's words: `tf.float32`, which compares with NumPy's dtypes and with names."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

_INTEGERS: Final = tuple(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))
NAMES: Final = ("bool", "bfloat16", "float16", "float32", "float64", *_INTEGERS, "complex64", "complex128", "string")
"""The dtypes that `tf` has here."""

ALIASES: Final = {"half": "float16", "float": "float32", "double": "float64", "object": "string", "str": "string"}


class DType:
    """A dtype as `x.dtype` gives it and `tf.float32` is; `as_dtype` makes it.

    What NumPy's dtype knows beside (`kind`, `itemsize`) is here, too, and NumPy takes it wherever it takes a dtype.

    >>> as_dtype("float32") == np.float32, as_dtype(np.int64).name, as_dtype("float16").is_floating
    (True, 'int64', True)
    """

    __slots__ = ("_numpy", "name")

    # `numpy.save` and `numpy.testing` ask the type of a dtype for these.
    _legacy = True
    _is_numeric = True

    def __init__(self, name: str) -> None:
        self.name = name
        self._numpy: np.dtype[Any] | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's dtype; NumPy itself asks for it under this name."""
        if self._numpy is None:
            self._numpy = numpy_dtype("object" if self.name == "string" else self.name)
        return self._numpy

    @property
    def as_numpy_dtype(self) -> Any:
        """NumPy's type of one such number."""
        return self.dtype.type

    @property
    def is_floating(self) -> bool:
        """Whether it holds real numbers."""
        return self.dtype.kind == "f" or self.name == "bfloat16"

    @property
    def is_integer(self) -> bool:
        """Whether it holds whole numbers."""
        return self.dtype.kind in "iu"

    @property
    def is_bool(self) -> bool:
        """Whether it holds truth values."""
        return self.name == "bool"

    @property
    def is_complex(self) -> bool:
        """Whether it holds complex numbers."""
        return self.dtype.kind == "c"

    @property
    def base_dtype(self) -> DType:
        """Itself: there are no references."""
        return self

    @property
    def size(self) -> int:
        """The bytes of one number."""
        return int(self.dtype.itemsize)

    @property
    def max(self) -> Any:
        """The largest number, as TensorFlow 2 gives it."""
        return np.iinfo(self.dtype).max if self.is_integer else np.finfo(self.dtype).max

    @property
    def min(self) -> Any:
        """The lowest number."""
        return np.iinfo(self.dtype).min if self.is_integer else np.finfo(self.dtype).min

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"a dtype of tf has no attribute {name!r}", name=name, obj=self)
        return getattr(self.dtype, name)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DType):
            return self.name == other.name
        try:
            return other is not None and as_dtype(other).name == self.name
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __reduce__(self) -> Any:
        return as_dtype, (self.name,)

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return f"<dtype: {self.name!r}>"


class Text(DType):
    """The dtype of text."""

    __slots__ = ()

    _is_numeric = False


def numpy_dtype(name: Any) -> np.dtype[Any]:
    """NumPy's dtype of this name, bfloat16 too.

    Raises:
        TypeError: for bfloat16 without ml_dtypes, which comes with JAX.
    """
    if isinstance(name, DType):
        return name.dtype
    if name != "bfloat16":
        plain: np.dtype[Any] = np.dtype(name)
        return plain
    try:
        import ml_dtypes
    except ImportError:
        raise TypeError(
            "NumPy has no bfloat16 by itself: pip install ml_dtypes (JAX brings it), or use dtype='float32'."
        ) from None
    small: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return small


_made: Final[dict[str, DType]] = {name: (Text if name == "string" else DType)(name) for name in NAMES}


def as_dtype(dtype: Any) -> DType:
    """A dtype in TensorFlow's words: of a name, NumPy's dtype or type, or one of these.

    Raises:
        TypeError: for what is no dtype, or none of TensorFlow's.

    >>> as_dtype("double"), as_dtype(np.dtype("S3")), as_dtype(bool)
    (tf.float64, tf.string, tf.bool)
    """
    if isinstance(dtype, DType):
        return dtype
    if dtype is float:
        return _made["float32"]
    if dtype is int:
        return _made["int32"]
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", None)
    name = ALIASES.get(name, name) if isinstance(name, str) else name
    if name not in _made:
        found = np.dtype(dtype)
        name = "string" if found.kind in "OSUT" else found.name
    if name not in _made:
        raise TypeError(f"TensorFlow has no dtype for {dtype!r}: it has {', '.join(NAMES)}.")
    return _made[name]
