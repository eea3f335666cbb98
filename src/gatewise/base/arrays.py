"""Which library an array belongs to, and the way from what a user passes to an array.

The layers call `xp = namespace(x)` and then only functions of the Python array API standard, which `numpy` (from 2.0)
and `jax.numpy` both implement in their main namespace. Source: https://data-apis.org/array-api/latest.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from gatewise.base import masks, structure
from gatewise.base.dtypes import numpy_dtype
from gatewise.base.tensors import Tensor, as_tensor
from gatewise.base.typing import Array, Config, Shape

__all__ = [
    "NUMBER_KINDS", "Tensor", "array_of", "as_array", "as_tensor", "described", "dtype_of", "is_array", "is_floating",
    "namespace", "numpy_dtype", "shape_of", "shapes_of", "unshared",
]  # fmt: skip

NUMBER_KINDS = "biuf"
TEXT = np.dtype(object)
"""The dtype of text: arrays of Python's `bytes`, as TensorFlow gives it."""


def namespace(*arrays: Any) -> Any:
    """The array API namespace of `arrays`: `jax.numpy` as soon as one of them is JAX's, else `numpy`.

    >>> namespace(np.zeros(3)) is np
    True
    """
    for array in arrays:
        if not isinstance(array, np.ndarray):
            own = getattr(array, "__array_namespace__", None)
            if own is not None and (found := own()) is not np:
                return found
    return np


def dtype_of(array: Array, name: str) -> Any:
    """The dtype called `name` in the array's library."""
    xp = namespace(array)
    return numpy_dtype(name) if xp is np else getattr(xp, name)


def is_array(value: Any) -> bool:
    """Whether `value` is an array of a library that the layers can compute with."""
    return isinstance(value, np.ndarray) or hasattr(value, "__array_namespace__")


def described(array: Array) -> Config:
    """The array as Keras 3's configs hold one, in values of JSON.

    >>> described(np.ones(2))
    {'class_name': '__numpy__', 'config': {'value': [1.0, 1.0], 'dtype': 'float64'}}
    """
    kind = "__numpy__" if isinstance(array, np.ndarray) and not isinstance(array, Tensor) else "__tensor__"
    plain = np.asarray(array)
    return {"class_name": kind, "config": {"value": plain.tolist(), "dtype": plain.dtype.name}}


def array_of(config: Any) -> Any:
    """The array that `described` described; anything else as it is."""
    if not isinstance(config, dict) or config.get("class_name") not in ("__numpy__", "__tensor__"):
        return config
    inner = config["config"]
    array = np.array(inner["value"], numpy_dtype(inner["dtype"]))
    return array.view(Tensor) if config["class_name"] == "__tensor__" else array


def as_array(value: Any, what: str) -> Array:
    """`value` as an array of numbers or booleans; `what` names it in the error.

    Arrays stay as they are (JAX's too), but for NumPy's in the other byte order, which come in the machine's own, and
    tensors, which become plain arrays and keep their masks.
    Numbers, nested lists and anything with `__array__` or `.numpy()` become NumPy's.

    Raises:
        TypeError: where `value` holds strings, objects or complex numbers.
        ValueError: where nested lists are ragged, or a masked array (`numpy.ma`) hides some of its numbers.
    """
    if not is_array(value):
        value = _from_other(value, what)
    elif isinstance(value, np.generic):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        return value
    if isinstance(value, Tensor):
        value = masks.carried_over(value, value.view(np.ndarray))
    if value.dtype.kind not in NUMBER_KINDS and value.dtype.name != "bfloat16":
        raise TypeError(f"{what} must hold numbers, but came with dtype {value.dtype}{_sample(value)}.")
    if type(value) is not np.ndarray and (hidden := _hidden(value)):
        raise _hides(what, hidden)
    return value if value.dtype.isnative else value.astype(value.dtype.newbyteorder("="))


def _hidden(value: Any) -> int:
    """How many numbers a masked array, or lists with such among them, hide."""
    ma = sys.modules.get("numpy.ma")  # Where nobody has imported it, there are none.
    if ma is None:
        return 0
    if isinstance(value, ma.MaskedArray):
        return int(np.count_nonzero(ma.getmaskarray(value)))
    return sum(map(_hidden, value)) if isinstance(value, (list, tuple)) else 0


def _hides(what: str, hidden: int) -> ValueError:
    return ValueError(
        f"{what} is a masked array (numpy.ma) that hides {hidden} of its numbers, and the layers would compute with "
        "what is behind the mask. Fill it, x.filled(0.0); time steps that do not count go into a layer's `mask`, or "
        "are found by a Masking layer."
    )


def as_text(array: np.ndarray) -> np.ndarray:
    """An array of text as one of `bytes`, in UTF-8.

    Raises:
        TypeError: for objects that are no text.
    """
    text = np.empty(array.shape, TEXT)
    for place in np.ndindex(array.shape):
        item: Any = array[place]
        item = item.item() if isinstance(item, np.ndarray) and item.ndim == 0 else item  # A tensor of one text.
        if isinstance(item, str):
            text[place] = item.encode()
        elif isinstance(item, bytes):
            text[place] = bytes(item)
        else:
            raise TypeError(f"Expected numbers or text, but {item!r} came.")
    return text


def as_input(value: Any, what: str) -> Array:
    """`as_array`, but text stays, as arrays of `bytes`: what a model takes, whose first layer may read it."""
    found = value if isinstance(value, np.ndarray) else np.asarray(value) if _holds_text(value) else None
    if found is not None and (found.dtype.kind in "SU" or (found.dtype.kind == "O" and _all_text(found))):
        return as_text(found)
    return as_array(value, what)


def _holds_text(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (str, bytes))


def _all_text(array: np.ndarray) -> bool:
    return array.size > 0 and all(isinstance(item, (str, bytes)) for item in array.flat)


def _from_other(value: Any, what: str) -> Array:
    if isinstance(value, (list, tuple)) and (hidden := _hidden(value)):
        raise _hides(what, hidden)
    if hasattr(value, "__jax_array__"):  # A variable, whose value may be a traced one.
        return value.__jax_array__()
    if hasattr(value, "numpy") and callable(value.numpy):
        return np.asarray(value.numpy())
    if isinstance(value, (str, bytes)) or value is None:
        raise TypeError(f"{what} must be an array of numbers, but {value!r} came.")
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{what} must be an array of numbers with equal lengths on every axis: {error}") from None


def _sample(value: np.ndarray) -> str:
    return f" (first value {value.flat[0]!r})" if value.size else ""


def unshared(outputs: Any, inputs: list[Any]) -> Any:
    """The outputs as arrays that may be written to, and share no memory with the inputs or with each other."""
    others = [leaf for leaf in inputs if isinstance(leaf, np.ndarray)]
    leaves = []
    for leaf in structure.flatten(outputs):
        if not leaf.flags.writeable or any(np.may_share_memory(leaf, other) for other in others):
            leaf = leaf.copy()  # noqa: PLW2901
        others.append(leaf)
        leaves.append(leaf)
    return structure.rebuild(outputs, iter(leaves))


def is_floating(array: Array) -> bool:
    """Whether the array's dtype is a floating one (bfloat16 too)."""
    return bool(array.dtype.kind == "f" or array.dtype.name == "bfloat16")


def shape_of(array: Any) -> Shape:
    """The shape as a plain tuple."""
    return tuple(array.shape)


def shapes_of(arrays: Any) -> Any:
    """The shapes of a structure of arrays; None for a None."""
    return structure.map_structure(lambda leaf: None if leaf is None else shape_of(leaf), arrays)
