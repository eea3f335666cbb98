"""Settings of the process: the default dtype, the executor, the threads."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

Executor = Literal["auto", "numpy", "jax"]
DataFormat = Literal["channels_last", "channels_first"]

_FLOATS: Final = ("float16", "float32", "float64", "bfloat16")


class Settings:
    """What the whole process uses unless a layer or a call says otherwise; the one instance is `gatewise.config`.

    >>> import gatewise
    >>> gatewise.config.floatx
    'float32'
    """

    def __init__(self) -> None:
        self._floatx = "float32"
        self._epsilon = 1e-7
        self._image_data_format: DataFormat = "channels_last"
        self._executor: Executor = "auto"
        self._bars = True

    elsewhere: Callable[[str], Any] | None = None
    """What answers for names that are no settings: `tf.config` of programs that say `import gatewise as tf`."""

    if TYPE_CHECKING:
        list_physical_devices: Any
        list_logical_devices: Any
        get_visible_devices: Any
        set_visible_devices: Any
        run_functions_eagerly: Any
        experimental: Any
        threading: Any
        optimizer: Any
    else:  # To a type checker these would let any name pass.

        def __getattr__(self, name: str) -> Any:
            error = _no_setting(type(self), name)
            if name.startswith("_") or "Did you mean" in str(error) or self.elsewhere is None:
                raise error
            return self.elsewhere(name)

        def __setattr__(self, name: str, value: Any) -> None:
            if not hasattr(type(self), name) and not name.startswith("_"):
                raise _no_setting(type(self), name)
            super().__setattr__(name, value)

    @property
    def floatx(self) -> str:
        """The dtype of layers that do not name one: "float32" at first."""
        return self._floatx

    @floatx.setter
    def floatx(self, value: str) -> None:
        if value not in _FLOATS:
            raise ValueError(f"config.floatx: expected one of {', '.join(_FLOATS)}, got {value!r}.")
        self._floatx = value

    @property
    def epsilon(self) -> float:
        """The small number that keeps losses and metrics from dividing by 0 and from log(0): 1e-7 at first."""
        return self._epsilon

    @epsilon.setter
    def epsilon(self, value: float) -> None:
        if not 0 < value < 1:
            raise ValueError(f"config.epsilon: expected a number between 0 and 1, got {value!r}.")
        self._epsilon = float(value)

    @property
    def bars(self) -> bool:
        """Whether long work draws a bar on terminals and in notebooks: True at first; without, lines alone."""
        return self._bars

    @bars.setter
    def bars(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise ValueError(f"config.bars: expected True or False, got {value!r}.")
        self._bars = value

    @property
    def image_data_format(self) -> DataFormat:
        """What layers take for their `data_format` where nothing is said: "channels_last" at first."""
        return self._image_data_format

    @image_data_format.setter
    def image_data_format(self, value: DataFormat) -> None:
        if value not in ("channels_last", "channels_first"):
            raise ValueError(f"config.image_data_format: expected 'channels_last' or 'channels_first', got {value!r}.")
        self._image_data_format = value

    @property
    def executor(self) -> Executor:
        """What `predict` computes with: "numpy" (NumPy and the native engine), "jax", or "auto".

        "auto" is NumPy unless JAX is installed with a plug-in for an accelerator and finds one.
        """
        return self._executor

    @executor.setter
    def executor(self, value: Executor) -> None:
        if value not in ("auto", "numpy", "jax"):
            raise ValueError(f"config.executor: expected 'auto', 'numpy' or 'jax', got {value!r}.")
        if value == "jax" and not _installed("jax"):
            raise ValueError("config.executor: 'jax' needs JAX: pip install 'gatewise[train]'.")
        self._executor = value
        self._resolved = None

    @property
    def recurrence(self) -> Literal["auto", "scan"]:
        """How recurrences run under JAX: "auto" takes the compiled engine on a CPU, "scan" always `jax.lax.scan`.

        The compiled engine has first derivatives in reverse mode, which is what training takes. `jax.jvp`,
        `jax.jacfwd`, `jax.hessian` and gradients of gradients need "scan".

        >>> import gatewise
        >>> gatewise.config.recurrence
        'auto'
        """
        from gatewise.engine import compiled

        return "auto" if compiled.is_on() else "scan"

    @recurrence.setter
    def recurrence(self, value: Literal["auto", "scan"]) -> None:
        if value not in ("auto", "scan"):
            raise ValueError(f"config.recurrence: expected 'auto' or 'scan', got {value!r}.")
        from gatewise.engine import compiled

        compiled.turn(value == "auto")

    traceback_filtering = False
    """What `keras.config.is_traceback_filtering_enabled` says. An error's traceback is shown whole all the same."""
    policy: str | None = None
    """The dtype policy of layers that do not say theirs (`gatewise.dtype_policies`); None for `floatx`."""
    spread = False
    """Whether a distribution over several devices holds (`gatewise.distribution`): then JAX computes."""
    flash_attention: bool | None = None
    """What attention layers take for their argument `flash_attention` where that says nothing."""
    _resolved: bool | None = None

    def uses_jax(self) -> bool:
        """Whether `predict` runs on JAX now."""
        if self._resolved is None:
            self._resolved = self._executor == "jax" or (self._executor == "auto" and _has_accelerator())
        return self._resolved or self.spread

    @property
    def threads(self) -> int:
        """How many threads the native engine may use for one call; 0 when set means automatic.

        Automatic is `GATEWISE_NUM_THREADS`. Without it, it is the processors that this process may run on (its
        affinity, and its container's quota), or `OMP_NUM_THREADS` where that is less. Both variables are read once.

        `threadpoolctl.threadpool_limits` lowers the number for calls from the thread that uses it: this property says
        then what holds for the thread that asks. Setting it counts for the process, and lifts the limit of the thread
        that sets it.

        One call at a time has the engine's threads. Calls made meanwhile by other threads run each on its own thread
        alone, so a program never has more than its own threads and this number less one.

        Raises:
            ValueError: the number is negative or no integer.

        >>> import gatewise
        >>> gatewise.config.threads = 1
        >>> gatewise.config.threads
        1
        >>> gatewise.config.threads = 0
        """
        return int(_native().threads())

    @threads.setter
    def threads(self, value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"config.threads: expected a number of threads, or 0 for automatic, got {value!r}.")
        _native().set_threads(value)


def _no_setting(cls: type, name: str) -> AttributeError:
    from gatewise.base.words import NOTHING, nearest

    known = [each for each in vars(cls) if not each.startswith("_")]
    return AttributeError(f"config has no setting {name!r}.{nearest(name, known)}", name=name, obj=NOTHING)


def _native() -> Any:
    from gatewise.engine import _native

    return _native


# The packages through which JAX finds a GPU or a TPU: looking for them costs microseconds, importing JAX a second.
_PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin", "jax_rocm60_plugin", "jax_rocm7_plugin", "libtpu", "jax_metal")


def _installed(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def _has_accelerator() -> bool:
    if "jax" not in sys.modules and not any(map(_installed, _PLUGINS)):
        return False
    import jax

    return bool(jax.default_backend() != "cpu")


config: Final = Settings()
