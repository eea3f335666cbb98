"""How a function of `tf` is called: on arrays at once, on symbolic tensors as a layer, and with open tapes told of it.

A function here is written on plain arrays, NumPy's or JAX's. `offered` gives it its public names, and around it all
that the functions of `tf` share.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise.base import recording
from gatewise.base.arrays import namespace
from gatewise.base.tensors import InvalidArgumentError, as_tensor, matched
from gatewise.base.typing import Array
from gatewise.layer.symbolic import any_symbolic

FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {}
"""Every function, by its address below `tf`: "math.log"."""

OLD_WORDS: Final = {
    "keep_dims": "keepdims",
    "reduction_indices": "axis",
    "dimension": "axis",
    "dim": "axis",
    "squeeze_dims": "axis",
    "concat_dim": "axis",
}
"""Arguments of TensorFlow 1, and what they are called now."""

PLAIN: Final = frozenset(
    ("axis", "axes", "shape", "perm", "keepdims", "depth", "size", "num", "num_or_size_splits", "multiples", "paddings",
     "batch_dims", "repeats", "maxlen", "num_classes", "dtype", "output_type", "out_type", "num_lower", "num_upper",
     "mode", "begin", "end", "strides", "k", "block_shape", "indices_or_sections", "shift", "num_segments", "perm",
     "transpose_a", "transpose_b", "num_rows", "num_columns", "equation", "exclusive", "reverse", "ord", "on", "limit"),
)  # fmt: skip
"""Arguments that say what is computed, and are never numbers to compute with: they become plain before all else."""


def offered(*addresses: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a function of plain arrays its addresses below `tf`: `@offered("exp", "math.exp")`."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        call = _calling(function, addresses[0])
        for address in addresses:
            FUNCTIONS[address] = call
        return call

    return decorate


DRAWING: Final[list[Callable[..., Any]]] = []
"""What draws a function of symbolic tensors; `drawing` puts it here."""


def _calling(function: Callable[..., Any], address: str) -> Callable[..., Any]:
    signature = inspect.signature(function)
    takes = signature.parameters
    old = {word: now for word, now in OLD_WORDS.items() if now in takes and word not in takes}

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            if "name" not in takes:
                kwargs.pop("name", None)
            for word in old.keys() & kwargs.keys():
                kwargs[old[word]] = kwargs.pop(word)
        if any_symbolic((args, kwargs)):
            return DRAWING[0](address, args, kwargs)
        if recording.tapes():
            bound = signature.bind(*args, **kwargs)
            for name in PLAIN.intersection(bound.arguments):
                bound.arguments[name] = plainly(bound.arguments[name])
            return recording.apply(function, as_tensors, *bound.args, **bound.kwargs)
        return as_tensors(function(*args, **kwargs))

    return call


def as_tensors(outputs: Any) -> Any:
    """The outputs, alone or in a list, as programs get them."""
    if isinstance(outputs, (list, tuple)):
        made = map(as_tensor, outputs)
        return type(outputs)(*made) if hasattr(outputs, "_fields") else type(outputs)(made)
    return as_tensor(outputs)


def plainly(value: Any) -> Any:
    """Integers, and nested lists of them, in the place of tensors: for axes, shapes and sizes.

    >>> plainly([np.int64(1), np.array([2, 3])])
    [1, [2, 3]]
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if type(value) in (list, tuple):
        return type(value)(plainly(each) for each in value)
    if hasattr(value, "numpy") and hasattr(value, "assign"):
        return value.numpy().tolist()
    return value


def axes(axis: Any) -> Any:
    """An axis, several of them as a tuple, or None."""
    axis = plainly(axis)
    return tuple(axis) if isinstance(axis, list) else axis


def sizes(shape: Any) -> tuple[Any, ...]:
    """A shape as a tuple of integers; of traced ones where `tf.shape` of something traced is in it."""
    shape = plainly(shape)
    return tuple(shape) if isinstance(shape, (list, tuple)) else (shape,)


def array(x: Any) -> Array:
    """What a program gave as a plain array, NumPy's or JAX's."""
    return matched(x)[0]


def floating(x: Any, what: str) -> Array:
    """The same, of real or complex numbers.

    Raises:
        InvalidArgumentError: for whole numbers, which TensorFlow takes in no such function.
    """
    found = array(x)
    if found.dtype.kind not in "fcV":
        raise InvalidArgumentError(
            f"tf.{what} is for numbers such as float32, but {found.dtype.name} came: tf.cast(x, tf.float32)."
        )
    return found


def pair(a: Any, b: Any, what: str) -> tuple[Array, Array, Any]:
    """Two operands of one dtype, and their library."""
    x, y = matched(a, b, name=f"tf.{what}")
    return x, y, namespace(x, y)
