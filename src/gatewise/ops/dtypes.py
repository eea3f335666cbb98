"""Keras 3's rules of dtypes: what comes of operands that differ, and of Python's numbers, whose dtype is weak.

The rules are JAX's lattice: a floating operand wins over an integer one whatever their sizes, so that int64 and float32
give float32; Python's numbers take the dtype of the arrays beside them where they can.
Source: https://docs.jax.dev/en/latest/jep/9407-type-promotion.html.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gatewise.base.arrays import as_array, is_array, namespace, numpy_dtype
from gatewise.base.typing import Array
from gatewise.config import config

_WEAK: Final = {bool: "bool", int: "int32", float: "float32", complex: "complex64"}
_PLAIN: Final[dict[Any, str]] = {int: "int32", "int": "int32", bool: "bool", float: "", "float": ""}
"""What Keras takes Python's types for; floats are of the process's floatx."""
DTYPES: Final = frozenset(
    (
        *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
        *("bool", "bfloat16", "float16", "float32", "float64", "complex64", "complex128", "string"),
    )
)
"""The names that dtypes have."""
_SMALL_FLOATS: Final = {"float16", "bfloat16"}


def name_of(dtype: Any) -> str:
    """A dtype's name, whoever's dtype it is; Python's types by what Keras takes them for.

    >>> name_of(np.dtype("int8")), name_of(float), name_of(None)
    ('int8', 'float32', 'float32')
    """
    if dtype is None:
        return config.floatx
    if isinstance(dtype, (str, type)) and dtype in _PLAIN:
        return _PLAIN[dtype] or config.floatx
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype)
    return str(name).rpartition(".")[2]


def is_floating(name: str) -> bool:
    """Whether a dtype of this name is a floating one."""
    return "float" in name


def is_complex(name: str) -> bool:
    """Whether a dtype of this name is a complex one."""
    return name.startswith("complex")


def result_type(*dtypes: Any) -> str:
    """The dtype of what comes of operands: their dtypes, or for Python's numbers their types.

    >>> result_type("int64", "float32"), result_type("int8", int), result_type("int32", float)
    ('float32', 'int8', 'float32')
    >>> result_type("uint8", "int8"), result_type("float16", "bfloat16")
    ('int16', 'float32')
    """
    weak = {each for each in dtypes if each in _WEAK}
    names = {name_of(each) for each in dtypes if each not in weak}
    if complexes := {name for name in names if is_complex(name)}:
        return "complex128" if "complex128" in complexes or "float64" in names else "complex64"
    if complex in weak:
        return "complex64"
    if floats := {name for name in names if is_floating(name)}:
        return _of_floats(floats)
    if float in weak:
        return config.floatx
    if not names - {"bool"}:
        return "int32" if int in weak else "bool"
    whole = np.result_type(*names)
    return str(whole.name) if whole.kind in "iu" else config.floatx


def _of_floats(names: set[str]) -> str:
    if names == _SMALL_FLOATS:
        return "float32"
    widest = names - {"bfloat16"} if len(names) > 1 else names
    return max(widest, key=lambda name: int(name.lstrip("bfloat")))


def tensor(value: Any, dtype: Any = None) -> Array:
    """`value` as an array: arrays as they are, variables as their values, Python's floats as floatx and its integers
    as int32.

    Args:
        value: an array, a variable, a number or nested lists.
        dtype: to cast to.

    >>> tensor([1.0, 2.0]).dtype.name, tensor(3).dtype.name, tensor(np.float64(2)).dtype.name
    ('float32', 'int32', 'float64')
    """
    array = _tensor(value)
    return array if dtype is None else in_dtype(array, dtype)


def _tensor(value: Any) -> Array:
    if isinstance(value, np.ndarray) and value.dtype.kind == "c":
        return value
    if isinstance(value, (list, tuple)) and any(map(_is_strong, _leaves(value))):
        xp, parts = together(*value)
        return xp.stack(parts)
    if is_array(value) or not isinstance(value, (bool, int, float, complex, list, tuple)):
        return as_array(value, "An operand")
    array = np.asarray(value) if not isinstance(value, (list, tuple)) else as_array(value, "An operand")
    weak = {"i": "int32", "f": config.floatx, "c": "complex64"}.get(array.dtype.kind)
    return array if weak is None else array.astype(numpy_dtype(weak))


def _leaves(value: Any) -> list[Any]:
    return [leaf for part in value for leaf in _leaves(part)] if isinstance(value, (list, tuple)) else [value]


def _is_strong(leaf: Any) -> bool:
    """Whether something in a list has a dtype of its own."""
    return hasattr(leaf, "dtype")


def in_dtype(x: Array, dtype: Any) -> Array:
    """The array in another dtype; JAX's keep to what JAX is set to hold."""
    name = name_of(dtype)
    if x.dtype.name == name:
        return x
    xp = namespace(x)
    if xp is np:
        return x.astype(numpy_dtype(name))
    import jax

    return x.astype(jax.dtypes.canonicalize_dtype(name))


def kind_of(value: Any) -> Any:
    """What `result_type` takes for an operand: its dtype, or the type of a number of Python's."""
    if type(value) in _WEAK:
        return type(value)
    return tensor(value).dtype.name if isinstance(value, (list, tuple)) else name_of(value.dtype)


def together(*values: Any, floating: bool = False, weak: bool = True) -> tuple[Any, list[Array]]:
    """Operands as arrays of one library and one dtype.

    Args:
        *values: arrays, variables, numbers or lists.
        floating: whether the dtype must be a floating one.
        weak: whether numbers of Python's take the arrays' dtype; some operations of Keras's make them arrays first.

    Returns:
        The library's namespace, and the arrays.
    """
    values = tuple(value if weak and type(value) in _WEAK else tensor(value) for value in values)
    dtype = result_type(*map(kind_of, values), *([float] if floating else []))
    arrays = [tensor(value, dtype) for value in values]
    xp = namespace(*arrays)
    return xp, [xp.asarray(array) for array in arrays]


def floats(value: Any) -> tuple[Any, Array]:
    """An operand in a floating dtype, integers in floatx; its namespace before it."""
    x = tensor(value)
    name = x.dtype.name
    x = x if is_floating(name) or is_complex(name) else in_dtype(x, config.floatx)
    return namespace(x), x


def operand(value: Any) -> tuple[Any, Array]:
    """An operand as an array; its namespace before it."""
    x = tensor(value)
    return namespace(x), x
