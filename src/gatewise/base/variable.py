"""A layer's weights and state, and the scopes that swap their values.

A `Variable` holds an array. Plain code reads it directly. Inside a `Scope` the reads and writes of variables go through
the scope instead: that is how a model becomes a pure function of its weights (the scope maps variables to traced
values), and how a call's state changes take effect all at once or not at all (the scope collects them).

Other threads may set weights at any time. `commit` replaces variables that belong together at once, and leaves the old
values with the calls that are under way: each sees one set of weights from its beginning to its end, and nobody waits.
"""

from __future__ import annotations

import operator
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from gatewise.base import recording
from gatewise.base.arrays import as_array, shape_of
from gatewise.base.changes import changes
from gatewise.base.dtypes import numpy_dtype
from gatewise.base.names import path_of
from gatewise.base.tensor_shape import TensorShape
from gatewise.base.tensors import BINARY, as_tensor, item, operate, places
from gatewise.base.typing import Array


def _operator(name: str) -> tuple[Callable[[Any, Any], Array], Callable[[Any, Any], Array]]:
    """An arithmetic operator on a variable's value, and the same with the variable on the right."""
    function = getattr(operator, name)

    def left(variable: Any, other: Any) -> Array:
        if recording.tapes() and _scope.get() is None:
            return operate(BINARY[name], variable, other)
        return function(variable.value, other.value if isinstance(other, Variable) else other)

    def right(variable: Any, other: Any) -> Array:
        if recording.tapes() and _scope.get() is None:
            return operate(BINARY[name], other, variable)
        return function(other, variable.value)

    return left, right


class Variable:
    """One weight or state array of a layer.

    Args:
        initializer: the first value, copied; or a function `(shape, dtype=)` that makes it, or an initializer's name.
        shape: of the value, where a function makes it.
        dtype: of the value; None for the value's own, or floatx where a function makes it.
        trainable: whether training changes it.
        autocast: accepted, as Keras 3 takes it.
        aggregation: accepted.
        synchronization: accepted.
        name: the short name: "kernel".
        path: the name with those of the layers that hold it.
        regularizer: a function of the value that adds to the loss, or None.
        constraint: a function that training applies to the value after a step, or None.

    With `overwrite_with_gradient` set to True, an optimizer gives the variable its gradient as its value.

    The array that `value` gives is read-only, so that packed copies of it can be trusted until `version` changes;
    `assign` replaces it.

    >>> kernel = Variable(np.zeros((2, 3), "float32"), name="kernel")
    >>> kernel.assign(np.ones((2, 3)))
    >>> kernel.numpy().sum(), kernel.version
    (np.float32(6.0), 1)
    """

    __slots__ = (
        "__weakref__",
        "_array",
        "_number",
        "aggregation",
        "autocast",
        "constraint",
        "name",
        "overwrite_with_gradient",
        "path",
        "regularizer",
        "trainable",
        "version",
    )

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = None,
        synchronization: str = "auto",
        name: str | None = None,
        *,
        path: str = "",
        regularizer: Any = None,
        constraint: Any = None,
    ) -> None:
        name = "variable" if name is None else name
        value = _first(initializer, shape, dtype)
        array = np.asarray(as_array(value, path or name))
        array = array if dtype is None else array.astype(numpy_dtype(str(getattr(dtype, "name", dtype))))
        self._array = _frozen(array) if placeholders_now() else _copied(array, array.dtype)
        self.name = name
        self.path = path or path_of(name)
        self.trainable = trainable
        self.regularizer = regularizer
        self.constraint = constraint
        self.autocast = autocast
        self.aggregation = aggregation or "none"
        self.overwrite_with_gradient = False
        self.version = 0
        self._number = self._next_number()

    @property
    def value(self) -> Array:
        """The array; inside a scope, the value that the scope holds for it."""
        scope = _scope.get()
        if scope is None:
            return self._array
        return scope.read(self)

    @property
    def stamp(self) -> int:
        """The number of the change that made the value what it reads as now; see `base.changes`."""
        scope = _scope.get()
        return self._number if scope is None else scope.stamp(self)

    @staticmethod
    def _next_number() -> int:
        return changes.next()

    @property
    def shape(self) -> TensorShape:
        return tuple.__new__(TensorShape, self._array.shape)  # Sizes of an array need no checks.

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._array.dtype

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return int(self._array.size)

    @property
    def nbytes(self) -> int:
        """How many bytes its array takes."""
        return int(self._array.nbytes)

    def numpy(self) -> np.ndarray:
        """A copy of the value as a NumPy array."""
        return np.array(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype=dtype, copy=copy)

    def __jax_array__(self) -> Array:
        return self.value

    def __getitem__(self, key: Any) -> Array:
        if recording.tapes() and _scope.get() is None:
            return recording.apply(item, as_tensor, self, key=places(key))
        return self.value[key]

    def __neg__(self) -> Array:
        return self * -1 if recording.tapes() else -self.value

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __eq__(self, other: Any) -> Any:
        """Place by place for numbers and arrays; two variables are equal where they are the same one."""
        if other is None or isinstance(other, (Variable, str)):
            return self is other
        return self.value == other

    def __ne__(self, other: Any) -> Any:
        if other is None or isinstance(other, (Variable, str)):
            return self is not other
        return self.value != other

    __hash__ = object.__hash__

    __lt__, _ = _operator("lt")
    __le__, _ = _operator("le")
    __gt__, _ = _operator("gt")
    __ge__, _ = _operator("ge")
    del _

    # NumPy's arrays then leave `x @ variable` to the variable, which gives the traced value where there is one.
    __array_priority__ = 1000

    __add__, __radd__ = _operator("add")
    __sub__, __rsub__ = _operator("sub")
    __mul__, __rmul__ = _operator("mul")
    __truediv__, __rtruediv__ = _operator("truediv")
    __pow__, __rpow__ = _operator("pow")
    __matmul__, __rmatmul__ = _operator("matmul")

    def assign(self, value: Array) -> None:
        """Replace the value, cast to this variable's dtype.

        Raises:
            ValueError: where the shape differs.
            TypeError: where it holds anything but numbers.
        """
        value = as_array(value, self.path)
        found = shape_of(value)
        if found != self.shape:
            raise ValueError(f"{self.path}: expected a value of shape {self.shape}, got {found}.")
        scope = _scope.get()
        if scope is not None:
            scope.write(self, value)
        else:
            commit([(self, value)])

    def assign_add(self, value: Array) -> None:
        """Add to the value, in this variable's dtype.

        >>> total = Variable(np.zeros(2, "float32"), name="total")
        >>> total.assign_add(1.5)
        >>> total.numpy().tolist()
        [1.5, 1.5]
        """
        self.assign(self.value + _like(value, self.value))

    def assign_sub(self, value: Array) -> None:
        """Subtract from the value, in this variable's dtype."""
        self.assign(self.value - _like(value, self.value))

    def _replace(self, array: np.ndarray) -> None:
        """Take the array, which nobody else writes to; `commit` calls this."""
        self._array = array
        self.version += 1
        self._number = self._next_number()

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Variable.__slots__ if name not in ("__weakref__", "_number")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._number = self._next_number()  # Another process counts for itself.
        _frozen(self._array)

    def __repr__(self) -> str:
        return f"<Variable {self.path} shape={self.shape} dtype={self.dtype}>"


class StateVariable(Variable):
    """What a stateful layer carries from call to call: it changes with every call, and nothing is prepared from it."""

    __slots__ = ()

    @staticmethod
    def _next_number() -> int:
        return changes.aside()


first_value: Callable[[Any, Any, Any], Any] | None = None
"""Makes a variable's first value of what is no array, a shape and a dtype; `gatewise.initializers` sets it."""


def _first(initializer: Any, shape: Any, dtype: Any) -> Any:
    """The first value of a variable."""
    if first_value is None or (dtype is None and isinstance(initializer, np.ndarray)):
        return initializer
    return first_value(initializer, shape, dtype)


def _like(value: Any, model: Array) -> Array:
    """The value as an array of its own library, in the model's dtype."""
    value = value.value if isinstance(value, Variable) else value
    own = getattr(value, "__array_namespace__", None)
    return (own() if own else np).asarray(value, dtype=model.dtype)


def _copied(value: Array, dtype: Any) -> np.ndarray:
    return _frozen(np.array(value, dtype=dtype, order="C"))


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


_placeholders_now: ContextVar[bool] = ContextVar("gatewise_placeholders_now", default=False)


@contextmanager
def placeholders() -> Iterator[None]:
    """Inside the block new weights have a shape but take no memory, and no initializer runs.

    For readers of files: the shapes can be compared with what a file holds before anything is read, whatever sizes the
    file claims, and the file's values then take the placeholders' places.

    >>> with placeholders():
    ...     kernel = Variable(placeholder((10**6, 10**6), "float32"), name="kernel")
    >>> kernel.shape, kernel.size
    ((1000000, 1000000), 1000000000000)
    """
    token = _placeholders_now.set(True)
    try:
        yield
    finally:
        _placeholders_now.reset(token)


def placeholders_now() -> bool:
    """Whether new weights are placeholders now."""
    return _placeholders_now.get()


def placeholder(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Zeros of any shape, all of them one number in memory."""
    return np.broadcast_to(np.zeros((), dtype), shape)


class Scope:
    """Reads and writes of variables, held apart from the variables themselves.

    Args:
        values: what a variable reads as, by variable; a variable that is absent reads as itself.
        key: a JAX key for the random numbers of the call, or None.
        pure: whether nothing but the values and the key may have a say: random numbers then need the key.
    """

    def __init__(self, values: Iterable[tuple[Variable, Array]] = (), key: Any = None, *, pure: bool = False) -> None:
        # Keyed by identity; the variable stays in the entry so that its id cannot be taken over.
        self._values: dict[int, tuple[Variable, Array, int]] = {
            id(variable): (variable, value.value if isinstance(value, Variable) else value, changes.aside())
            for variable, value in values
        }
        self._written: set[int] = set()
        self._undo: list[Callable[[], Any]] = []
        self._key = key
        self._pure = pure
        self._keys_given = 0

    def read(self, variable: Variable) -> Array:
        present = variable._array  # Before the look: what replaces it, keeps it here first.
        entry = self._values.get(id(variable))
        return present if entry is None else entry[1]

    def stamp(self, variable: Variable) -> int:
        present = variable._number
        entry = self._values.get(id(variable))
        return present if entry is None else entry[2]

    def keep(self, variable: Variable) -> None:
        """Go on reading the variable as it is now, whatever replaces it."""
        self._values.setdefault(id(variable), (variable, variable._array, variable._number))

    def write(self, variable: Variable, value: Array) -> None:
        self._values[id(variable)] = (variable, value, changes.aside())
        self._written.add(id(variable))

    def written(self) -> list[tuple[Variable, Array]]:
        """The variables assigned inside the scope, with their last values."""
        return [self._values[place][:2] for place in self._written]

    def assignments(self) -> set[tuple[int, int]]:
        """The last assignment of each variable, as numbers: what is new in it was made since."""
        return {(place, self._values[place][2]) for place in self._written}

    def on_error(self, undo: Callable[[], Any]) -> None:
        """Call `undo` where the block fails."""
        self._undo.append(undo)

    def undo(self) -> None:
        """Take back what the block did beside assignments."""
        for step in reversed(self._undo):
            step()

    @contextmanager
    def keys_of_step(self, step: Any) -> Iterator[None]:
        """Inside the block keys are those of one step of a loop, which may be traced; see `at_step`."""
        if self._key is None:
            yield
            return
        import jax

        held = self._key, self._keys_given
        self._key, self._keys_given = jax.random.fold_in(jax.random.fold_in(self._key, self._keys_given), step), 0
        try:
            yield
        finally:
            self._key, self._keys_given = held

    @property
    def has_key(self) -> bool:
        """Whether there is a key for random numbers."""
        return self._key is not None

    def next_key(self) -> Any:
        if self._key is None:
            if self._pure:
                raise ValueError(
                    "A layer draws random numbers (dropout, noise): pass stateless_call a key, such as "
                    "key=jax.random.key(0), and another one at each call."
                )
            return None
        import jax

        self._keys_given += 1
        return jax.random.fold_in(self._key, self._keys_given)


_scope: ContextVar[Scope | None] = ContextVar("gatewise_scope", default=None)


current_scope: Callable[[], Scope | None] = _scope.get
"""The scope that variables are read through now, or None."""


def next_key() -> Any:
    """A fresh JAX key from the scope, or None where there is none."""
    scope = _scope.get()
    return None if scope is None else scope.next_key()


@contextmanager
def at_step(step: Any) -> Iterator[None]:
    """Inside the block random numbers are those of one step of a loop, so that the steps differ where one trace serves
    them all.
    """
    scope = _scope.get()
    if scope is None:
        yield
        return
    with scope.keys_of_step(step):
        yield


@contextmanager
def reading(scope: Scope) -> Iterator[Scope]:
    """Read and write variables through `scope` inside the `with` block."""
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """Collect the block's assignments and make them at its end: an error inside leaves every variable as it was.

    Inside, all variables read as they were at the beginning, whatever other threads assign.
    """
    if _scope.get() is not None:
        yield  # The scope outside decides.
        return
    with steady(Scope()) as scope:
        try:
            yield
        except BaseException:
            scope.undo()
            raise
    commit(scope.written())


@contextmanager
def steady(scope: Scope) -> Iterator[Scope]:
    """`reading`, where what other threads assign meanwhile is not seen."""
    with _committing:
        _under_way.add(scope)
    try:
        with reading(scope):
            yield scope
    finally:
        with _committing:
            _under_way.discard(scope)


def commit(values: Iterable[tuple[Variable, Array]]) -> None:
    """Replace the values of variables, of all at once: no call sees some of the old and some of the new."""
    made = [(variable, _copied(value, variable.dtype)) for variable, value in values]
    if not made:
        return
    with _committing:
        changes.under_way = True
        try:
            for variable, array in made:
                for scope in tuple(_under_way):
                    scope.keep(variable)
                variable._replace(array)
        finally:
            changes.under_way = False


_committing = threading.RLock()  # A signal may come in the middle, and its handler may call a model.
_under_way: set[Scope] = set()
"""The scopes of the calls that are under way, in all threads."""


def _begin_in_child() -> None:
    """After a fork the other threads' calls are not under way here."""
    _under_way.intersection_update({_scope.get()} - {None})
    _committing.release()


# A fork waits for whoever commits, so that no child inherits half of it, or the lock.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_committing.acquire, after_in_parent=_committing.release, after_in_child=_begin_in_child)
