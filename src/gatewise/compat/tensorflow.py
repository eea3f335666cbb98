"""The names of `tf` beside `tf.keras`: those that programs use around a Keras model, and in layers of their own.

The functions are in `functions/`, by what they do. Everything runs at once, so what switches TensorFlow between graphs
and eager execution is accepted and changes nothing; graphs themselves are not here.
"""

from __future__ import annotations

import functools
import importlib
import logging as _log
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from gatewise import initializers
from gatewise.base import dtypes as _dtypes
from gatewise.base import ragged as _ragged
from gatewise.base import versions
from gatewise.base.absent import absent, public
from gatewise.base.dtypes import DType, as_dtype
from gatewise.base.ragged import RaggedTensor
from gatewise.base.tensor_shape import TensorShape
from gatewise.base.tensors import InvalidArgumentError, Tensor
from gatewise.base.variable import Variable as AnyVariable
from gatewise.compat import files as _files
from gatewise.compat import sparse as _sparse
from gatewise.compat.functions import FUNCTIONS
from gatewise.compat.names import Names
from gatewise.compat.old import OLD
from gatewise.compat.rnn import RUNNERS
from gatewise.compat.rnn_cells import CELLS
from gatewise.compat.tape import GradientTape
from gatewise.compat.variables import Module, TensorArray, Variable
from gatewise.config import config as settings
from gatewise.data.spec import TensorSpec
from gatewise.layer.symbolic import SymbolicTensor
from gatewise.random import set_seed
from gatewise.recurrent import DeviceWrapper, DropoutWrapper, ResidualWrapper

__path__: list[str] = []  # `import tensorflow.keras` asks whether `tensorflow` is a package.

constant = FUNCTIONS["constant"]
newaxis: Final = None

DTYPES: Final = {name: as_dtype(name) for name in _dtypes.NAMES}


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor, a variable or a symbolic tensor; NumPy's arrays are not."""
    return isinstance(x, (Tensor, AnyVariable, SymbolicTensor, RaggedTensor)) or _is_of_jax(x)


def _is_of_jax(x: Any) -> bool:
    return hasattr(x, "__array_namespace__") and not isinstance(x, (np.ndarray, np.generic))


def get_static_value(tensor: Any, partial: bool = False) -> Any:
    """The numbers of a tensor; None for a traced or symbolic one."""
    return np.asarray(tensor) if isinstance(tensor, (np.ndarray, AnyVariable)) else None


# --- How TensorFlow runs ----------------------------------------------------------------------------------------


class Function:
    """What `tf.function` gives: the function, which runs as it is."""

    def __init__(self, func: Callable[..., Any]) -> None:
        self.python_function = func
        functools.update_wrapper(self, func)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.python_function(*args, **kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def get_concrete_function(self, *_: Any, **__: Any) -> Function:
        """Itself."""
        return self


def function(func: Any = None, *_: Any, **options: Any) -> Any:
    """A decorator that TensorFlow compiles with; here the function runs as it is, whatever the options.

    >>> @function
    ... def double(x):
    ...     return 2 * x
    >>> double(3)
    6
    """
    return Function if func is None else Function(func)


def py_function(func: Callable[..., Any], inp: Any, Tout: Any, name: Any = None) -> Any:  # noqa: N803
    """The function's value, in the dtype that is said."""
    given = func(*[FUNCTIONS["convert_to_tensor"](each) for each in inp])
    if isinstance(Tout, (list, tuple)):
        return [FUNCTIONS["cast"](each, dtype) for each, dtype in zip(given, Tout, strict=True)]
    return FUNCTIONS["cast"](given, Tout)


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any], name: Any = None) -> Any:
    """What one of two functions gives."""
    return true_fn() if bool(pred) else false_fn()


def while_loop(cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, *_: Any, **__: Any) -> Any:
    """The variables of a loop after its last turn."""
    now = tuple(loop_vars)
    while bool(cond(*now)):
        after = body(*now)
        now = tuple(after) if isinstance(after, (list, tuple)) else (after,)
    return type(loop_vars)(now)


def map_fn(fn: Callable[[Any], Any], elems: Any, *_: Any, **__: Any) -> Any:
    """A function of each part along the first axis."""
    made = [fn(each) for each in FUNCTIONS["unstack"](elems)]
    if isinstance(made[0], (list, tuple)):
        return type(made[0])(FUNCTIONS["stack"](list(column)) for column in zip(*made, strict=True))
    return FUNCTIONS["stack"](made)


def scan(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, reverse: bool = False, **_: Any) -> Any:
    """All values of `a = fn(a, part)` along the first axis."""
    parts = FUNCTIONS["unstack"](elems)
    parts = parts[::-1] if reverse else parts
    now, made = (parts[0], [parts[0]]) if initializer is None else (initializer, [])
    for part in parts[1:] if initializer is None else parts:
        now = fn(now, part)
        made.append(now)
    return FUNCTIONS["stack"](made[::-1] if reverse else made)


@contextmanager
def _block(*_: Any, **__: Any) -> Iterator[None]:
    """A block that means something to TensorFlow: a device, a scope of names."""
    yield


def print_(
    *inputs: Any, output_stream: Any = None, summarize: Any = 3, sep: str = " ", end: str = "\n", **_: Any
) -> None:
    """Print, as `tf.print` does: numbers without their dtype, to the stream of errors."""
    stream = sys.stdout if output_stream in (sys.stdout, "stdout") else sys.stderr
    print(*[each.numpy() if hasattr(each, "numpy") else each for each in inputs], sep=sep, end=end, file=stream)


def no_op(name: Any = None) -> None:
    """Nothing."""


def custom_gradient(f: Any) -> Any:
    """Refused: a gradient written by hand is not followed here."""
    raise NotImplementedError("tf.custom_gradient is not followed here: gradients are those of the function itself.")


def assert_that(holds: bool, message: Any, what: str) -> None:
    """Raise what TensorFlow's assertions raise."""
    if not holds:
        raise InvalidArgumentError(f"{what} does not hold{': ' + str(message) if message else '.'}")


def _asserting(name: str, known: str) -> Callable[..., None]:
    def check(x: Any, y: Any, message: Any = None, summarize: Any = None, name: Any = None) -> None:
        assert_that(bool(np.all(FUNCTIONS[known](x, y))), message, f"tf.debugging.assert_{known}")

    return check


def executing_eagerly() -> bool:
    """True: everything runs at once."""
    return True


def get_logger() -> _log.Logger:
    """The logger called "tensorflow", which Gatewise writes nothing to."""
    return _log.getLogger("tensorflow")


def _changes_nothing(*_: Any, **__: Any) -> None:
    """Accepted: it switches something in TensorFlow that is not here."""


_SWITCHES: Final = (
    "enable_eager_execution", "disable_eager_execution", "enable_v2_behavior", "disable_v2_behavior",
    "enable_v2_tensorshape", "disable_v2_tensorshape", "enable_resource_variables", "disable_resource_variables",
)  # fmt: skip


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
    "get_visible_devices": _devices,
    "set_visible_devices": _changes_nothing,
}


def _as_it_is(func: Any = None, *_: Any, **__: Any) -> Any:
    return (lambda given: given) if func is None or not callable(func) else func


# What stands beside the functions in parts of `tf`: `tf.nn`, `tf.io.gfile`.
_BESIDE: Final[dict[str, Any]] = {
    **{f"config.{name}": value for name, value in _NO_DEVICES.items()},
    **{f"config.experimental.{name}": value for name, value in _NO_DEVICES.items()},
    "config.experimental.set_memory_growth": _changes_nothing,
    "config.experimental.enable_op_determinism": _changes_nothing,
    "config.run_functions_eagerly": _changes_nothing,
    "config.experimental_run_functions_eagerly": _changes_nothing,
    "config.functions_run_eagerly": executing_eagerly,
    "config.optimizer.set_jit": _changes_nothing,
    "config.optimizer.set_experimental_options": _changes_nothing,
    "config.threading.set_intra_op_parallelism_threads": _set_threads,
    "config.threading.set_inter_op_parallelism_threads": _changes_nothing,
    "logging.set_verbosity": _log_level,
    **{f"logging.{name}": getattr(_log, name) for name in ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")},
    **{
        f"logging.{name}": getattr(_log.getLogger("tensorflow"), name) for name in ("info", "warning", "error", "debug")
    },
    "test.is_gpu_available": lambda *_, **__: False,
    "test.is_built_with_cuda": lambda: False,
    "test.gpu_device_name": lambda: "",
    "autograph.experimental.do_not_convert": _as_it_is,
    "autograph.experimental.set_loop_options": _changes_nothing,
    "autograph.set_verbosity": _changes_nothing,
    "autograph.to_graph": _as_it_is,
    "debugging.set_log_device_placement": _changes_nothing,
    "debugging.enable_check_numerics": _changes_nothing,
    "debugging.assert_equal": _asserting("equal", "equal"),
    "debugging.assert_less": _asserting("less", "less"),
    "debugging.assert_greater": _asserting("greater", "greater"),
    "errors.InvalidArgumentError": InvalidArgumentError,
    "errors.OutOfRangeError": StopIteration,
    "errors.NotFoundError": FileNotFoundError,
    "dtypes.DType": DType,
    "dtypes.as_dtype": as_dtype,
    **{f"dtypes.{name}": value for name, value in DTYPES.items()},
    **{f"io.gfile.{name}": value for name, value in _files.GFILE.items()},
    "io.read_file": _files.read_file,
    "io.write_file": _files.write_file,
    "train.Checkpoint": _files.Checkpoint,
    "train.CheckpointManager": _files.CheckpointManager,
    "train.latest_checkpoint": _files.latest_checkpoint,
    "ragged.constant": _ragged.constant,
    "ragged.stack": _ragged.stack,
    "ragged.range": _ragged.ragged_range,
    "sparse.SparseTensor": _sparse.SparseTensor,
    "sparse.to_dense": _sparse.to_dense,
    "sparse.from_dense": _sparse.from_dense,
    "sparse.reorder": _sparse.reorder,
    "linalg.LinAlgError": np.linalg.LinAlgError,
    **{f"nn.{name}": value for name, value in RUNNERS.items()},
    **{f"nn.rnn_cell.{name}": value for name, value in CELLS.items()},
    **{f"nn.RNNCell{wrapper.__name__}": wrapper for wrapper in (DeviceWrapper, DropoutWrapper, ResidualWrapper)},
}


def _parts() -> dict[str, Names]:
    """The parts of `tf`, such as `tf.nn` and `tf.io`, with the functions and names below each."""
    found: dict[str, dict[str, Any]] = {}
    for address, value in {**FUNCTIONS, **_BESIDE}.items():
        path = address.split(".")
        for depth in range(1, len(path)):
            below = found.setdefault(".".join(path[:depth]), {})
            if depth == len(path) - 1:
                below[path[-1]] = value
    for address in sorted(found, key=lambda each: -each.count(".")):
        above, _, last = address.rpartition(".")
        part = Names(f"tf.{address}", found[address])
        if above:
            found[above][last] = part
        else:
            found[address] = {"": part}
    return {address: names[""] for address, names in found.items() if "" in names}


NAMES: Final[dict[str, Any]] = {
    **DTYPES,
    "half": DTYPES["float16"],
    "double": DTYPES["float64"],
    **{name: value for name, value in FUNCTIONS.items() if "." not in name and not name.startswith("_")},
    "DType": DType,
    "as_dtype": as_dtype,
    "Tensor": Tensor,
    "TensorShape": TensorShape,
    "TensorSpec": TensorSpec,
    "RaggedTensor": RaggedTensor,
    "SparseTensor": _sparse.SparseTensor,
    "Variable": Variable,
    "Module": Module,
    "TensorArray": TensorArray,
    "GradientTape": GradientTape,
    "UnconnectedGradients": Names("tf.UnconnectedGradients", {"NONE": "none", "ZERO": "zero"}),
    "device": _block,
    "name_scope": _block,
    "control_dependencies": _block,
    "print": print_,
    "newaxis": None,
    "random_normal_initializer": initializers.RandomNormal,
    "random_uniform_initializer": initializers.RandomUniform,
    "truncated_normal_initializer": initializers.TruncatedNormal,
    "constant_initializer": initializers.Constant,
    "ones_initializer": initializers.Ones,
    "zeros_initializer": initializers.Zeros,
    "set_random_seed": set_seed,
    "squared_difference": FUNCTIONS["math.squared_difference"],
    **dict.fromkeys(_SWITCHES, _changes_nothing),
    **_parts(),
}
"""What is here besides this module's own functions."""

_MODULES: Final = {
    "keras": "gatewise.keras",
    "data": "gatewise.data",
    "random": "gatewise.random",
    "compat": "gatewise.compat",
}
_OF_KERAS: Final = ("initializers", "losses", "metrics", "optimizers")
"""Modules of Keras's that TensorFlow 2 has by shorter names too; those of TensorFlow 1 are others."""

_HIDDEN = ("Function", "Names", "print_", "assert_that")

__all__ = [  # noqa: PLE0604
    *(name for name in public(globals(), __name__) if name not in _HIDDEN),
    *(name for name in NAMES if name != "newaxis"),
    *_MODULES,
    *_OF_KERAS,
]

_absent = absent(__name__, "tf")


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return NAMES[name]
    if name == "keras":
        versions.take_layers_from("tf.keras")
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _OF_KERAS and not versions.before(2, 0):
        return importlib.import_module(f"gatewise.keras.{name}")
    if name in ("__version__", "VERSION"):
        return versions.tensorflow()
    if name == "version":
        return Names("tf.version", {"VERSION": versions.tensorflow()})
    if versions.before(2, 0) and name == "contrib":
        return importlib.import_module("gatewise.compat.contrib")
    if versions.before(2, 0) and name in OLD:
        return OLD[name]
    return _absent(name)


def __dir__() -> list[str]:
    return __all__
