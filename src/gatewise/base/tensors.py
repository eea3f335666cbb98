"""The arrays that programs get: NumPy's, with what TensorFlow's tensors have, and with TensorFlow's arithmetic.

Gatewise's own code computes with plain arrays. At its surface, where a program calls a layer or a function of `tf`,
they become `Tensor`s. Source of the rules for dtypes: what TensorFlow 2.21 does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise.base import masks, recording, structure
from gatewise.base.dtypes import DType, as_dtype
from gatewise.base.tensor_shape import TensorShape


class InvalidArgumentError(ValueError):
    """Arrays that a function cannot compute with, as `tf.errors.InvalidArgumentError`."""


class Tensor(np.ndarray):
    """A NumPy array with what TensorFlow programs ask of results: `model(x).numpy()`, `x.shape.as_list()`.

    Arithmetic keeps the dtype, and refuses two tensors of different dtypes. Functions of NumPy give plain arrays.

    >>> x = np.array([1.0, 2.0], "float32").view(Tensor)
    >>> (x + np.array([1.0, 1.0])).dtype, x[0].numpy()
    (tf.float32, np.float32(1.0))
    """

    @property
    def shape(self) -> TensorShape:
        """The sizes of the axes."""
        return TensorShape(_shape(self))

    @shape.setter
    def shape(self, value: Any) -> None:
        np.ndarray.shape.__set__(self, value)  # type: ignore[attr-defined]

    @property
    def dtype(self) -> DType:  # type: ignore[override]
        """The dtype in TensorFlow's words."""
        return as_dtype(_dtype(self))

    @property
    def device(self) -> str:  # type: ignore[override]
        """Where its numbers are: in the machine's memory."""
        return "/job:localhost/replica:0/task:0/device:CPU:0"

    def numpy(self) -> Any:
        """The same numbers as a plain `numpy.ndarray`, not copied; a number for a tensor without axes."""
        plain = self.view(np.ndarray)
        return plain if plain.ndim else plain[()]

    def get_shape(self) -> TensorShape:
        """`shape`."""
        return self.shape

    def set_shape(self, shape: Any) -> None:
        """Raise ValueError where the shape is another one."""
        TensorShape(shape).assert_is_compatible_with(self.shape)

    def ref(self) -> Reference:
        """Something that stands for this tensor in sets and as a key; its `deref()` is the tensor."""
        return Reference(self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and ufunc in _REFLECTED and isinstance(inputs[0], np.generic) and not kwargs:
            return operate(_REFLECTED[ufunc], *inputs)  # `np.float64(2) * x` arrives here.
        out = kwargs.get("out")
        if out is not None:
            kwargs["out"] = tuple(map(plain, out))
        return getattr(ufunc, method)(*map(plain, inputs), **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return func(*_all_plain(args), **_all_plain(kwargs))

    def __getitem__(self, key: Any) -> Any:
        return recording.apply(item, as_tensor, self, key=places(key))

    def __format__(self, spec: str) -> str:
        return format(self.numpy(), spec) if spec else str(self)

    def __repr__(self) -> str:
        shown = repr(self.numpy()) if self.ndim else _one(self.numpy())
        return f"<tf.Tensor: shape={self.shape}, dtype={self.dtype.name}, numpy={shown}>"

    def __str__(self) -> str:
        shown = _one(self.numpy())
        return f"tf.Tensor({chr(10) * (self.ndim > 1)}{shown}, shape={self.shape}, dtype={self.dtype.name})"


_shape: Final = np.ndarray.shape.__get__
_dtype: Final = np.ndarray.dtype.__get__


def _one(value: Any) -> str:
    return repr(value) if isinstance(value, bytes) else str(value)


class Reference:
    """What `Tensor.ref` gives: two are equal where they stand for the same tensor."""

    __slots__ = ("_tensor",)

    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor

    def deref(self) -> Any:
        """The tensor."""
        return self._tensor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and self._tensor is other._tensor

    def __hash__(self) -> int:
        return id(self._tensor)


def plain(value: Any) -> Any:
    """A tensor as a plain array; anything else as it is."""
    return value.view(np.ndarray) if isinstance(value, Tensor) else value


def _all_plain(tree: Any) -> Any:
    if isinstance(tree, (list, tuple)) and type(tree) in (list, tuple):
        return type(tree)(_all_plain(part) for part in tree)
    if type(tree) is dict:
        return {key: _all_plain(part) for key, part in tree.items()}
    return plain(tree)


def as_tensor(value: Any) -> Any:
    """A plain array or a number of NumPy's as a `Tensor`; anything else, JAX's arrays too, as it is."""
    if isinstance(value, (np.ndarray, np.generic)) and not isinstance(value, Tensor):
        return np.asarray(value).view(Tensor)
    return value


_to_programs = False


def give_to_programs() -> None:
    """Let a program's own layers, models and losses get `Tensor`s from now on, as `gatewise run` does."""
    global _to_programs
    _to_programs = True


def for_program(function: Any, tree: Any) -> Any:
    """What a program's own function is called with: `Tensor`s, where they are wanted, and plain arrays elsewhere.

    Args:
        function: what is called.
        tree: its arguments, in nested structures.
    """
    if not _to_programs or str(getattr(function, "__module__", "gatewise.")).startswith("gatewise."):
        return tree
    return structure.map_structure(lambda leaf: masks.carried_over(leaf, as_tensor(leaf)), tree)


def item(x: Any, *, key: Any) -> Any:
    """`x[key]`, an array even where one number is left."""
    x = x.__jax_array__() if hasattr(x, "assign") else plain(x)
    found = x[key]
    if isinstance(x, np.ndarray) and not isinstance(found, np.ndarray):
        made = np.empty((), x.dtype)
        made[()] = found  # Text stays in an array of objects.
        return made
    return found


def places(key: Any) -> Any:
    """What stands in brackets, without tensors: places of true values for masks, for a derivative needs a shape."""
    if type(key) is tuple:
        return tuple(map(_place, key))
    if getattr(key, "ndim", 0) > 1 and key.dtype.kind == "b":
        return np.nonzero(plain(key))
    return _place(key)


def _place(key: Any) -> Any:
    if isinstance(key, slice):
        return slice(*(None if end is None else operator.index(end) for end in (key.start, key.stop, key.step)))
    if isinstance(key, np.ndarray):
        key = plain(key)
        if key.ndim == 0 and key.dtype.kind in "iu":
            return int(key)
        return np.nonzero(key)[0] if key.dtype.kind == "b" and key.ndim == 1 else key
    return key


# --- Arithmetic -------------------------------------------------------------------------------------------------


def operate(function: Callable[..., Any], *operands: Any) -> Any:
    """A function of arrays, told to open tapes; a tensor from NumPy's arrays."""
    return recording.apply(function, as_tensor, *operands)


def matched(*operands: Any, name: str = "The operation") -> list[Any]:
    """Operands as plain arrays of one dtype, that of the first tensor, or else of the first of all.

    NumPy's arrays and Python's numbers take that dtype where it is at least of their kind.

    Raises:
        InvalidArgumentError: two tensors of different dtypes, or whole numbers with others.
    """
    made = [_operand(each) for each in operands]
    wanted = made[0].dtype
    for each in made:
        if isinstance(each, Tensor) or not isinstance(each, (np.ndarray, Weak)):
            wanted = each.dtype
            break
    return [_in_dtype(each, wanted, name) for each in made]


class Weak:
    """A number or lists of Python's, which take the dtype of what they meet.

    Attributes:
        array: the numbers; its dtype is what they have by themselves.
    """

    __slots__ = ("array",)

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    @property
    def dtype(self) -> np.dtype[Any]:
        """What the numbers have by themselves."""
        return self.array.dtype


def _operand(value: Any) -> Any:
    if isinstance(value, np.ndarray) or (hasattr(value, "__array_namespace__") and not isinstance(value, np.generic)):
        return value
    if hasattr(value, "__jax_array__"):
        found = value.__jax_array__()
        return found.view(Tensor) if isinstance(found, np.ndarray) else found
    if isinstance(value, np.generic):
        return np.asarray(value)
    return Weak(from_python(value))


def from_python(value: Any) -> np.ndarray:
    r"""Python's numbers, nested lists and text as an array: floats in float32, integers in int32 where they fit.

    Raises:
        ValueError: None, or lists of unequal lengths.

    >>> from_python([1, 2.5]).dtype.name, from_python(2**40).dtype.name, from_python("é").item()
    ('float32', 'int64', b'\xc3\xa9')
    """
    if value is None:
        raise ValueError("Attempt to convert a value (None) to a tensor: an array, a number or lists were wanted.")
    try:
        array = np.asarray(_unwrapped(value))
    except ValueError as error:
        raise ValueError(f"Lists must have equal lengths on every axis to become a tensor ({error}).") from None
    if array.dtype.kind in "SU" or (array.dtype.kind == "O" and array.size and isinstance(array.flat[0], (str, bytes))):
        text = np.empty(array.shape, object)
        text[...] = np.vectorize(_encoded, otypes=[object])(array) if array.size else array
        return text
    if array.dtype.kind == "O":
        raise ValueError(f"A tensor holds numbers or text, but {value!r} came.")
    if array.size == 0 and array.dtype == np.float64 and not hasattr(value, "dtype"):
        return array.astype(np.float32)
    if _has_dtype(value):
        return array
    if array.dtype == np.float64:
        return array.astype(np.float32)
    if array.dtype == np.int64 and (not array.size or (abs(array.min()) < 2**31 and array.max() < 2**31)):
        return array.astype(np.int32)
    return array


def _unwrapped(value: Any) -> Any:
    """Lists with plain arrays in the place of tensors."""
    if isinstance(value, (list, tuple)):
        return [_unwrapped(each) for each in value]
    return value.numpy() if hasattr(value, "numpy") else value


def _encoded(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _has_dtype(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return hasattr(value, "dtype")


def _in_dtype(value: Any, wanted: Any, name: str) -> Any:
    is_tensor = isinstance(value, Tensor) or not isinstance(value, (np.ndarray, Weak))
    dtype = getattr(wanted, "dtype", wanted)
    found = value.array if isinstance(value, Weak) else plain(value)
    if found.dtype == dtype:
        return found
    if is_tensor or not _may_become(found.dtype, dtype):
        raise InvalidArgumentError(
            f"{name} wants all its operands in one dtype: one came in {as_dtype(dtype).name}, another in "
            f"{as_dtype(found.dtype).name}. Make them alike with tf.cast(x, dtype)."
        )
    return found.astype(dtype)


_RANKS: Final = {"b": 0, "i": 1, "u": 1, "f": 2, "V": 2, "c": 3, "O": 4}


def _may_become(given: Any, wanted: Any) -> bool:
    """Whether numbers take another dtype by themselves: of their own kind, or whole numbers becoming others."""
    a, b = _RANKS.get(given.kind, 5), _RANKS.get(wanted.kind, 5)
    return a == b or (1 <= a <= b <= 3)


def divide(a: Any, b: Any) -> Any:
    """`a / b`; whole numbers are divided in float64, those of at most 16 bits in float32."""
    a, b = matched(a, b, name="Division")
    if a.dtype.kind in "iu":
        wide = np.float32 if a.dtype.itemsize <= 2 else np.float64
        a, b = a.astype(wide), b.astype(wide)
    return a / b


def _matching(function: Callable[..., Any], words: str) -> Callable[[Any, Any], Any]:
    """An operator of Python on operands made alike."""

    def operation(a: Any, b: Any) -> Any:
        x, y = matched(a, b, name=words)
        with np.errstate(all="ignore"):
            return function(x, y)

    operation.__name__ = operation.__qualname__ = function.__name__
    return operation


def _product(a: Any, b: Any) -> Any:
    if min(a.ndim, b.ndim) < 2:
        raise InvalidArgumentError(
            f"The product of matrices takes at least two axes, but shapes {tuple(a.shape)} and {tuple(b.shape)} came: "
            "tf.linalg.matvec and tf.tensordot take vectors."
        )
    return a @ b


BINARY: Final[dict[str, Callable[[Any, Any], Any]]] = {
    **{
        name: _matching(getattr(operator, name), words)
        for name, words in (
            ("add", "Addition"), ("sub", "Subtraction"), ("mul", "Multiplication"), ("floordiv", "Division"),
            ("mod", "The remainder"), ("pow", "A power"), ("and_", "`and`"),
            ("or_", "`or`"), ("xor", "`xor`"), ("lt", "A comparison"), ("le", "A comparison"), ("gt", "A comparison"),
            ("ge", "A comparison"), ("eq", "A comparison"), ("ne", "A comparison"),
        )
    },
    "matmul": _matching(_product, "The product of matrices"),
    "truediv": divide,
}  # fmt: skip
"""The operators of Python that take two operands, by their names in `operator`."""


def _of_one(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: function(x.__jax_array__() if hasattr(x, "__jax_array__") else plain(x))


UNARY: Final[dict[str, Callable[[Any], Any]]] = {
    name: _of_one(getattr(operator, name)) for name in ("neg", "abs", "invert")
}


def _two(name: str) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    function = BINARY[name]

    def left(self: Any, other: Any) -> Any:
        if getattr(type(other), "__array_ufunc__", self) is None:
            return NotImplemented  # A symbolic tensor draws it.
        if other is None and name in ("eq", "ne"):
            return name == "ne"
        return operate(function, self, other)

    def right(self: Any, other: Any) -> Any:
        return operate(function, other, self)

    return left, right


def _one_operand(name: str) -> Callable[[Any], Any]:
    function = UNARY[name]
    return lambda self: operate(function, self)


def give_operators(cls: type) -> None:
    """Python's operators, TensorFlow's way, for a class of tensors. `x += y` makes a new tensor."""
    for name in BINARY:
        plain_name = name.rstrip("_")
        left, right = _two(name)
        setattr(cls, f"__{plain_name}__", left)
        if name not in ("lt", "le", "gt", "ge", "eq", "ne"):
            setattr(cls, f"__r{plain_name}__", right)
            setattr(cls, f"__i{plain_name}__", left)
    for name in UNARY:
        setattr(cls, f"__{name}__", _one_operand(name))


give_operators(Tensor)
Tensor.__hash__ = None

_REFLECTED: Final = {
    np.add: BINARY["add"], np.subtract: BINARY["sub"], np.multiply: BINARY["mul"], np.true_divide: BINARY["truediv"],
    np.power: BINARY["pow"], np.floor_divide: BINARY["floordiv"],
}  # fmt: skip
