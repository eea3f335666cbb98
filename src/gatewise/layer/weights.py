"""The weights of a layer, and of the layers inside it: made, found, read and replaced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from gatewise import constraints, initializers, regularizers
from gatewise.arguments import Argument, Declared, boolean, optional, text
from gatewise.base.arrays import as_array, shape_of
from gatewise.base.variable import Variable, drawing_only, placeholder
from gatewise.config import config as settings

if TYPE_CHECKING:
    from gatewise.layer.layer import Layer
    from gatewise.layer.symbolic import Node


def dtype_name(value: Any) -> str:
    """The name of a dtype given as a name, a NumPy dtype, or Keras 3's config of a dtype policy."""
    if value is None:
        return settings.floatx
    if isinstance(value, dict):
        value = value.get("config", {}).get("name", value)
    name = value if isinstance(value, str) else getattr(value, "name", None)
    if name in ("mixed_float16", "mixed_bfloat16"):
        # Mixed precision keeps float32 weights; computing in float32 as well is the more exact half of it.
        return "float32"
    try:
        return str(np.dtype(name if name is not None else value).name)
    except TypeError:
        if name == "bfloat16":
            return "bfloat16"
        raise ValueError(f"expected the name of a dtype such as 'float32', got {value!r}.") from None


class Weighted(Declared):
    """What has weights: its own, and those of the layers among its attributes."""

    name: Argument[str | None, str] = Argument(default=None, parse=optional(text), kw_only=True)
    trainable: Argument[bool, bool] = Argument(default=True, parse=boolean, kw_only=True)
    dtype: Argument[Any, str] = Argument(default=None, parse=dtype_name, kw_only=True)

    _unsearched: ClassVar[frozenset[str]] = frozenset()
    """The attributes that are not searched for layers and weights."""

    def _start(self) -> None:
        """Make what tracking needs, before any other attribute; again is harmless."""
        if "_variables" in vars(self):
            return
        self._variables: list[Variable] = []
        self._states: list[Variable] = []
        self._tracked_layers: list[Layer] = []
        self._containers: list[Any] = []
        self._inbound_nodes: list[Node] = []
        self._first_weights: Any = None
        self.built = vars(self).get("built", False)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name not in self._unsearched:
            kept = vars(self).get(name, value)  # What an argument keeps may differ from what it was given.
            if "_containers" in vars(self):
                self._track(self._containers)  # What came into them in the meantime stands before this one.
            found = self._track(kept)
            if isinstance(kept, (list, dict)) and (found or not kept):
                self._start()
                self._containers.append(kept)  # Looked into again later: a program may append to it.
        elif name == "trainable":
            for layer in vars(self).get("_tracked_layers", ()):
                layer.trainable = value

    def _track(self, value: Any) -> bool:
        """Remember the layers and variables among an attribute's value, so that their weights are this layer's.

        Returns:
            Whether there were any.
        """
        if isinstance(value, (Weighted, Variable)):
            self._start()
            kept: list[Any] = self._tracked_layers if isinstance(value, Weighted) else self._variables
            if not any(value is other for other in kept):
                kept.append(value)
            return True
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
        found = False
        for part in parts:
            found = self._track(part) or found
        return found

    @property
    def _sublayers(self) -> list[Layer]:
        """The layers directly inside this one, in the order in which they became attributes."""
        if self._containers:
            self._track(self._containers)
        return self._tracked_layers

    @property
    def label(self) -> str:
        """The class and the name, as errors give them: LSTM 'encoder'."""
        return f"{type(self).__name__} {self.name!r}"

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
        """
        for value, words in zip(args, _WEIGHT_ORDERS[bool(args) and isinstance(args[0], str)], strict=False):
            if words == "name":
                name = value
            elif words == "shape":
                shape = value
            elif words == "initializer":
                initializer = value
            else:
                dtype = value
        kind = dtype_name(dtype if dtype is not None else self.dtype)
        size = () if shape is None else tuple(shape)
        if any(n is None for n in size):
            raise ValueError(f"{self.label}: a weight needs every dimension, but its shape is {size}.")
        initial = initializers.get(
            "glorot_uniform" if initializer is None and kind.startswith(("f", "b")) else initializer or "zeros"
        )
        variable = Variable(
            _materialised(initial, size, kind),
            name=name or "weight",
            path=f"{self.name}/{name or 'weight'}",
            trainable=trainable,
            regularizer=regularizers.get(regularizer),
            constraint=constraints.get(constraint),
        )
        self._variables.append(variable)
        return variable

    def _add_declared(self, name: str, shape: Any, words: str | None = None, initializer: Any = None) -> Variable:
        """Make a weight whose initializer, regularizer and constraint are arguments of the layer.

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
            initializer=initializer or getattr(self, f"{words}_initializer"),
            regularizer=getattr(self, f"{words}_regularizer"),
            constraint=getattr(self, f"{words}_constraint"),
        )

    def add_variable(self, *args: Any, **kwargs: Any) -> Variable:
        """Keras 1's name of `add_weight`."""
        return self.add_weight(*args, **kwargs)

    # -- found --------------------------------------------------------------------------------------------------------

    def _walk(self) -> Iterator[Layer]:
        """This layer and all layers inside it, each once."""
        seen: set[int] = set()
        stack: list[Any] = [self]
        while stack:
            layer = stack.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                stack.extend(reversed(layer._sublayers))

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
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Iterable[Any]) -> None:
        """Replace all weights, in the order of `get_weights`; all of them or, where one does not fit, none.

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
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """How many numbers all weights hold together."""
        if not self.built and not self._variables:
            raise ValueError(f"{self.label} has no weights yet: build it, or call it on data, before counting them.")
        return sum(variable.size for variable in self.weights)


_WEIGHT_ORDERS = {True: ("name", "shape", "dtype", "initializer"), False: ("shape", "initializer", "dtype")}


def _materialised(initializer: Any, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """The first value; a plain callable may take a dtype or not."""
    if drawing_only():
        return placeholder(shape, dtype)
    try:
        return np.asarray(initializer(shape, dtype=dtype), dtype=dtype)
    except TypeError:
        return np.asarray(initializer(shape), dtype=dtype)
