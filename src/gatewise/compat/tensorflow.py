"""The names of `tf` beside `tf.keras`: the few that programs use around a Keras model, and in layers of their own.

Functions take NumPy arrays (or JAX's) and return such. Everything runs at once, so what switches TensorFlow between
graphs and eager execution is accepted and changes nothing; graphs and sessions themselves are not here, and a program
that asks for one is told so.
"""

from __future__ import annotations

import importlib
import logging as log
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gatewise import activations, initializers
from gatewise.base import versions
from gatewise.base.absent import absent, public
from gatewise.base.arrays import TEXT, Tensor, as_array, namespace
from gatewise.base.typing import Array
from gatewise.config import config as settings
from gatewise.data.spec import TensorSpec, shape_of
from gatewise.random import set_seed

if TYPE_CHECKING:
    pass

__path__: list[str] = []  # `import tensorflow.keras` asks whether `tensorflow` is a package.

# --- Arrays -----------------------------------------------------------------------------------------------------

_INTEGERS = [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
DTYPES: Final = {name: np.dtype(name) for name in ("bool", "float16", "float32", "float64", *_INTEGERS)}


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Tensor:
    """An array of `value`: Python's floats as float32 and its integers as int32, arrays as they are.

    Args:
        value: a number, nested lists or an array.
        dtype: to cast to.
        shape: to fill with one number, or to reshape to.
        name: accepted.

    >>> constant([1.0, 2.0]).dtype.name, constant([1, 2]).dtype.name
    ('float32', 'int32')
    """
    array = np.asarray(as_array(value, "tf.constant: the value"))
    if dtype is not None:
        array = array.astype(dtype)
    elif not hasattr(value, "dtype") and array.dtype.name in _OF_PYTHON:
        array = array.astype(_OF_PYTHON[array.dtype.name])
    if shape is not None:
        array = np.full(shape, array) if array.size == 1 else array.reshape(shape)
    return array.view(Tensor)


_OF_PYTHON: Final = {"float64": "float32", "int64": "int32"}


def convert_to_tensor(value: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """`constant(value, dtype)`."""
    return constant(value, dtype)


def zeros(shape: Any, dtype: Any = "float32", name: str | None = None) -> Tensor:
    """Zeros.

    >>> zeros((1, 2)).tolist()
    [[0.0, 0.0]]
    """
    return np.zeros(shape, dtype).view(Tensor)


def ones(shape: Any, dtype: Any = "float32", name: str | None = None) -> Tensor:
    """Ones."""
    return np.ones(shape, dtype).view(Tensor)


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Tensor:
    """Numbers from `start` up to `limit`, that one left out.

    >>> range(3).tolist()
    [0, 1, 2]
    """
    first, last = (0, start) if limit is None else (start, limit)
    return constant(np.arange(first, last, delta).tolist(), dtype)


def cast(x: Any, dtype: Any) -> Array:
    """`x` in another dtype."""
    xp = namespace(x)
    return xp.astype(as_array(x, "tf.cast: the input"), np.dtype(dtype))


def _over(name: str) -> Callable[..., Array]:
    """A reduction in TensorFlow's words: `tf.reduce_sum(x, axis=1, keepdims=True)`."""

    def reduce(input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Array:
        xp = namespace(input_tensor)
        axis = tuple(axis) if isinstance(axis, list) else axis
        return getattr(xp, name)(xp.asarray(input_tensor), axis=axis, keepdims=keepdims)

    return reduce


def _like(name: str) -> Callable[..., Array]:
    """A function whose first argument is the array, or a list of arrays, and which the array's library calls `name`."""

    def apply(x: Any, *args: Any, **kwargs: Any) -> Array:
        xp = namespace(*x) if isinstance(x, (list, tuple)) else namespace(x, *args)
        return getattr(xp, name)(x if isinstance(x, (list, tuple)) else xp.asarray(x), *args, **kwargs)

    return apply


def transpose(a: Any, perm: Any = None) -> Array:
    """The axes of `a` in the order `perm`, by default reversed."""
    xp = namespace(a)
    return xp.transpose(xp.asarray(a), perm)


def matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Array:
    """The matrix product over the last two axes."""
    xp = namespace(a, b)
    a, b = (xp.swapaxes(m, -1, -2) if turned else m for m, turned in ((a, transpose_a), (b, transpose_b)))
    return xp.matmul(xp.asarray(a), xp.asarray(b))


def shape(input: Any) -> tuple[int, ...]:
    """The shape of an array."""
    return tuple(np.shape(input))


_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    **{f"reduce_{name}": _over(name) for name in ("sum", "mean", "max", "min", "prod", "any", "all")},
    **{name: _like(name) for name in ("abs", "exp", "sqrt", "square", "sin", "cos", "add", "subtract", "multiply")},
    **{name: _like(name) for name in ("concat", "stack", "reshape", "expand_dims", "squeeze", "argmax", "argmin")},
    **{name: _like(name) for name in ("maximum", "minimum", "where", "zeros_like", "ones_like")},
    "set_random_seed": set_seed,
    "divide": _like("true_divide"),
    "pow": _like("power"),
    "sigmoid": activations.sigmoid,
    "tanh": activations.tanh,
    "random_normal_initializer": initializers.RandomNormal,
    "random_uniform_initializer": initializers.RandomUniform,
    "truncated_normal_initializer": initializers.TruncatedNormal,
    "constant_initializer": initializers.Constant,
    "ones_initializer": initializers.Ones,
    "zeros_initializer": initializers.Zeros,
}

# --- How TensorFlow runs ----------------------------------------------------------------------------------------


def function(func: Any = None, **options: Any) -> Any:
    """A decorator that TensorFlow compiles with; here the function runs as it is, whatever the options.

    >>> @function
    ... def double(x):
    ...     return 2 * x
    >>> double(3)
    6
    """
    return (lambda given: given) if func is None else func


def executing_eagerly() -> bool:
    """True: everything runs at once."""
    return True


def get_logger() -> log.Logger:
    """The logger called "tensorflow", which Gatewise writes nothing to."""
    return log.getLogger("tensorflow")


def _changes_nothing(*_: Any, **__: Any) -> None:
    """Accepted: it switches something in TensorFlow that is not here."""


_SWITCHES: Final = (
    "enable_eager_execution", "disable_eager_execution", "enable_v2_behavior", "disable_v2_behavior",
    "enable_v2_tensorshape", "disable_v2_tensorshape", "enable_resource_variables", "disable_resource_variables",
)  # fmt: skip


class Names:
    """A part of TensorFlow, such as `tf.nn`, with the names of it that are here.

    Args:
        address: as programs write it: "tf.nn".
        names: what is here, by name.
    """

    def __init__(self, address: str, names: dict[str, Any]) -> None:
        self._address = address
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        from gatewise.base.absent import message

        raise AttributeError(message(f"{self._address}.{name}", vars(self)), name=name, obj=self)

    def __repr__(self) -> str:
        return f"<{self._address} of Gatewise>"


def _set_threads(num_threads: int) -> None:
    settings.threads = num_threads


def _devices(device_type: str | None = None) -> list[Any]:
    """None: Gatewise's layers run on the CPU, and `gatewise.config.executor` chooses JAX's devices."""
    return []


def _log_level(level: Any) -> None:
    get_logger().setLevel(level)


_NO_DEVICES: Final = {
    "list_physical_devices": _devices,
    "list_logical_devices": _devices,
    "set_visible_devices": _changes_nothing,
}

_IN_NN: Final = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish"),
    *("sigmoid", "tanh", "softmax", "log_softmax", "softplus", "softsign"),
)

_PARTS: Final[dict[str, Names]] = {
    "config": Names(
        "tf.config",
        {
            **_NO_DEVICES,
            "experimental": Names("tf.config.experimental", {**_NO_DEVICES, "set_memory_growth": _changes_nothing}),
            "run_functions_eagerly": _changes_nothing,
            "threading": Names(
                "tf.config.threading",
                {
                    "set_intra_op_parallelism_threads": _set_threads,
                    "set_inter_op_parallelism_threads": _changes_nothing,
                },
            ),
        },
    ),
    "logging": Names(
        "tf.logging",
        {
            "set_verbosity": _log_level,
            **{name: getattr(log, name) for name in ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")},
        },
    ),
    "nn": Names("tf.nn", {name: getattr(activations, name) for name in _IN_NN}),
    "math": Names("tf.math", {**_FUNCTIONS, "softplus": activations.softplus}),
    "test": Names("tf.test", {"is_gpu_available": lambda *_, **__: False, "is_built_with_cuda": lambda: False}),
}

_OF_DATA: Final[dict[str, Any]] = {"string": TEXT, "TensorSpec": TensorSpec, "TensorShape": shape_of}

NAMES: Final[dict[str, Any]] = {
    **DTYPES,
    **_OF_DATA,
    **_FUNCTIONS,
    **dict.fromkeys(_SWITCHES, _changes_nothing),
    **_PARTS,
}
"""What is here besides this module's own functions."""

_MODULES: Final = {
    "keras": "gatewise.keras",
    "data": "gatewise.data",
    "random": "gatewise.random",
    "compat": "gatewise.compat",
}

__all__ = [*public(globals(), __name__), "Tensor", *NAMES, *_MODULES]  # noqa: PLE0604

_absent = absent(__name__, "tf")


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return NAMES[name]
    if name == "keras":
        versions.take_layers_from("tf.keras")
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in ("__version__", "VERSION"):
        return versions.tensorflow()
    return _absent(name)


def __dir__() -> list[str]:
    return __all__
