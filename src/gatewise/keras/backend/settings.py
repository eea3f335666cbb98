"""`tf.keras.backend`: the settings of the process, and a few old ways to look at tensors and variables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from gatewise.arguments import number, one_of
from gatewise.base import names
from gatewise.base.arrays import shape_of
from gatewise.base.typing import Array, Shape
from gatewise.base.variable import Variable
from gatewise.config import config
from gatewise.layer.symbolic import SymbolicTensor
from gatewise.ops.dtypes import DTYPES, name_of


def backend() -> str:
    """What computes: "jax" where `gatewise.config` says so, else "numpy".

    >>> backend()
    'numpy'
    """
    return "jax" if config.uses_jax() else "numpy"


def clear_session(free_memory: bool = True) -> None:
    """Start the automatic names of layers anew: the next LSTM is "lstm" again.

    Args:
        free_memory: accepted; Gatewise keeps no graph beside the models that a program holds.
    """
    names.clear_names()


def get_uid(prefix: str = "") -> int:
    """The next number of a name, from 1 on.

    >>> get_uid("only_here"), get_uid("only_here")
    (1, 2)
    """
    name = names.unique_name(prefix)
    last = name.rpartition("_")[2]
    return int(last) + 1 if name != prefix and last.isdigit() else 1


def floatx() -> str:
    """The dtype of layers that do not name one.

    >>> floatx()
    'float32'
    """
    return config.floatx


def set_floatx(value: str) -> None:
    """Set the dtype of layers that do not name one."""
    config.floatx = value


def cast_to_floatx(x: Any) -> Array:
    """An array in the dtype that `floatx` says.

    >>> cast_to_floatx([1.0, 2.0]).dtype.name
    'float32'
    """
    return np.asarray(x, dtype=config.floatx)


def standardize_dtype(dtype: Any) -> str:
    """A dtype's name, whoever's dtype it is: `floatx` for None, "int32" for `int`.

    Raises:
        ValueError: for what is no dtype.

    >>> standardize_dtype(None), standardize_dtype(np.float64), standardize_dtype(int)
    ('float32', 'float64', 'int32')
    """
    name = name_of(dtype)
    if name not in DTYPES:
        raise ValueError(f"Expected a dtype such as 'float32', got {dtype!r}.")
    return name


def is_float_dtype(dtype: Any) -> bool:
    """Whether a dtype is a floating one.

    >>> is_float_dtype("bfloat16"), is_float_dtype("int8")
    (True, False)
    """
    return standardize_dtype(dtype).startswith(("float", "bfloat"))


def is_int_dtype(dtype: Any) -> bool:
    """Whether a dtype is one of whole numbers.

    >>> is_int_dtype("uint8"), is_int_dtype("bool")
    (True, False)
    """
    return standardize_dtype(dtype).startswith(("int", "uint"))


def is_traceback_filtering_enabled() -> bool:
    """What `enable_traceback_filtering` and its counterpart set; Gatewise shows tracebacks whole."""
    return config.traceback_filtering


def enable_traceback_filtering() -> None:
    """Have `is_traceback_filtering_enabled` say so."""
    config.traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Have `is_traceback_filtering_enabled` say so."""
    config.traceback_filtering = False


def epsilon() -> float:
    """The small number that losses, metrics and programs add before a division: 1e-7 at first. Layers do not use it.

    >>> epsilon()
    1e-07
    """
    return config.epsilon


def set_epsilon(value: float) -> None:
    """Set what `epsilon` says."""
    config.epsilon = number(value)


def image_data_format() -> str:
    """Where an image's channels are, for layers whose `data_format` is not said.

    >>> image_data_format()
    'channels_last'
    """
    return config.image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set what `image_data_format` says."""
    config.image_data_format = one_of("channels_last", "channels_first")(data_format)


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor, from `Input` or a layer called on one.

    >>> is_keras_tensor(np.zeros(3))
    False
    """
    return isinstance(x, SymbolicTensor)


def int_shape(x: Any) -> Shape:
    """The shape as a tuple, None where a size is not known.

    >>> int_shape(np.zeros((2, 3)))
    (2, 3)
    """
    return shape_of(x)


def ndim(x: Any) -> int:
    """How many axes `x` has.

    >>> ndim(np.zeros((2, 3)))
    2
    """
    return len(x.shape)


def get_value(x: Any) -> np.ndarray:
    """The numbers of a variable or an array, as a NumPy array.

    >>> get_value([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    return np.asarray(x)


def set_value(x: Variable, value: Any) -> None:
    """Replace the value of a variable.

    Raises:
        ValueError: where the shape differs.
    """
    x.assign(np.asarray(value))


def batch_get_value(tensors: Iterable[Any]) -> list[np.ndarray]:
    """`get_value` of each."""
    return [get_value(each) for each in tensors]


def batch_set_value(tuples: Iterable[tuple[Variable, Any]]) -> None:
    """`set_value` of each pair."""
    for variable, value in tuples:
        set_value(variable, value)


def reset_uids() -> None:
    """Start the numbers of names anew."""
    names.clear_names()
