"""What a call on arrays does around a layer's `call`: conversion, checks, building, masks, the training flag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

import numpy as np

from gatewise.base import masks, release, structure
from gatewise.base.arrays import as_array, as_input, dtype_of, is_array, is_floating, namespace, shapes_of
from gatewise.base.recording import tapes
from gatewise.base.tensors import for_program, plain
from gatewise.base.typing import Array
from gatewise.layer import penalties, signatures
from gatewise.layer.building import Buildable
from gatewise.layer.calls import calling, inside_a_call, training_now
from gatewise.layer.hints import way_out


class Computing(Buildable):
    """What computes outputs from arrays, and their masks from those of the inputs."""

    _call_signature: ClassVar[signatures.CallSignature]

    def call(self, inputs: Any) -> Any:
        """Compute the outputs from arrays; every layer overrides this."""
        raise NotImplementedError(
            f"{type(self).__name__} does not define `call(self, inputs)`, which computes its output."
        )

    def _compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = kwargs.get("training")
        if given is None or bool(given) == training_now():
            return self._compute_here(args, kwargs)
        with calling(bool(given)):  # An explicit flag holds for the layers inside as well.
            return self._compute_here(args, kwargs)

    def _check_given(self, inputs: Any, shapes: Any) -> None:
        try:
            self._check(shapes)
        except ValueError as error:
            raise type(error)(f"{error}{way_out(self, inputs)}") from None

    def _compute_here(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        inputs, rest = self._main_input(args, kwargs)
        inputs = self._converted(inputs)
        takes = self._call_takes()
        if takes.masked or takes.further:
            self._take_further(inputs, kwargs)
        if rest or kwargs:
            rest, kwargs = structure.map_structure(plain, (rest, kwargs))
        shapes = shapes_of(inputs)
        self._check_given(inputs, shapes)
        self._build_for(shapes, kwargs)
        carried = structure.map_structure(masks.of, inputs)
        mask = self._resolve_mask(inputs, carried, kwargs)
        if "training" in takes.accepted:
            kwargs["training"] = self._resolve_training(kwargs.get("training"))
        else:
            kwargs.pop("training", None)
        outputs = self.call(for_program(type(self).call, inputs), *rest, **kwargs)
        if self._mixed is not None and not self.is_model:
            outputs = structure.map_structure(self._given_out, outputs)
        if self.activity_regularizer is not None and not self.regularizes_inside:
            penalties.of_activity(self.activity_regularizer, outputs)
        return self._with_masks(inputs, outputs, mask)

    _loss_functions = cast("tuple[Callable[[], Any], ...]", ())  # Not annotated: it is no argument.

    def add_loss(self, losses: Any, **_: Any) -> None:
        """Add to the loss of the batch, from inside `call`: a number, or a list of them.

        Where no loss is computed, as in `predict`, nothing comes of it. Outside any call, a function without arguments
        is kept, and what it gives counts in every step, as in tf_keras. Files do not keep it.

        Raises:
            ValueError: outside any call, for anything but functions: it would count in no step.

        >>> import gatewise as gw
        >>> model = gw.Sequential([gw.layers.Dense(1, kernel_initializer="ones", input_shape=(2,))])
        >>> model.add_loss(lambda: 0.5 * (model.layers[0].kernel ** 2).sum())
        >>> model.compile("sgd", "mse")
        >>> model.evaluate(np.ones((4, 2)), 2 * np.ones((4, 1)), verbose=0)
        1.0
        """
        given, kept = structure.flatten(losses), penalties.collected()
        if kept is not None:
            kept.losses += [loss() if callable(loss) else loss for loss in given]
        elif not inside_a_call():
            if not all(map(callable, given)):
                raise ValueError(
                    f"{self.label}: add_loss got a value outside any call, where it would count in no step. Add it "
                    "inside `call`, or give a function without arguments: add_loss(lambda: ...)."
                )
            self._loss_functions = (*self._loss_functions, *given)

    def add_metric(self, value: Any, name: str | None = None, aggregation: Any = "mean", **_: Any) -> None:
        """Report the mean of a number over all batches under `name`, from inside `call`."""
        kept = penalties.collected()
        if kept is not None:
            kept.reported[name or f"{self.name}_metric"] = value

    @property
    def losses(self) -> list[Any]:
        """What is added to the loss: inside a call what the layers have added in it, outside what they added in the
        last one; the weights' regularizers, and the functions that `add_loss` was given.
        """
        kept = penalties.collected()
        last = vars(self).get("_penalties_on_tape" if tapes() else "_last_losses", ())
        own = list(last if kept is None else kept.losses)
        own += [penalties.of_weight(v) for v in self.trainable_variables if v.regularizer is not None]
        return own + [function() for layer in self._walk() for function in layer._loss_functions]

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
            cls._call_signature = signatures.CallSignature(cls.call, cls.build)
        return cls._call_signature

    def _by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """Move the arguments after the input into `kwargs`, where `call` names them."""
        names = self._call_takes().positional[1:]
        plain = [
            value for value in args[1:] if isinstance(value, (str, int, float)) and not isinstance(value, np.generic)
        ]
        if plain and self.tensors_by_place and release.current() == "keras3":
            raise ValueError(
                f"{self.label}: only arrays and tensors may be passed by place, but {plain[0]!r} came. Pass it by name."
            )
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

    def _take_further(self, inputs: Any, kwargs: dict[str, Any]) -> None:
        """Convert the inputs after the first, and hand over the masks that inputs carry where `call` names such."""
        takes = self._call_takes()
        kwargs |= {name: self._converted(kwargs[name]) for name in takes.further if kwargs.get(name) is not None}
        given = {takes.positional[0]: inputs} | kwargs
        for name in takes.masked:
            if kwargs.get(f"{name}_mask") is None and given.get(name) is not None:
                kwargs[f"{name}_mask"] = structure.map_structure(masks.of, given[name])

    def _build_for(self, shapes: Any, kwargs: dict[str, Any]) -> None:
        """Build for the shapes of the first input and, where `build` names them, of those among `kwargs`."""
        if not self.built:
            try:
                args, named = signatures.shapes_to_build(type(self).build, type(self).call, shapes, kwargs)
            except ValueError as error:
                raise ValueError(f"{self.label}: {error}") from None
            self._build_once(*args, **named)

    def _converted(self, inputs: Any) -> Any:
        """The inputs as arrays in the dtype that the layer computes in."""
        if isinstance(inputs, (list, tuple)) and inputs and all(map(_is_number, structure.flatten(inputs))):
            inputs = np.asarray(as_array(inputs, f"The input of {self.label}"))

        def convert(leaf: Any) -> Any:
            if leaf is None:
                return None
            array = (as_input if self.is_model else as_array)(leaf, f"The input of {self.label}")
            return self._cast(array) if self.autocast else array

        return structure.map_structure(convert, inputs)

    def _cast(self, array: Array) -> Array:
        if not (self.casts_integers or is_floating(array)):
            return array
        # A mixed layer rounds its inputs, and computes in its weights' dtype.
        return _in_dtype(array if self._mixed is None else _in_dtype(array, self.compute_dtype), self.dtype)

    def _given_out(self, leaf: Any) -> Any:
        """An output of a mixed layer in the dtype that its policy says."""
        computed = is_array(leaf) and leaf.dtype.name == self.dtype
        return _in_dtype(leaf, self.compute_dtype) if computed else leaf

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
        return bool(training_now()) if given is None else bool(given)

    def _with_masks(self, inputs: Any, outputs: Any, mask: Any) -> Any:
        """The outputs, each carrying the mask that `compute_mask` gives it."""
        if type(self).compute_mask is Computing.compute_mask and (mask is None or not self.supports_masking):
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


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, np.ndarray)


def _in_dtype(array: Array, name: str) -> Array:
    """The array in the dtype of this name, with its mask."""
    if array.dtype.name == name:
        return array
    mask = masks.of(array)
    cast = namespace(array).astype(array, dtype_of(array, name))
    masks.attach(cast, mask)
    return cast
