"""The initializers: what a new weight holds, under Keras's names.

An initializer is called with a shape and a dtype and gives a NumPy array. A seeded one gives the same values at every
call, as in Keras 3; one without a seed draws from the process-wide stream (`gatewise.random.set_seed`). Numbers are
drawn in float64 and then rounded, so that the dtype does not change which ones they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeAlias, cast

import numpy as np

from gatewise.base import variable
from gatewise.base.absent import answer_for
from gatewise.base.dtypes import numpy_dtype
from gatewise.base.registry import Described, ObjectRegistry
from gatewise.base.typing import Array, Config
from gatewise.config import config
from gatewise.random import SeedGenerator, generator

InitializerLike: TypeAlias = Callable[..., Array]

# The standard deviation of a standard normal number cut to [-2, 2].
TRUNCATED_STDDEV: Final = 0.87962566103423978

registry: ObjectRegistry[InitializerLike] = ObjectRegistry(
    "initializer", "keras.initializers", suffixes=("v2", "initializer", "initializerv2")
)


class Initializer(Described):
    """The base: a subclass gives `__call__(shape, dtype)`, and `get_config` if it takes arguments."""

    # TensorFlow 1 wrote the dtype and a check of shapes into the initializer; here the variable says both.
    _renamed: ClassVar = {"dtype": None, "verify_shape": None}

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> np.ndarray:
        """Values of `shape`."""
        raise TypeError(f"The initializer {type(self).__name__} must define __call__(self, shape, dtype).")

    def clone(self) -> Initializer:
        """Another of the same config."""
        made: Initializer = type(self).from_config(self.get_config())
        return made


# --- Constants --------------------------------------------------------------------------------------------------


@registry.register("Zeros", "zero")
class Zeros(Initializer):
    """All 0.

    >>> Zeros()((2, 2)).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> np.ndarray:
        return np.zeros(tuple(shape), _dtype(dtype))


@registry.register("Ones", "one")
class Ones(Initializer):
    """All 1.

    >>> Ones()((2,)).tolist()
    [1.0, 1.0]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> np.ndarray:
        return np.ones(tuple(shape), _dtype(dtype))


@registry.register("Constant")
class Constant(Initializer):
    """One value everywhere, or an array that broadcasts to the shape.

    >>> Constant(3.0)((2,)).tolist(), Constant([1.0, 2.0])((2, 2)).tolist()
    ([3.0, 3.0], [[1.0, 2.0], [1.0, 2.0]])
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> np.ndarray:
        value = np.asarray(self.value, _dtype(dtype))
        try:
            return np.broadcast_to(value, tuple(shape)).copy()
        except ValueError:
            raise ValueError(
                f"The initializer Constant holds values of shape {value.shape}, which do not fit a weight of shape "
                f"{tuple(shape)}."
            ) from None

    def get_config(self) -> Config:
        if not hasattr(self.value, "dtype"):
            return {"value": self.value}
        value = np.asarray(self.value)
        if value.ndim == 0:
            return {"value": value.item()}
        return {"value": {"class_name": "__numpy__", "config": {"value": value.tolist(), "dtype": value.dtype.name}}}

    @classmethod
    def from_config(cls, config: Config) -> Constant:
        value = config.get("value", 0.0)
        if isinstance(value, Mapping):
            inner = value["config"]
            value = np.asarray(inner["value"], inner["dtype"])
        return cls(value)


@registry.register("Identity")
class Identity(Initializer):
    """`gain` on the diagonal of a matrix and 0 elsewhere.

    >>> Identity(2.0)((2, 3)).tolist()
    [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    _arguments = ("gain",)

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(f"The initializer Identity makes matrices; got a weight of shape {tuple(shape)}.")
        rows, columns = shape
        return np.asarray(self.gain * np.eye(rows, columns), _dtype(dtype))


# --- Random numbers ---------------------------------------------------------------------------------------------


class RandomInitializer(Initializer):
    """The base of those that draw: keeps the seed, an int, None or a `SeedGenerator`, which goes on at each call."""

    @property
    def gives_fractions(self) -> bool:
        """Whether what it draws makes no sense in a dtype of whole numbers: always, but between bounds far apart."""
        return True

    def __init__(self, seed: Any = None) -> None:
        self._seeds: SeedGenerator | None = None
        if isinstance(seed, Mapping) and isinstance(held := seed.get("config", {}), Mapping):
            seed = SeedGenerator.from_config(dict(held))  # As Keras 3 writes one.
        if isinstance(seed, SeedGenerator):
            self._seeds, seed = seed, seed.seed
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer))):
            raise ValueError(f"The seed of the initializer {type(self).__name__} must be an int or None; got {seed!r}.")
        self.seed = None if seed is None else int(seed)

    def get_config(self) -> Config:
        config = super().get_config()
        if self._seeds is not None:
            config["seed"] = {
                "module": "keras.random",
                "class_name": "SeedGenerator",
                "config": self._seeds.get_config(),
                "registered_name": None,
            }
        return config

    def _generator(self) -> np.random.Generator:
        if self._seeds is not None:
            return self._seeds.source()
        return generator(None if self.seed is None else self.seed % 2**64)  # files hold negative seeds too


@registry.register("RandomNormal", "normal")
class RandomNormal(RandomInitializer):
    """Normal numbers.

    >>> RandomNormal(seed=1)((2, 3)).shape
    (2, 3)
    """

    _arguments = ("mean", "stddev", "seed")

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> np.ndarray:
        return self._generator().normal(self.mean, self.stddev, tuple(shape)).astype(_dtype(dtype))


@registry.register("RandomUniform", "uniform")
class RandomUniform(RandomInitializer):
    """Uniform numbers from `minval` to `maxval`.

    >>> bool(abs(RandomUniform(seed=1)((100,))).max() <= 0.05)
    True
    """

    _arguments = ("minval", "maxval", "seed")

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> np.ndarray:
        return self._generator().uniform(self.minval, self.maxval, tuple(shape)).astype(_dtype(dtype))

    @property
    def gives_fractions(self) -> bool:
        return bool(self.maxval - self.minval < 1)


@registry.register("TruncatedNormal")
class TruncatedNormal(RandomInitializer):
    """Normal numbers, those further than two `stddev` from the mean drawn again.

    >>> bool(abs(TruncatedNormal(stddev=1.0, seed=1)((1000,))).max() <= 2.0)
    True
    """

    _arguments = ("mean", "stddev", "seed")

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> np.ndarray:
        z = _truncated_standard_normal(self._generator(), tuple(shape))
        return (self.mean + self.stddev * z).astype(_dtype(dtype))


@registry.register("VarianceScaling")
class VarianceScaling(RandomInitializer):
    """Numbers of mean 0 and variance `scale / fan`, so that a signal keeps its size from layer to layer.

    Args:
        scale: a positive number.
        mode: the fan: "fan_in" (inputs of a unit), "fan_out" (outputs of an input) or "fan_avg" (their mean).
        distribution: "truncated_normal" (also written "normal"), "untruncated_normal" or "uniform".
        seed: an int, or None.
        input_axes, output_axes: the axes whose sizes multiply to the fans; by default the last axis is the output, the
            one before it the input, and those in front belong to a convolution's window.

    >>> bool(abs(VarianceScaling(3.0, "fan_in", "uniform", seed=1)((9, 4))).max() <= 1.0)
    True
    """

    _arguments: ClassVar[tuple[str, ...]] = ("scale", "mode", "distribution", "seed")
    _modes: Final = ("fan_in", "fan_out", "fan_avg")
    _distributions: Final = ("truncated_normal", "untruncated_normal", "uniform")

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        name = type(self).__name__
        distribution = str(distribution).lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        if not scale > 0:
            raise ValueError(f"The scale of the initializer {name} must be positive; got {scale!r}.")
        if mode not in self._modes:
            raise ValueError(f"The mode of the initializer {name} must be one of {self._modes}; got {mode!r}.")
        if distribution not in self._distributions:
            raise ValueError(
                f"The distribution of the initializer {name} must be one of {self._distributions}; "
                f"got {distribution!r}."
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> np.ndarray:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, fan))
        draw, shape = self._generator(), tuple(shape)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0) * stddev
            values = draw.uniform(-limit, limit, shape)
        elif self.distribution == "truncated_normal":
            values = stddev / TRUNCATED_STDDEV * _truncated_standard_normal(draw, shape)
        else:
            values = draw.normal(0.0, stddev, shape)
        return values.astype(_dtype(dtype))

    def get_config(self) -> Config:
        # The axes are Keras 3.15's: a config without them is one that every Keras reads.
        axes = {"input_axes": self.input_axes, "output_axes": self.output_axes}
        return super().get_config() | {name: value for name, value in axes.items() if value is not None}


class _Scheme(VarianceScaling):
    """A variance scaling whose three choices have a name."""

    _arguments = ("seed",)
    _scheme: tuple[float, str, str]

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self._scheme, seed, input_axes, output_axes)

    @classmethod
    def from_config(cls, config: Config) -> Any:
        # TensorFlow 1 wrote the three choices of a Glorot initializer too. A change of them cannot be lost: then it is
        # a plain VarianceScaling.
        scheme = dict(zip(("scale", "mode", "distribution"), cls._scheme, strict=True))
        if any(config.get(name, value) not in (value, "normal") for name, value in scheme.items()):
            return VarianceScaling.from_config(scheme | config)
        return super().from_config({name: value for name, value in config.items() if name not in scheme})


@registry.register("GlorotUniform")
class GlorotUniform(_Scheme):
    """Uniform within `sqrt(6 / (fan_in + fan_out))`. Source: Glorot and Bengio, 2010.

    >>> bool(abs(GlorotUniform(seed=1)((2, 4))).max() <= 1.0)
    True
    """

    _scheme = (1.0, "fan_avg", "uniform")


@registry.register("GlorotNormal")
class GlorotNormal(_Scheme):
    """Truncated normal, variance `2 / (fan_in + fan_out)`. Source: Glorot and Bengio, 2010."""

    _scheme = (1.0, "fan_avg", "truncated_normal")


@registry.register("HeUniform")
class HeUniform(_Scheme):
    """Uniform within `sqrt(6 / fan_in)`. Source: He et al., 2015."""

    _scheme = (2.0, "fan_in", "uniform")


@registry.register("HeNormal")
class HeNormal(_Scheme):
    """Truncated normal, variance `2 / fan_in`. Source: He et al., 2015."""

    _scheme = (2.0, "fan_in", "truncated_normal")


@registry.register("LecunUniform")
class LecunUniform(_Scheme):
    """Uniform within `sqrt(3 / fan_in)`. Source: LeCun et al., Efficient BackProp, 1998."""

    _scheme = (1.0, "fan_in", "uniform")


@registry.register("LecunNormal")
class LecunNormal(_Scheme):
    """Truncated normal, variance `1 / fan_in`. Source: LeCun et al., Efficient BackProp, 1998."""

    _scheme = (1.0, "fan_in", "truncated_normal")


@registry.register("Orthogonal")
class Orthogonal(RandomInitializer):
    """`gain` times a random matrix with orthonormal rows or columns, whichever are fewer; uniform among those.

    A weight of more axes is one matrix whose rows are all its axes but the last.
    Source: Saxe et al., 2014; the signs make it uniform (Mezzadri, How to Generate Random Matrices, 2007).

    >>> q = Orthogonal(seed=1)((3, 3), "float64")
    >>> bool(abs(q @ q.T - np.eye(3)).max() < 1e-14)
    True
    """

    _arguments = ("gain", "seed")

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(
                f"The initializer Orthogonal makes weights of two axes or more; got a weight of shape {tuple(shape)}."
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(self._generator().standard_normal((max(rows, columns), min(rows, columns))))
        q = np.where(np.diagonal(r) < 0, -q, q)
        return (self.gain * (q if rows >= columns else q.T).reshape(tuple(shape))).astype(_dtype(dtype))


def compute_fans(
    shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """How many inputs a unit of a weight of this shape sums, and how many outputs an input feeds.

    >>> compute_fans((3, 4)), compute_fans((5, 3, 4)), compute_fans((3, 2, 4), [0, 1], [2])
    ((3, 4), (15, 20), (6, 4))
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        size = math.prod(shape)
        return size, size
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def _truncated_standard_normal(draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    z = draw.standard_normal(shape or 1)
    while np.any(far := np.abs(z) > 2):
        z[far] = draw.standard_normal(np.count_nonzero(far))
    return z.reshape(shape)


def _dtype(dtype: Any) -> np.dtype[Any]:
    return np.dtype("float32" if dtype is None else dtype)


# --- Names ------------------------------------------------------------------------------------------------------


def get(identifier: Any) -> InitializerLike | None:
    """The initializer that `identifier` says: None, a name, a config, a class, an array, or a callable.

    A callable is called as `f(shape, dtype=dtype)`.

    Raises:
        ValueError: for an unknown name, with the nearest known one.
        TypeError: for something else.

    >>> get("glorot_uniform"), get({"class_name": "Constant", "config": {"value": 2.0}})
    (GlorotUniform(), Constant(value=2.0))
    """
    if hasattr(identifier, "dtype") and hasattr(identifier, "shape") and not callable(identifier):
        return Constant(identifier)
    return registry.get(identifier)


def serialize(initializer: InitializerLike | None) -> Any:
    """A config for an initializer.

    >>> serialize(Zeros())
    {'module': 'keras.initializers', 'class_name': 'Zeros', 'config': {}, 'registered_name': None}
    """
    return registry.serialize(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> InitializerLike | None:
    """The initializer that `serialize`, or any Keras, wrote.

    >>> deserialize(serialize(Orthogonal(seed=3)))
    Orthogonal(gain=1.0, seed=3)
    """
    return registry.deserialize(config, custom_objects)


def _first_value(initializer: Any, shape: Any, dtype: Any) -> Any:
    """The first value of a variable that a program makes: Keras 3's rules of dtypes for Python's numbers."""
    if isinstance(initializer, str) or (callable(initializer) and not hasattr(initializer, "__array__")):
        if shape is None:
            raise ValueError(f"Variable: the initializer {initializer!r} needs the argument `shape`.")
        return cast(Any, get(initializer))(tuple(shape), dtype=dtype or config.floatx)
    if not hasattr(initializer, "dtype"):
        initializer = np.asarray(initializer)
        dtype = dtype or {"i": "int32", "f": config.floatx}.get(initializer.dtype.kind)
    return initializer if dtype is None else np.asarray(initializer).astype(numpy_dtype(dtype))


variable.first_value = _first_value

zeros = Zeros
ones = Ones
constant = Constant
identity = IdentityInitializer = Identity
normal = random_normal = RandomNormal
uniform = random_uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
glorot_uniform = GlorotUniform
glorot_normal = GlorotNormal
he_uniform = HeUniform
he_normal = HeNormal
lecun_uniform = LecunUniform
lecun_normal = LecunNormal
orthogonal = OrthogonalInitializer = Orthogonal

answer_for(__name__, "gatewise.initializers")
