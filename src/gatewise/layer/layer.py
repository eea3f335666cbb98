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

import threading
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, ClassVar, TypeVar

import numpy as np

from gatewise import arguments, regularizers
from gatewise.arguments import Argument, optional, positive
from gatewise.base import masks, structure
from gatewise.base.arrays import Tensor, as_array, is_floating, namespace, shape_of
from gatewise.base.names import unique_name
from gatewise.base.registry import Registry
from gatewise.base.typing import Array, Config, Shape
from gatewise.base.variable import Scope, all_or_nothing, reading
from gatewise.layer import drawing, signatures, symbolic
from gatewise.layer.facts import Facts
from gatewise.layer.weights import Weighted

registered: Registry[type[Layer]] = Registry(kind="layer")
"""Every layer class that configs may name."""

L = TypeVar("L", bound="Layer")

# The training flag of the outermost call, which the layers inside it inherit; None outside any call.
_training: ContextVar[bool | None] = ContextVar("gatewise_training", default=None)

building = threading.RLock()
"""Held while weights are made or a model is drawn, as two threads may call a new model at once."""


def _batch_shape(value: Any) -> Shape | None:
    if value is None or (isinstance(value, (list, tuple)) and value and isinstance(value[0], (list, tuple))):
        return None  # Keras wrote a list of shapes for layers with several inputs; nothing reads it.
    return arguments.shape(value)


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


class Layer(Facts, Weighted):
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

    _call_signature: ClassVar[signatures.CallSignature]

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

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls._build_is_whole and "build" in vars(cls):
            cls.build = _whole(cls.build)  # type: ignore[method-assign]

    def __init__(self, *args: Any, weights: list[Any] | None = None, **kwargs: Any) -> None:
        self._start()
        label = type(self).__name__
        early = set(vars(self)) - set(kwargs)  # A subclass may set attributes before it calls this constructor.
        bound = arguments.bind(label, self._arguments, args, kwargs) | self._fixed
        for name, value in bound.items():
            if name not in early:
                setattr(self, name, value)
        if not vars(self).get("name"):
            self.name = unique_name(label)
        self._given_input_dim = kwargs.get("input_dim")
        self._first_weights = weights

    _prepared: ClassVar[dict[str, Any]] = {}
    """The attributes that hold what is made from the weights, and their first values: copies and pickles begin anew."""

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | self._prepared

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
        length = () if not self.has_time_axis else (self.input_length,)
        return (self.batch_size, *length, arguments.positive(self._given_input_dim))

    def build(self, input_shape: Any) -> None:
        """Make the weights, for inputs of `input_shape`; overridden by layers that have any."""

    def _build_once(self, input_shape: Any) -> None:
        if not self.built:
            with building:
                if not self.built:
                    self.build(input_shape)

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
    def _call_takes(cls) -> signatures.CallSignature:
        """What `call` takes; found when first asked for, as most classes are never called."""
        if "_call_signature" not in vars(cls):
            cls._call_signature = signatures.CallSignature(cls.call)
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
        from gatewise.layer.pure import stateless_call

        return stateless_call(self, trainable_variables, non_trainable_variables, args, kwargs, key)

    # -- drawing ----------------------------------------------------------------------------------------------------

    def _connect(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return drawing.connect(self, args, kwargs)

    def _output_shapes(self, shapes: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if type(self).compute_output_shape is not Layer.compute_output_shape:
            return self.compute_output_shape(shapes)
        return drawing.shapes_by_example(self._tried, args, kwargs)

    def _output_dtype(self, inputs: Any) -> str:
        if self.keeps_dtype and (leaves := structure.flatten(inputs)):
            return getattr(leaves[0].dtype, "name", leaves[0].dtype)  # type: ignore[no-any-return]
        return self.dtype

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape (or structure of shapes) for an input's; both with the batch axis."""
        return drawing.shapes_by_example(self._tried, (drawing.example_of(input_shape, self.dtype),), {})

    def _tried(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The outputs at inference, after which every variable is as it was."""
        token = _training.set(False)
        try:
            with reading(Scope()) as scope:
                try:
                    return self._compute(args, kwargs)
                finally:
                    scope.undo()
        finally:
            _training.reset(token)

    @property
    def input(self) -> Any:
        """The symbolic tensors that the layer was called on, where it was called once."""
        return drawing.only_call(self).args[0]

    @property
    def output(self) -> Any:
        """The symbolic tensors that the layer gave, where it was called once."""
        return drawing.only_call(self).outputs

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
        if type(self).get_config is Layer.get_config and not signatures.takes_declared(type(self).__init__):
            config |= {
                name: self._plain_attribute(name)
                for name in signatures.named(type(self).__init__)
                if name not in config
            }
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
        return self._arguments[name] is not Layer._arguments[name]

    @classmethod
    def from_config(cls: type[L], config: Config) -> L:
        """Make a layer from what `get_config` gave, or from what any Keras wrote.

        A value that this layer has no argument for is passed over where it says "off" (None or False), as other
        versions' configs are full of such, and is an error otherwise.
        """
        config = cls.modernized(dict(config))
        if signatures.takes_declared(cls.__init__):
            known = cls._arguments
            config = {k: v for k, v in config.items() if k in known or not (v is None or v is False)}
        elif not signatures.takes_any_keyword(cls.__init__):
            named = signatures.named(cls.__init__)
            config = {k: v for k, v in config.items() if k in named or k not in cls._base_config}
        return cls(**config)

    @classmethod
    def modernized(cls, config: Config) -> Config:
        """The config with the words of older and newer Keras versions put into this class's; overridden by layers."""
        config.pop("autocast", None)
        return config


Layer.build = _whole(Layer.build)  # type: ignore[method-assign]

# What a layer keeps for itself, and is not searched for layers and weights.
Layer._unsearched = frozenset(
    (*Layer._arguments, "built", "_variables", "_states", "_tracked_layers", "_containers", "_inbound_nodes", "_op",
     "_graph", "_start_tensor", "_end_tensors", "_planned", "_first_weights", "_seeds", "input_spec")
)  # fmt: skip


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, np.ndarray)


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
