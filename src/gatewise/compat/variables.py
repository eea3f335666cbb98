"""`tf.Variable`, `tf.Module` and `tf.TensorArray`: things that a program changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gatewise.base import structure, variable
from gatewise.base.dtypes import DType, as_dtype
from gatewise.base.names import unique_name
from gatewise.base.tensor_shape import TensorShape
from gatewise.base.tensors import BINARY, Reference, as_tensor, operate, plain
from gatewise.compat.functions import FUNCTIONS
from gatewise.layer import Layer


class _AnyVariable(type):
    """Every variable of Gatewise, a layer's weight too, is an instance of `tf.Variable`."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, variable.Variable)


class Variable(variable.Variable, metaclass=_AnyVariable):
    """A tensor that a program changes.

    Args:
        initial_value: numbers, a tensor, or a function of no arguments that gives them.
        trainable: whether training changes it, and tapes watch it.
        name: by default "Variable".
        dtype: of the numbers; by default Python's floats are float32.
        constraint: applied to the value after a step of training.
        shape: accepted where it is the value's.
        validate_shape, caching_device, variable_def, import_scope, synchronization, aggregation: accepted.

    >>> v = Variable([1.0, 2.0])
    >>> v.assign_add([1.0, 1.0]).numpy().tolist(), v.dtype
    ([2.0, 3.0], tf.float32)
    """

    __slots__ = ()

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        import_scope: Any = None,
        constraint: Any = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
        **_: Any,
    ) -> None:
        value = initial_value() if callable(initial_value) else initial_value
        if value is None:
            raise ValueError("tf.Variable needs an initial value: numbers, or a function that gives them.")
        array = plain(FUNCTIONS["convert_to_tensor"](value, dtype))
        super().__init__(
            array,
            name=f"{name or 'Variable'}:0",
            trainable=trainable is not False,
            constraint=constraint,
        )

    @property
    def shape(self) -> TensorShape:
        """The sizes of its axes."""
        return TensorShape(super().shape)

    @property
    def dtype(self) -> DType:  # type: ignore[override]
        """The dtype of its numbers."""
        return as_dtype(self._array.dtype)

    def get_shape(self) -> TensorShape:
        """`shape`."""
        return self.shape

    def read_value(self) -> Any:
        """The numbers as a tensor."""
        return FUNCTIONS["identity"](self)

    initialized_value = read_value

    def ref(self) -> Any:
        """Something that stands for this variable in sets and as a key."""
        return Reference(self)

    def assign(self, value: Any, use_locking: bool = False, name: Any = None, read_value: bool = True) -> Any:
        """Replace the value.

        Raises:
            ValueError: where the shape differs.
        """
        super().assign(_numbers(value))
        return self

    def assign_add(self, delta: Any, use_locking: bool = False, name: Any = None, read_value: bool = True) -> Any:
        """Add to the value."""
        super().assign_add(_numbers(delta))
        return self

    def assign_sub(self, delta: Any, use_locking: bool = False, name: Any = None, read_value: bool = True) -> Any:
        """Subtract from the value."""
        super().assign_sub(_numbers(delta))
        return self

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        return as_tensor(super().__getitem__(key))

    def __neg__(self) -> Any:
        return operate(BINARY["mul"], self, -1)

    def __abs__(self) -> Any:
        return FUNCTIONS["abs"](self)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.numpy()[()], spec) if spec else str(self)

    def __repr__(self) -> str:
        shown = repr(self.numpy()[()]) if self.shape else str(self.numpy())
        return f"<tf.Variable {self.name!r} shape={self.shape} dtype={self.dtype.name}, numpy={shown}>"


def _numbers(value: Any) -> Any:
    """What a program assigns, as an array: lists and Python's numbers too."""
    return plain(FUNCTIONS["convert_to_tensor"](value))


def _give_operators() -> None:
    """Python's operators: a variable in arithmetic is its value as a tensor."""
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
        setattr(Variable, f"__{name}__", _left(name))
        setattr(Variable, f"__r{name}__", _right(name))
    for name in ("lt", "le", "gt", "ge"):
        setattr(Variable, f"__{name}__", _left(name))


def _left(name: str) -> Callable[[Any, Any], Any]:
    return lambda self, other: operate(BINARY[name], self, other)


def _right(name: str) -> Callable[[Any, Any], Any]:
    return lambda self, other: operate(BINARY[name], other, self)


_give_operators()


class Module:
    """A thing that holds variables, layers and other modules as attributes.

    Args:
        name: by default made of the class's name.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = Variable(2.0)
    >>> len(Scale().trainable_variables)
    1
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name or unique_name(type(self).__name__)

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def variables(self) -> tuple[variable.Variable, ...]:
        """All variables inside, each once."""
        found: dict[int, variable.Variable] = {}
        for thing in self._inside():
            for each in [thing] if isinstance(thing, variable.Variable) else thing.variables:
                found[id(each)] = each
        return tuple(found.values())

    @property
    def trainable_variables(self) -> tuple[variable.Variable, ...]:
        """Those that training changes."""
        return tuple(each for each in self.variables if each.trainable)

    @property
    def submodules(self) -> tuple[Any, ...]:
        """The modules and layers inside."""
        return tuple(thing for thing in self._inside() if not isinstance(thing, variable.Variable))

    def _inside(self) -> list[Any]:
        leaves = structure.flatten([value for name, value in sorted(vars(self).items()) if name != "_name"])
        return [leaf for leaf in leaves if isinstance(leaf, (variable.Variable, Module, Layer))]

    @contextmanager
    def name_scope(self) -> Iterator[None]:
        """A block under the module's name."""
        yield

    @classmethod
    def with_name_scope(cls, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method as it is."""
        return method


class TensorArray:
    """A list of tensors of one dtype, written place by place.

    Args:
        dtype: of the tensors.
        size: how many places there are at first.
        dynamic_size: whether a place beyond may be written.
        element_shape, clear_after_read, infer_shape, tensor_array_name, handle, flow, colocate_with_first_write_call:
            accepted.

    >>> rows = TensorArray("float32", size=2)
    >>> rows = rows.write(0, [1.0]).write(1, [2.0])
    >>> rows.stack().numpy().tolist()
    [[1.0], [2.0]]
    """

    def __init__(self, dtype: Any, size: Any = 0, dynamic_size: bool = False, **_: Any) -> None:
        self.dtype = as_dtype(dtype)
        self.dynamic_size = dynamic_size
        self._rows: list[Any] = [None] * int(size)

    def write(self, index: Any, value: Any, name: Any = None) -> TensorArray:
        """Put a tensor at a place, and give the array.

        Raises:
            ValueError: a place beyond an array whose size is fixed.
        """
        place = int(index)
        if place >= len(self._rows):
            if not self.dynamic_size:
                raise ValueError(
                    f"TensorArray: place {place} was written of {len(self._rows)}: make it with dynamic_size=True."
                )
            self._rows += [None] * (place + 1 - len(self._rows))
        # A tensor stays the very one that it is, for tapes that know it.
        made = value if hasattr(value, "dtype") else FUNCTIONS["convert_to_tensor"](value, dtype_hint=self.dtype)
        self._rows[place] = made
        return self

    def read(self, index: Any, name: Any = None) -> Any:
        """The tensor at a place."""
        found = self._rows[int(index)]
        if found is None:
            raise ValueError(f"TensorArray: nothing was written at place {int(index)}.")
        return found

    def stack(self, name: Any = None) -> Any:
        """All tensors along a new first axis; zeros where nothing was written."""
        written = [row for row in self._rows if row is not None]
        if not written:
            return as_tensor(np.zeros((0,), self.dtype.dtype))
        rows = [FUNCTIONS["zeros_like"](written[0]) if row is None else row for row in self._rows]
        return FUNCTIONS["stack"](rows)

    def concat(self, name: Any = None) -> Any:
        """All tensors one after another."""
        return FUNCTIONS["concat"]([row for row in self._rows if row is not None], axis=0)

    def gather(self, indices: Any, name: Any = None) -> Any:
        """The tensors at some places, along a new first axis."""
        return FUNCTIONS["stack"]([self.read(place) for place in np.asarray(indices)])

    def unstack(self, value: Any, name: Any = None) -> TensorArray:
        """Write the parts of a tensor along its first axis."""
        self._rows = list(FUNCTIONS["unstack"](value))
        return self

    def size(self, name: Any = None) -> Any:
        """How many places there are."""
        return as_tensor(np.asarray(len(self._rows), "int32"))
