"""Random numbers: one seedable stream for the process, and a seed generator that layers keep as state.

On NumPy arrays the numbers come from `numpy.random.Generator`. Under JAX they come from the key that the pure function
was given, so that a traced call stays a function of its arguments.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import numpy as np

from gatewise.base.arrays import Tensor, numpy_dtype
from gatewise.base.typing import Array
from gatewise.base.variable import current_scope, next_key

_lock = threading.Lock()
# None until first used: NumPy's random module costs a tenth of all of NumPy to import.
_stream: np.random.SeedSequence | None = None


def set_seed(seed: int) -> None:
    """Start the process-wide stream anew: the same program then makes the same weights and masks.

    >>> set_seed(1); a = generator(None).random()
    >>> set_seed(1); a == generator(None).random()
    True
    """
    global _stream
    _stream = np.random.SeedSequence(_checked(seed))


def generator(seed: int | None) -> np.random.Generator:
    """A generator of its own: from `seed`, or for None from the next place of the process-wide stream."""
    if seed is not None:
        return np.random.default_rng(_checked(seed))
    global _stream
    with _lock:
        if _stream is None:
            _stream = np.random.SeedSequence()
        (child,) = _stream.spawn(1)
    return np.random.default_rng(child)


def stream_state() -> np.ndarray:
    """Where the process-wide stream stands, as numbers that `set_stream_state` takes back.

    >>> set_seed(1); state = stream_state(); a = generator(None).random()
    >>> set_stream_state(state); a == generator(None).random()
    True
    """
    global _stream
    with _lock:
        if _stream is None:
            _stream = np.random.SeedSequence()
        return _words([_stream.n_children_spawned, _stream.entropy])  # type: ignore[list-item]


def set_stream_state(state: np.ndarray) -> None:
    """Have the process-wide stream go on from where `stream_state` found it.

    Raises:
        ValueError: for an array of another kind.
    """
    global _stream
    spawned, entropy = _numbers(state, 2)
    _stream = np.random.SeedSequence(entropy, n_children_spawned=spawned)


def generator_state(source: np.random.Generator | None) -> np.ndarray:
    """Where a generator stands, as numbers that `generator_at` takes; zeros for None.

    >>> source = generator(1); state = generator_state(source); a = source.random()
    >>> generator_at(state).random() == a
    True
    """
    if source is None:
        return _words([0] * 4)
    now = source.bit_generator.state
    return _words([now["state"]["state"], now["state"]["inc"], now["has_uint32"], now["uinteger"]])


def generator_at(state: np.ndarray) -> np.random.Generator | None:
    """A generator that goes on from where `generator_state` found one; None for zeros.

    Raises:
        ValueError: for an array of another kind.
    """
    where, step, has_half, half = _numbers(state, 4)
    if not step:
        return None
    made = np.random.default_rng(0)
    place = {"state": where, "inc": step}
    made.bit_generator.state = {"bit_generator": "PCG64", "state": place, "has_uint32": has_half, "uinteger": half}
    return made


def normal(
    shape: Any,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = "float32",
    seed: int | None = None,
    name: Any = None,
) -> Array:
    """An array of normal numbers, as `tf.random.normal` takes its arguments; `name` is accepted.

    >>> normal((2, 3), seed=1).shape == (2, 3)
    True
    """
    if (key := _key_now()) is not None:
        import jax

        return jax.random.normal(key, _sizes(shape), numpy_dtype(dtype)) * stddev + mean
    return np.asarray(generator(seed).normal(mean, stddev, _sizes(shape)), dtype).view(Tensor)


def truncated_normal(
    shape: Any,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = "float32",
    seed: int | None = None,
    name: Any = None,
) -> Array:
    """An array of normal numbers, those beyond two deviations drawn again.

    >>> bool((abs(truncated_normal((1000,), seed=1).numpy()) <= 2).all())
    True
    """
    draw = generator(seed)
    made = draw.normal(0.0, 1.0, _sizes(shape))
    while (far := np.abs(made) > 2).any():
        made[far] = draw.normal(0.0, 1.0, int(far.sum()))
    return np.asarray(made * stddev + mean, dtype).view(Tensor)


def uniform(
    shape: Any,
    minval: float = 0,
    maxval: float | None = None,
    dtype: Any = "float32",
    seed: int | None = None,
    name: Any = None,
) -> Array:
    """An array of numbers from `minval` up to `maxval` (1, left out), as `tf.random.uniform` takes its arguments.

    Raises:
        ValueError: an integer dtype without a `maxval`.

    >>> int(uniform((1,), 5, 6, dtype="int32")[0])
    5
    """
    whole = numpy_dtype(dtype).kind in "iu"
    if whole and maxval is None:
        raise ValueError("random.uniform: integers need `maxval`, the first number above all of them.")
    above = 1.0 if maxval is None else maxval
    if (key := _key_now()) is not None:
        import jax

        if whole:
            return jax.random.randint(key, _sizes(shape), minval, above, numpy_dtype(dtype))
        return jax.random.uniform(key, _sizes(shape), numpy_dtype(dtype), minval, above)
    draw = generator(seed)
    if whole:
        return np.asarray(draw.integers(int(minval), int(above), _sizes(shape)), dtype).view(Tensor)
    return np.asarray(draw.uniform(minval, above, _sizes(shape)), dtype).view(Tensor)


def categorical(logits: Any, num_samples: Any, dtype: Any = None, seed: int | None = None, name: Any = None) -> Array:
    """Draws of classes: of each row of logits (B, C) so many ids (B, num_samples), as `tf.random.categorical`.

    >>> categorical([[0.0, 100.0]], 3).numpy().tolist()
    [[1, 1, 1]]
    """
    x = np.asarray(logits, "float64")
    if x.ndim != 2:
        raise ValueError(f"random.categorical takes logits of shape (B, C), but {x.shape} came.")
    noise = generator(seed).gumbel(size=(x.shape[0], int(num_samples), x.shape[1]))
    ids = np.argmax(x[:, None, :] + noise, axis=-1)
    return ids.astype("int64" if dtype is None else numpy_dtype(dtype)).view(Tensor)


def shuffle(value: Any, seed: int | None = None, name: Any = None) -> Array:
    """The parts along the first axis in a random order.

    >>> sorted(shuffle([3, 1, 2]).numpy().tolist())
    [1, 2, 3]
    """
    from gatewise.base.tensors import from_python

    x = value if isinstance(value, np.ndarray) else from_python(value)
    return x.view(np.ndarray)[generator(seed).permutation(len(x))].view(Tensor)


def in_trace() -> bool:
    """Whether a traced call is under way that has a key: a number drawn by NumPy would be the same at each call."""
    scope = current_scope()
    return scope is not None and scope.has_key


def _key_now() -> Any:
    """A JAX key where a traced call has one."""
    return next_key() if in_trace() else None


def _sizes(shape: Any) -> tuple[int, ...]:
    """A shape, given as numbers or as an array of them."""
    return tuple(int(size) for size in np.atleast_1d(np.asarray(shape, int)))


class SeedGenerator:
    """A stream of random arrays for one layer: dropout masks, noise.

    Args:
        seed: an int for a stream that can be repeated, or None for one from the process-wide stream.
        name: what configs keep.

    >>> seeds = SeedGenerator(3)
    >>> seeds.get_config()
    {'seed': 3, 'name': 'seed_generator'}
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.seed = None if seed is None else _checked(seed)
        self.name = name or "seed_generator"
        self._generator: np.random.Generator | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"seed": self.seed, "name": self.name, "_generator": self._generator}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock())

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A stream from its beginning, as `get_config` has it."""
        return cls(**config)

    def next(self, ordered: bool = True) -> Array:
        """Two uint32 numbers, others at each call, to seed something else with.

        Args:
            ordered: accepted, as Keras takes it.
        """
        with self.drawing() as source:
            return source.integers(1 << 32, size=2, dtype=np.uint32)

    def state(self) -> np.ndarray:
        """Where the stream stands, as numbers that `set_state` takes back; zeros where it has not begun.

        >>> seeds = SeedGenerator(1); state = seeds.state(); a = seeds.uniform(np, (2,))
        >>> seeds.set_state(state); bool((a == seeds.uniform(np, (2,))).all())
        True
        """
        with self._lock:
            # To begin here would take a place of the process-wide stream.
            return generator_state(self._generator)

    def set_state(self, state: np.ndarray) -> None:
        """Go on from where `state` found the stream.

        Raises:
            ValueError: for an array of another kind.
        """
        found = generator_at(state)
        with self._lock:
            self._generator = found

    def source(self) -> np.random.Generator:
        """NumPy's generator of the stream; `drawing` keeps other threads from it meanwhile."""
        with self._lock:
            if self._generator is None:
                self._generator = generator(self.seed)
            return self._generator

    @contextmanager
    def drawing(self) -> Iterator[np.random.Generator]:
        """NumPy's generator of the stream, with no other thread at it meanwhile."""
        with self._lock:
            if self._generator is None:
                self._generator = generator(self.seed)
            yield self._generator

    def keep(self, xp: Any, shape: tuple[int, ...], rate: float, dtype: Any) -> Array:
        """Inverted dropout's mask: 0 with probability `rate`, else `1 / (1 - rate)`.

        Source: N. Srivastava et al., Dropout, JMLR 15 (2014), scaled in training as Keras does.
        """
        return xp.asarray(self.uniform(xp, shape) >= rate, dtype=dtype) / (1.0 - rate)

    def uniform(self, xp: Any, shape: tuple[int, ...]) -> Array:
        """Uniform float32 numbers in [0, 1) of `shape`, in the library `xp`."""
        return self._drawn(xp, shape, "uniform")

    def normal(self, xp: Any, shape: tuple[int, ...]) -> Array:
        """Standard normal float32 numbers of `shape`, in the library `xp`."""
        return self._drawn(xp, shape, "normal")

    def _drawn(self, xp: Any, shape: tuple[int, ...], kind: Literal["uniform", "normal"]) -> Array:
        if xp is np:
            with self.drawing() as source:
                draw = source.random if kind == "uniform" else source.standard_normal
                return draw(shape, dtype=np.float32)
        key = next_key()
        if key is None:
            # An eager call on JAX arrays: the same stream, moved over.
            return xp.asarray(self._drawn(np, shape, kind))
        import jax

        if self.seed is not None:
            key = jax.random.fold_in(key, self.seed)
        return jax.random.uniform(key, shape) if kind == "uniform" else jax.random.normal(key, shape)


_WORDS: Final = 4


def _words(numbers: list[int]) -> np.ndarray:
    """Whole numbers of up to 256 bits as rows of 64 bits, lowest first."""
    low = (1 << 64) - 1
    return np.array([[number >> 64 * place & low for place in range(_WORDS)] for number in numbers], "uint64")


def _numbers(words: np.ndarray, count: int) -> list[int]:
    """The numbers that `_words` took."""
    words = np.asarray(words)
    if words.shape != (count, _WORDS) or words.dtype != np.uint64:
        raise ValueError(
            f"The state of a random stream is uint64 numbers of shape {(count, _WORDS)}, but {words.dtype} numbers of "
            f"shape {words.shape} came."
        )
    return [sum(int(word) << 64 * place for place, word in enumerate(row)) for row in words]


def _checked(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"A seed must be a non-negative integer, but {seed!r} came.")
    return int(seed)
