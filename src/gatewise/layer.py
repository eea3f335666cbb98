"""The base of all layers: declare the arguments, build the weights, compute, describe.

A layer is written in one of two ways. Gatewise's own declare their arguments as typed fields:

    class Scale(Layer):
        factor: Argument[float, float] = Argument(default=1.0, parse=number)

        def call(self, inputs):
            return inputs * self.factor

A layer in the plain Keras style (`__init__` with `**kwargs`, `build`, `call`, `add_weight`, `get_config`) works the
same.
"""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import numpy as np

from gatewise import arguments, constraints, initializers, masks, regularizers, structure, symbolic
from gatewise.arguments import Argument, boolean, optional, positive, text
from gatewise.arrays import Tensor, as_array, is_floating, namespace, shape_of
from gatewise.config import config as settings
from gatewise.registry import Registry
from gatewise.typing import Array, Config, Shape
from gatewise.variable import Scope, Variable, all_or_nothing, drawing_only, placeholder, reading

if TYPE_CHECKING:
    from typing import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Callable[[type], type]:
        """For type checkers alone; Python 3.10 does not have it."""
        return lambda cls: cls


registered: Registry[type[Layer]] = Registry(kind="layer")
"""Every layer class that configs may name."""

L = TypeVar("L", bound="Layer")

# The training flag of the outermost call, which the layers inside it inherit; None outside any call.
_training: ContextVar[bool | None] = ContextVar("gatewise_training", default=None)

_names = threading.Lock()
building = threading.RLock()
"""Held while weights are made or a model is drawn, as two threads may call a new model at once."""
_name_counts: dict[str, int] = {}


def unique_name(class_name: str) -> str:
    """The next free automatic name of a class: "lstm", then "lstm_1".

    Args:
        class_name: in camel case: "SimpleRNN" gives "simple_rnn", "Conv1D" gives "conv1d".
    """
    stem = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", class_name)).lower()
    with _names:
        count = _name_counts.get(stem, 0)
        _name_counts[stem] = count + 1
    return f"{stem}_{count}" if count else stem


def clear_names() -> None:
    """Start automatic names anew (`keras.backend.clear_session`)."""
    with _names:
        _name_counts.clear()


class InputSpec:
    """What a layer accepts: the number of axes, and sizes of some of them.

    Args:
        ndim, min_ndim, max_ndim: the number of axes, the batch axis included.
        axes: sizes by axis: {-1: 8}.
        shape: a whole shape, None where any size will do.
        dtype: kept for Keras's sake.
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Shape | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        **_: Any,
    ) -> None:
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = dict(axes or {})
        if self.shape is not None:
            self.axes.update({axis: size for axis, size in enumerate(self.shape) if size is not None})

    def complaint(self, shape: Shape) -> str | None:
        """What is wrong with `shape`, as "expected ..., got ...", or None."""
        rank = len(shape)
        if self.ndim is not None and rank != self.ndim:
            return f"expected an input with {self.ndim} axes{self._axes_hint()}, got {rank}: shape {shape}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"expected an input with at least {self.min_ndim} axes, got {rank}: shape {shape}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"expected an input with at most {self.max_ndim} axes, got {rank}: shape {shape}"
        for axis, size in self.axes.items():
            if size is not None and -rank <= axis < rank and shape[axis] not in (size, None):
                return f"expected size {size} on axis {axis} of the input, got {shape[axis]}: shape {shape}"
        return None

    def _axes_hint(self) -> str:
        return {2: " (batch, features)", 3: " (batch, time, features)"}.get(self.ndim or 0, "")

    def __repr__(self) -> str:
        return f"InputSpec(ndim={self.ndim}, min_ndim={self.min_ndim}, axes={self.axes})"


def _dtype_name(value: Any) -> str:
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


def _batch_shape(value: Any) -> Shape | None:
    if value is None or (isinstance(value, (list, tuple)) and value and isinstance(value[0], (list, tuple))):
        return None  # Keras wrote a list of shapes for layers with several inputs; nothing reads it.
    return arguments.shape(value)


class _CallSignature:
    """The parameters of a layer's `call`.

    Attributes:
        positional: their names in order, without `self`.
        accepted: those that may come by keyword, and "training" where `call` takes any keyword.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        parameters = list(inspect.signature(call).parameters.values())
        names = {parameter.name for parameter in parameters}
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            names.add("training")
        self.accepted = frozenset(names)
        self.positional = tuple(
            p.name for p in parameters[1:] if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        )


def _whole(build: Callable[..., None]) -> Callable[..., None]:
    """A class's `build`, after which the layer is built and has the weights that its constructor was given."""

    @wraps(build)
    def build_whole(self: Layer, *args: Any, **kwargs: Any) -> None:
        if vars(self).get("_in_build"):  # From a subclass's build.
            build(self, *args, **kwargs)
            return
        with building:
            vars(self)["_in_build"] = True
            before = len(self._variables)
            try:
                build(self, *args, **kwargs)
                vars(self)["built"] = True
                if self._first_weights is not None:
                    self.set_weights(self._first_weights)
                    self._first_weights = None
            except BaseException:
                del self._variables[before:]  # The next try must not add to them.
                vars(self)["built"] = False
                raise
            finally:
                del vars(self)["_in_build"]

    return build_whole


@dataclass_transform(field_specifiers=(Argument,))
class Declared:
    """A root for `Layer`, so that type checkers count the arguments that `Layer` itself declares."""


class Layer(Declared):
    """What every layer is.

    Args:
        name: by default the class's name in snake case, with a number from the second one on.
        trainable: whether training changes the weights.
        dtype: of weights and computation, by default `gatewise.config.floatx`.
        activity_regularizer: adds to the loss from the layer's output in training.
        input_shape, batch_input_shape (or batch_shape), batch_size: the shape of the input, without and with the
        batch axis,
            for a layer that comes first in a `Sequential`.
        input_dim, input_length: the same in Keras 1's words: the last axis, and the one before it.
        weights: the first values of the weights, in the order of `get_weights`.
    """

    _arguments: ClassVar[dict[str, Argument[Any, Any]]] = {}
    _call_signature: ClassVar[_CallSignature]

    autocast = True
    """Whether floating inputs are cast to the layer's dtype."""
    casts_integers: ClassVar[bool] = False
    """Whether integer inputs are cast too: True for layers that multiply by weights."""
    keeps_dtype: ClassVar[bool] = False
    """Whether a symbolic output has the input's dtype rather than the layer's."""
    supports_masking = False
    """Whether the input's mask travels on to the output."""
    input_spec = cast(Any, None)  # Not annotated: it is no argument.

    name: Argument[str | None, str] = Argument(default=None, parse=optional(text), kw_only=True)
    trainable: Argument[bool, bool] = Argument(default=True, parse=boolean, kw_only=True)
    dtype: Argument[Any, str] = Argument(default=None, parse=_dtype_name, kw_only=True)
    activity_regularizer: Argument[Any, Any] = Argument(
        default=None, parse=regularizers.get, serialize=regularizers.serialize, kw_only=True
    )
    input_shape: Argument[Any, Any] = Argument(
        default=None, parse=optional(arguments.shape), kw_only=True, in_config=False
    )
    batch_input_shape: Argument[Any, Any] = Argument(default=None, parse=_batch_shape, kw_only=True, in_config=False)
    batch_shape: Argument[Any, Any] = Argument(default=None, parse=_batch_shape, kw_only=True, in_config=False)
    batch_size: Argument[int | None, int | None] = Argument(
        default=None, parse=optional(positive), kw_only=True, in_config=False
    )
    input_dim: Argument[Any, Any] = Argument(default=None, parse=optional(positive), kw_only=True, in_config=False)
    input_length: Argument[Any, Any] = Argument(default=None, parse=optional(positive), kw_only=True, in_config=False)

    _build_is_whole: ClassVar[bool] = True
    """Whether the layer is built when `build` returns; a model may still wait for a shape."""

    makes_mask = False
    """Whether the output has a mask that the input did not bring."""
    plain_call: ClassVar[bool] = False
    """Whether `call`, on an array in the layer's dtype and without a mask, is all that inference takes."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declared = [
            value for base in reversed(cls.__mro__) for value in vars(base).values() if isinstance(value, Argument)
        ]
        cls._arguments = arguments.ordered(declared)
        if cls._build_is_whole and "build" in vars(cls):
            cls.build = _whole(cls.build)  # type: ignore[method-assign]

    def __init__(self, *args: Any, weights: list[Any] | None = None, **kwargs: Any) -> None:
        self._start()
        label = type(self).__name__
        early = set(vars(self)) - set(kwargs)  # A subclass may set attributes before it calls this constructor.
        for name, value in arguments.bind(label, self._arguments, args, kwargs).items():
            if name not in early:
                setattr(self, name, value)
        if not vars(self).get("name"):
            self.name = unique_name(label)
        self._given_input_dim = kwargs.get("input_dim")
        self._first_weights: Any = weights

    def _start(self) -> None:
        """Make what tracking needs, before any other attribute; again is harmless."""
        if "_variables" in vars(self):
            return
        self._variables: list[Variable] = []
        self._states: list[Variable] = []
        self._tracked_layers: list[Layer] = []
        self._containers: list[Any] = []
        self._inbound_nodes: list[symbolic.Node] = []
        self._first_weights = None
        self.built = vars(self).get("built", False)

    _prepared: ClassVar[dict[str, Any]] = {}
    """The attributes that hold what is made from the weights, and their first values: copies and pickles begin anew."""

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | self._prepared

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name not in _BOOKKEEPING:
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
        if isinstance(value, (Layer, Variable)):
            self._start()
            kept: list[Any] = self._tracked_layers if isinstance(value, Layer) else self._variables
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

    def __repr__(self) -> str:
        shown = {k: v for k, v in self._own_config().items() if v != self._plain_default(k)}
        parts = [f"{k}={v!r}" for k, v in shown.items()] + [f"name={self.name!r}"]
        return f"{type(self).__name__}({', '.join(parts)})"

    def _plain_default(self, name: str) -> Any:
        argument = self._arguments[name]
        if argument.default is arguments.REQUIRED:
            return arguments.REQUIRED
        return argument.serialize(argument.parse(argument.default))

    # -- building ---------------------------------------------------------------------------------------------------

    @property
    def declared_input_shape(self) -> Shape | None:
        """The input's shape with the batch axis, from whichever arguments gave it, or None."""
        if self.batch_input_shape is not None or self.batch_shape is not None:
            return self.batch_input_shape if self.batch_input_shape is not None else self.batch_shape  # type: ignore[no-any-return]
        if self.input_shape is not None:
            return (self.batch_size, *self.input_shape)
        return self._shape_in_old_words()

    def _shape_in_old_words(self) -> Shape | None:
        # The constructor's argument, and not what a subclass may keep under the same name.
        if self._given_input_dim is None:
            return None
        length = () if not self._has_time_axis else (self.input_length,)
        return (self.batch_size, *length, arguments.positive(self._given_input_dim))

    _has_time_axis: ClassVar[bool] = False
    """Whether `input_dim` alone means (time, features) inputs: recurrent and one-dimensional convolutional layers."""

    def build(self, input_shape: Any) -> None:
        """Make the weights, for inputs of `input_shape`; overridden by layers that have any."""

    def _build_once(self, input_shape: Any) -> None:
        if not self.built:
            with building:
                if not self.built:
                    self.build(input_shape)

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
        kind = _dtype_name(dtype if dtype is not None else self.dtype)
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

    def add_variable(self, *args: Any, **kwargs: Any) -> Variable:
        """Keras 1's name of `add_weight`."""
        return self.add_weight(*args, **kwargs)

    # -- weights ----------------------------------------------------------------------------------------------------

    def _walk(self) -> Iterator[Layer]:
        """This layer and all layers inside it, each once."""
        seen: set[int] = set()
        stack: list[Layer] = [self]
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

    # -- computing --------------------------------------------------------------------------------------------------

    def call(self, inputs: Any) -> Any:
        """Compute the outputs from arrays; every layer overrides this."""
        raise TypeError(f"{type(self).__name__} does not define `call(self, inputs)`, which computes its output.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute on arrays, or draw a functional model when called on symbolic tensors.

        Returns:
            Arrays (`gatewise.Tensor`, a `numpy.ndarray` with `.numpy()`, from a call outside any other; JAX arrays from
            JAX arrays), or symbolic tensors.
        """
        if len(args) > 1:
            args = self._by_name(args, kwargs)
        if symbolic.any_symbolic((args, kwargs)):
            return self._connect(args, kwargs)
        if _training.get() is not None:
            return self._compute(args, kwargs)
        token = _training.set(bool(kwargs.get("training") or False))
        try:
            # Infinity in is NaN out, as everywhere; NumPy's warning would name no layer and help nobody.
            with all_or_nothing(), np.errstate(all="ignore"):
                outputs = self._compute(args, kwargs)
        finally:
            _training.reset(token)
        return structure.map_structure(as_tensor, outputs)

    def _compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = kwargs.get("training")
        if given is None or bool(given) == _training.get():
            return self._compute_here(args, kwargs)
        # An explicit flag holds for the layers inside as well.
        token = _training.set(bool(given))
        try:
            return self._compute_here(args, kwargs)
        finally:
            _training.reset(token)

    def _compute_here(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        inputs, rest = self._main_input(args, kwargs)
        inputs = self._converted(inputs)
        shapes = structure.map_structure(shape_of, inputs)
        self._check(shapes)
        self._build_once(shapes)
        carried = structure.map_structure(masks.of, inputs)
        mask = self._resolve_mask(inputs, carried, kwargs)
        if "training" in self._call_takes().accepted:
            kwargs["training"] = self._resolve_training(kwargs.get("training"))
        else:
            kwargs.pop("training", None)
        return self._with_masks(inputs, self.call(inputs, *rest, **kwargs), mask)

    def inference(self) -> Callable[[Array], Any] | None:
        """A function that computes the output for a NumPy array in the layer's dtype that has been checked and has no
        mask, at inference; None where only the general call will do. It holds until a weight or an argument changes.
        """
        ours = type(self).call.__module__.startswith("gatewise.")
        return self.call if self.plain_call and ours else None

    @classmethod
    def _call_takes(cls) -> _CallSignature:
        """What `call` takes; found when first asked for, as most classes are never called."""
        if "_call_signature" not in vars(cls):
            cls._call_signature = _CallSignature(cls.call)
        return cls._call_signature

    def _by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """Move the arguments after the input into `kwargs`, where `call` names them."""
        names = self._call_takes().positional[1:]
        for name, value in zip(names, args[1:], strict=False):
            if name in kwargs:
                raise TypeError(f"{self.label} got two values for {name!r}.")
            kwargs[name] = value
        return args[:1] + args[1 + len(names) :]

    def _main_input(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, tuple[Any, ...]]:
        name = self._call_takes().positional[0]
        inputs, rest = (args[0], args[1:]) if args else (kwargs.pop(name, None), ())
        if inputs is None:
            raise TypeError(f"{self.label} was called without an input.")
        return inputs, rest

    def _converted(self, inputs: Any) -> Any:
        """The inputs as arrays in the dtype that the layer computes in."""
        if isinstance(inputs, (list, tuple)) and inputs and all(map(_is_number, structure.flatten(inputs))):
            inputs = np.asarray(as_array(inputs, f"The input of {self.label}"))

        def convert(leaf: Any) -> Any:
            if leaf is None:
                return None
            array = as_array(leaf, f"The input of {self.label}")
            return self._cast(array) if self.autocast else array

        return structure.map_structure(convert, inputs)

    def _cast(self, array: Array) -> Array:
        if array.dtype.name == self.dtype or not (self.casts_integers or is_floating(array)):
            return array
        mask = masks.of(array)
        cast = namespace(array).astype(array, _dtype_of(array, self.dtype))
        masks.attach(cast, mask)
        return cast

    def _check(self, shapes: Any) -> None:
        """Raise ValueError where the inputs' shapes do not fit `input_spec`."""
        if self.input_spec is None:
            return
        given = structure.flatten(shapes, leaf=structure.is_shape)
        specs = structure.flatten(self.input_spec)
        if len(specs) > 1 and len(given) != len(specs):
            raise ValueError(f"{self.label}: expected {len(specs)} inputs, got {len(given)}.")
        for shape, spec in zip(given, specs, strict=False):
            if spec is not None and (complaint := spec.complaint(tuple(shape))):
                raise ValueError(f"{self.label}: {complaint}.")

    def _resolve_mask(self, inputs: Any, carried: Any, kwargs: dict[str, Any]) -> Any:
        """The mask of the call: the one passed, else the one that travelled with the input; in `kwargs` if `call`
        takes it.
        """
        mask = kwargs.get("mask")
        if mask is None:
            mask = carried if any(m is not None for m in structure.flatten(carried)) else None
        elif not structure.is_nested(mask) or not structure.is_nested(inputs):
            mask = self._checked_mask(mask)
        if "mask" in self._call_takes().accepted:
            kwargs["mask"] = mask
        else:
            kwargs.pop("mask", None)
        return mask

    def _checked_mask(self, mask: Any) -> Array:
        array = as_array(mask, f"The mask of {self.label}")
        return array if array.dtype.kind == "b" else array != 0

    @staticmethod
    def _resolve_training(given: Any) -> bool:
        return bool(_training.get()) if given is None else bool(given)

    def _with_masks(self, inputs: Any, outputs: Any, mask: Any) -> Any:
        """The outputs, each carrying the mask that `compute_mask` gives it."""
        if type(self).compute_mask is Layer.compute_mask and (mask is None or not self.supports_masking):
            if mask is None or self._sublayers:
                return outputs
            made: Any = None
        else:
            made = self.compute_mask(inputs, mask)
        leaves = structure.flatten(outputs)
        own = list(made) if isinstance(made, (list, tuple)) else [made]
        own += [None] * (len(leaves) - len(own))
        return structure.rebuild(outputs, iter([masks.carrying(*pair) for pair in zip(leaves, own, strict=False)]))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the output, from the inputs and their mask; None where it ends here."""
        return mask if self.supports_masking else None

    def stateless_call(
        self,
        trainable_variables: list[Array],
        non_trainable_variables: list[Array],
        *args: Any,
        key: Any = None,
        **kwargs: Any,
    ) -> tuple[Any, list[Array]]:
        """The layer as a pure function, for `jax.jit` and `jax.grad`.

        Args:
            trainable_variables: values for `self.trainable_variables`, in that order.
            non_trainable_variables: values for `self.non_trainable_variables`.
            args, kwargs: what the layer is called with.
            key: a JAX key for dropout; needed when `training=True` and the layer draws random numbers.

        Returns:
            The outputs, and the new values of the non-trainable variables. Nothing in the layer changes.
        """
        from gatewise.pure import stateless_call

        return stateless_call(self, trainable_variables, non_trainable_variables, args, kwargs, key)

    # -- drawing ----------------------------------------------------------------------------------------------------

    def _connect(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record a call on symbolic tensors, after the checks that need no data."""
        inputs = args[0] if args else kwargs[self._call_takes().positional[0]]
        stray = [leaf for leaf in structure.flatten(inputs) if not isinstance(leaf, symbolic.SymbolicTensor)]
        if stray and not all(_is_arraylike(leaf) for leaf in stray):
            raise TypeError(f"{self.label}: expected symbolic tensors or arrays as inputs, got {stray[0]!r}.")
        shapes = structure.map_structure(shape_of, inputs)
        self._check(shapes)
        self._build_once(shapes)
        node = symbolic.Node(self, args, kwargs)
        node.set_outputs(self._output_shapes(shapes, args, kwargs), self._output_dtype(inputs))
        self._inbound_nodes.append(node)
        return node.outputs

    def _output_shapes(self, shapes: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if type(self).compute_output_shape is not Layer.compute_output_shape:
            return self.compute_output_shape(shapes)
        return _shapes_by_example(self, args, kwargs)

    def _output_dtype(self, inputs: Any) -> str:
        if self.keeps_dtype and (leaves := structure.flatten(inputs)):
            return getattr(leaves[0].dtype, "name", leaves[0].dtype)  # type: ignore[no-any-return]
        return self.dtype

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape (or structure of shapes) for an input's; both with the batch axis."""
        spec = structure.map_structure(
            lambda shape: symbolic.SymbolicTensor(tuple(shape), self.dtype, "example"),
            input_shape,
            leaf=structure.is_shape,
        )
        return _shapes_by_example(self, (spec,), {})

    @property
    def input(self) -> Any:
        """The symbolic tensors that the layer was called on, where it was called once."""
        return self._only_node().args[0]

    @property
    def output(self) -> Any:
        """The symbolic tensors that the layer gave, where it was called once."""
        return self._only_node().outputs

    def _only_node(self) -> symbolic.Node:
        if len(self._inbound_nodes) != 1:
            raise AttributeError(
                f"{self.label} was called on symbolic tensors {len(self._inbound_nodes)} times: "
                "`input` and `output` need exactly one call."
            )
        return self._inbound_nodes[0]

    @property
    def output_shape(self) -> Any:
        """The shape of `output`."""
        return structure.map_structure(shape_of, self.output)

    # -- configs ----------------------------------------------------------------------------------------------------

    def _own_config(self) -> Config:
        return {
            name: argument.serialize(getattr(self, name))
            for name, argument in self._arguments.items()
            if name not in Layer._base_config and argument.written(getattr(self, name))
        }

    _base_config: ClassVar[tuple[str, ...]] = ("name", "trainable", "dtype")

    def get_config(self) -> Config:
        """The arguments that would make this layer again, as plain values.

        A class with a constructor of its own overrides this; where it does not, its arguments are looked for among the
        attributes.

        Raises:
            ValueError: an argument of such a class that is not kept as an attribute of that name, or is not plain.
        """
        own = self._own_config()
        if own.get("activity_regularizer", 0) is None and not self._declares("activity_regularizer"):
            del own["activity_regularizer"]
        config = {name: getattr(self, name) for name in self._base_config} | own
        if type(self).get_config is Layer.get_config and not _takes_declared(type(self).__init__):
            config |= {name: self._plain_attribute(name) for name in _named(type(self).__init__) if name not in config}
        return config

    def _plain_attribute(self, name: str) -> Any:
        value = getattr(self, name, self)
        if all(isinstance(leaf, (str, int, float, type(None))) for leaf in structure.flatten(value)):
            return value
        raise ValueError(
            f"{self.label} cannot be saved: its argument {name!r} is not kept as an attribute of plain values. "
            f"Define get_config in {type(self).__name__}, and have it return all that the constructor takes."
        )

    def _declares(self, name: str) -> bool:
        return self._arguments[name] is not Layer.__dict__[name]

    @classmethod
    def from_config(cls: type[L], config: Config) -> L:
        """Make a layer from what `get_config` gave, or from what any Keras wrote.

        A value that this layer has no argument for is passed over where it says "off" (None or False), as other
        versions' configs are full of such, and is an error otherwise.
        """
        config = cls.modernized(dict(config))
        if _takes_declared(cls.__init__):
            known = cls._arguments
            config = {k: v for k, v in config.items() if k in known or not (v is None or v is False)}
        elif not any(p.kind is p.VAR_KEYWORD for p in inspect.signature(cls.__init__).parameters.values()):
            named = _named(cls.__init__)
            config = {k: v for k, v in config.items() if k in named or k not in cls._base_config}
        return cls(**config)

    @classmethod
    def modernized(cls, config: Config) -> Config:
        """The config with the words of older and newer Keras versions put into this class's; overridden by layers."""
        config.pop("autocast", None)
        return config


Layer.build = _whole(Layer.build)  # type: ignore[method-assign]
Layer._arguments = arguments.ordered(value for value in vars(Layer).values() if isinstance(value, Argument))

# What a layer keeps for itself, and is not searched for layers and weights.
_BOOKKEEPING = frozenset(
    (*Layer._arguments, "built", "_variables", "_states", "_tracked_layers", "_containers", "_inbound_nodes", "_op",
     "_graph", "_start_tensor", "_end_tensors", "_planned", "_first_weights", "_seeds", "input_spec")
)  # fmt: skip

_WEIGHT_ORDERS = {True: ("name", "shape", "dtype", "initializer"), False: ("shape", "initializer", "dtype")}


def _named(constructor: Callable[..., None]) -> list[str]:
    """The parameters that a constructor names, without `self`."""
    parameters = list(inspect.signature(constructor).parameters.values())[1:]
    return [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _takes_declared(constructor: Callable[..., None]) -> bool:
    """Whether a constructor passes on what it is given, so that the declared arguments are all that it takes."""
    return any(
        parameter.kind is parameter.VAR_POSITIONAL for parameter in inspect.signature(constructor).parameters.values()
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, np.ndarray)


def _is_arraylike(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def inside_a_call() -> bool:
    """Whether a layer is being called on arrays now, in this thread or task."""
    return _training.get() is not None


def as_tensor(value: Any) -> Any:
    """A NumPy array as a `Tensor`, its mask with it; anything else as it is."""
    if type(value) is not np.ndarray:
        return value
    view = value.view(Tensor)
    masks.attach(view, masks.of(value))
    return view


def _dtype_of(array: Array, name: str) -> Any:
    """The dtype object called `name` in the array's library."""
    xp = namespace(array)
    if not hasattr(xp, name):
        raise TypeError(f"{xp.__name__} has no dtype {name}: pass JAX arrays, or give the layer dtype='float32'.")
    return getattr(xp, name)


def _materialised(initializer: Any, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """The first value; a plain callable may take a dtype or not."""
    if drawing_only():
        return placeholder(shape, dtype)
    try:
        return np.asarray(initializer(shape, dtype=dtype), dtype=dtype)
    except TypeError:
        return np.asarray(initializer(shape), dtype=dtype)


def _shapes_by_example(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Find a layer's output shapes by running it on zeros, twice, with other sizes for the unknown axes.

    A size that differs between the two runs is unknown. This serves layers that do not define `compute_output_shape`.
    """

    def run(size: int) -> Any:
        def example(leaf: Any) -> Any:
            if not isinstance(leaf, symbolic.SymbolicTensor):
                return leaf
            return np.zeros([size if n is None else n for n in leaf.shape], dtype=leaf.dtype)

        token = _training.set(False)
        try:
            with reading(Scope()) as scope:
                try:
                    outputs = layer._compute(*structure.map_structure(example, (args, dict(kwargs))))
                finally:
                    scope.undo()
        finally:
            _training.reset(token)
        return structure.map_structure(shape_of, outputs)

    small, large = run(2), run(3)
    sizes = zip(
        structure.flatten(small, leaf=structure.is_shape),
        structure.flatten(large, leaf=structure.is_shape),
        strict=True,
    )
    merged = [tuple(a if a == b else None for a, b in zip(*pair, strict=True)) for pair in sizes]
    return structure.rebuild(small, iter(merged), leaf=structure.is_shape)
