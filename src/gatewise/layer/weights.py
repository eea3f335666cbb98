"""The weights of a layer, and of the layers inside it: made, found, read and replaced."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from gatewise import constraints, initializers, regularizers
from gatewise.base import release
from gatewise.base.arrays import as_array, numpy_dtype, shape_of
from gatewise.base.variable import Variable, all_or_nothing, placeholder, placeholders_now
from gatewise.layer.calls import building_now, inside_a_call
from gatewise.layer.tracking import Tracked, dtype_name


class Weighted(Tracked):
    """What has weights: its own, and those of the layers among its attributes."""

    # -- made ---------------------------------------------------------------------------------------------------------

    def add_weight(
        self,
        *args: Any,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
        **_: Any,
    ) -> Variable:
        """Make a weight. Keras 2's order of arguments (name, shape, ...) and Keras 3's (shape, initializer, ...) both
        work.

        Args:
            shape: of the weight; () by default.
            initializer: a name, object or callable; glorot_uniform for floating weights by default.
            dtype: by default the layer's.
            trainable: whether training changes it.
            regularizer, constraint: names, objects or callables.
            name: "weight" by default.

        Raises:
            ValueError: inside `call` (Keras 2 allowed it, and so it is in its meaning); fractions drawn at random for a
                dtype of whole numbers, an open shape, or one beyond all memory.
        """
        if inside_a_call() and not building_now() and release.current() == "keras3":
            raise ValueError(
                f"{self.label} cannot make the weight {name or (args[0] if args else 'weight')!r} inside `call`, where "
                "the state of layers is fixed: make it in `build` or in the constructor."
            )
        order = _WEIGHT_ORDERS[bool(args) and isinstance(args[0], str)]
        if len(args) > len(order):
            raise TypeError(f"{self.label}: add_weight takes {', '.join(order)} by place, but {len(args)} values came.")
        for value, words in zip(args, order, strict=False):
            if words == "name":
                name = value
            elif words == "shape":
                if shape is not None:
                    raise ValueError(f"{self.label}: add_weight got two values for 'shape': {value!r} and {shape!r}.")
                shape = value
            elif words == "initializer":
                initializer = value
            else:
                dtype = value
        kind = dtype_name(dtype if dtype is not None else self.dtype)
        size = () if shape is None else tuple(shape)
        if any(n is None for n in size):
            raise ValueError(f"{self.label}: a weight needs every dimension, but its shape is {size}.")
        if (taken := math.prod(size) * _item_size(kind)) > _MOST_BYTES:
            raise ValueError(
                f"{self.label}: the weight {name or 'weight'!r} of the shape {size} would take {taken} bytes, more "
                "than a machine can address. Check the layer's sizes."
            )
        floating = kind.startswith("float") or kind == "bfloat16"
        initial = initializers.get("glorot_uniform" if initializer is None and floating else initializer or "zeros")
        if not floating and getattr(initial, "gives_fractions", False):
            raise ValueError(
                f"{self.label}: {type(initial).__name__} draws fractions for the weight {name or 'weight'!r}, which "
                f"{kind} cannot hold. Give a floating dtype: dtype='float32'."
            )
        variable = Variable(
            _materialised(initial, size, kind, f"{self.label}, {name or 'weight'!r}"),
            name=name or "weight",
            path=f"{self.name}/{name or 'weight'}",
            trainable=trainable,
            regularizer=regularizers.get(regularizer),
            constraint=constraints.get(constraint),
        )
        self._variables.append(variable)
        return variable

    def _add_declared(self, name: str, shape: Any, words: str | None = None, initializer: Any = None) -> Variable:
        """Make a weight whose initializer, regularizer and constraint are arguments of the layer, where it has them.

        Args:
            name: of the weight.
            shape: of the weight.
            words: with which these arguments' names begin, where that is not `name`.
            initializer: in place of the argument.
        """
        words = words or name
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer or getattr(self, f"{words}_initializer", None),
            regularizer=getattr(self, f"{words}_regularizer", None),
            constraint=getattr(self, f"{words}_constraint", None),
        )

    def add_variable(self, *args: Any, **kwargs: Any) -> Variable:
        """Keras 1's name of `add_weight`."""
        return self.add_weight(*args, **kwargs)

    # -- found --------------------------------------------------------------------------------------------------------

    def _own(self, trainable: bool) -> list[Variable]:
        return [v for v in self.weights if v.trainable == trainable]

    @property
    def weights(self) -> list[Variable]:
        """All weights: each layer's trainable ones, then its others (moving averages)."""
        found = {
            id(v): v
            for layer in self._walk()
            for flag in (True, False)
            for v in layer._variables
            if v.trainable == flag
        }
        return list(found.values())  # A weight that two layers share counts once.

    @property
    def variables(self) -> list[Variable]:
        """All weights, and the states of stateful layers."""
        return self.weights + self.state_variables

    @property
    def state_variables(self) -> list[Variable]:
        """What stateful layers carry from call to call."""
        return [v for layer in self._walk() for v in layer._states]

    def get_states(self) -> list[np.ndarray]:
        """Copies of what stateful layers carry from call to call, as plain arrays (B, ...) in the order of the layers.

        >>> import gatewise as gw
        >>> model = gw.Sequential([gw.Input(batch_shape=(2, 5, 4)), gw.layers.LSTM(3, stateful=True)])
        >>> kept = model.get_states()
        >>> _ = model.predict(np.ones((2, 5, 4)))
        >>> model.set_states(kept)
        >>> [float(abs(state).max()) for state in model.get_states()]
        [0.0, 0.0]
        """
        with all_or_nothing():  # Of one moment, as weights are.
            return [variable.numpy() for variable in self.state_variables]

    def set_states(self, states: Iterable[Any]) -> None:
        """Set what stateful layers carry, in the order of `get_states`; all of it, or nothing where some does not fit.

        Raises:
            ValueError: a wrong number of arrays, or a wrong shape.
        """
        variables = self.state_variables
        values = [as_array(value, f"A state for {self.label}") for value in states]
        if [shape_of(value) for value in values] != [variable.shape for variable in variables]:
            raise ValueError(
                f"{self.label} carries states of the shapes {[v.shape for v in variables]}, but "
                f"{[shape_of(value) for value in values]} came."
            )
        with all_or_nothing():
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    @property
    def trainable_variables(self) -> list[Variable]:
        """The weights that training changes: none of a layer whose `trainable` is False."""
        frozen = {id(v) for layer in self._walk() if not layer.trainable for v in layer._own(True)}
        return [v for v in self._own(True) if id(v) not in frozen]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """Everything else that a pure function of the layer takes: the other weights, and the states."""
        changing = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in changing]

    trainable_weights = trainable_variables

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        changing = {id(v) for v in self.trainable_variables}
        return [v for v in self.weights if id(v) not in changing]

    # -- read and replaced --------------------------------------------------------------------------------------------

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights, as a list of NumPy arrays."""
        with all_or_nothing():  # Of one moment, whoever sets them meanwhile.
            return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Iterable[Any]) -> None:
        """Replace all weights, in the order of `get_weights`; all of them or, where one does not fit, none.

        They change at once: a call that is under way in another thread computes with the old ones to its end.

        Raises:
            ValueError: a wrong number of arrays, or a wrong shape; the message names the weight.
            TypeError: arrays of anything but numbers.
        """
        variables = self.weights
        values = [as_array(value, f"A weight for {self.label}") for value in weights]
        if len(values) != len(variables):
            hint = "" if self.built else " It is not built yet: call it on data, or build it, first."
            raise ValueError(
                f"{self.label} has {len(variables)} weights, but {len(values)} arrays came.{hint} "
                f"Expected shapes: {[v.shape for v in variables]}."
            )
        for variable, value in zip(variables, values, strict=True):
            if variable.shape != shape_of(value):
                raise ValueError(
                    f"{self.label}: weight {variable.path!r} has shape {variable.shape}, got {shape_of(value)}."
                )
        with all_or_nothing():
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def count_params(self) -> int:
        """How many numbers all weights hold together."""
        if not self.built and not self._variables:
            raise ValueError(f"{self.label} has no weights yet: build it, or call it on data, before counting them.")
        return sum(variable.size for variable in self.weights)


_MOST_BYTES = 2**63 - 1


def _item_size(dtype: str) -> int:
    """The bytes of a number; NumPy knows all dtypes but bfloat16, which has two."""
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


_WEIGHT_ORDERS = {True: ("name", "shape", "dtype", "initializer"), False: ("shape", "initializer", "dtype")}


def _materialised(initializer: Any, shape: tuple[int, ...], dtype: str, path: str) -> np.ndarray:
    """The first value of the weight that errors call `path`; a plain callable may take a dtype or not."""
    if placeholders_now():
        return placeholder(shape, dtype)
    try:
        return np.asarray(initializer(shape, dtype=dtype), dtype=numpy_dtype(dtype))
    except TypeError:
        return np.asarray(initializer(shape), dtype=numpy_dtype(dtype))
    except MemoryError as error:
        raise MemoryError(f"{path}: there is not enough memory for a weight of the shape {shape}. {error}") from None
