"""Layers that run another layer: in both directions of time, or at every step of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

from gatewise.arguments import Argument, by_name, one_of, optional
from gatewise.base import masks, release, structure
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Config, Shape
from gatewise.base.variable import Variable, all_or_nothing
from gatewise.layer import Layer, registered
from gatewise.layer.serialization import deserialize_built, serialize_layer
from gatewise.recurrent.both import can_run_both, native_calls, native_outputs, run_both
from gatewise.recurrent.initial_state import TakesState
from gatewise.recurrent.precision import PrecisionOfLayers

AnyLayer = TypeVar("AnyLayer", bound=Layer)


def _a_layer(value: Any) -> Layer:
    """A layer, or the config of one."""
    if isinstance(value, dict):
        value = deserialize_built(value)
    if not isinstance(value, Layer):
        raise TypeError(f"expected a layer such as LSTM(8), got {value!r}.")
    return value


@registered.register("Wrapper")
class Wrapper(Layer):
    """A layer around another: the base of wrappers, a program's own too.

    Args:
        layer: any layer or model, which is built with this one.
        **kwargs: see `Layer`.

    >>> from gatewise.layers import Dense
    >>> class Twice(Wrapper):
    ...     def call(self, inputs):
    ...         return 2 * self.layer(inputs)
    >>> import numpy as np
    >>> Twice(Dense(4))(np.zeros((2, 8))).shape
    (2, 4)
    """

    layer: Argument[Any, Any] = Argument(parse=_a_layer, serialize=serialize_layer)
    precision = PrecisionOfLayers()

    why_whole_sequence = "is not among the layers that are known to work one time step at a time"

    def build(self, input_shape: Any = None) -> None:
        """Make the layer's weights."""
        self.layer._build_once(input_shape)


@registered.register("Bidirectional")
class Bidirectional(TakesState):
    """Runs a recurrent layer forwards and another backwards over the sequence, and merges what they give.

    x is (B, T, I). The backward layer's output sequence is put back into the order of time before it is merged. Weights
    and states: the forward layer's, then the backward layer's. The layer that is passed serves as a pattern: two fresh
    ones are made of its config.

    Args:
        layer: a recurrent layer (LSTM, GRU, SimpleRNN, or one with their arguments).
        merge_mode: "concat" (along the features), "sum", "mul", "ave", or None for the list of both.
        backward_layer: the layer that runs backwards; by default one like `layer`. It must differ from `layer` in
            `go_backwards`, and agree in `stateful`, `return_sequences` and `return_state`.
        weights: first values for the weights of both layers.
        **kwargs: see `Layer`.

    Call arguments:
        inputs: (B, T, I), or a list `[x, *state]`.
        mask: (B, T). With `return_sequences` the output at a masked step is zero, as in Keras.
        lengths: (B,) integers, in place of a mask: how many of the first steps of each sequence are real.
        training: passed on.
        initial_state: the forward layer's state, then the backward layer's.

    Returns:
        The merged outputs; with `return_state` a list of them, the forward layer's state and the backward layer's.

    Source: Schuster and Paliwal, Bidirectional recurrent neural networks (1997).

    >>> import numpy as np
    >>> from gatewise.recurrent import LSTM
    >>> Bidirectional(LSTM(4, return_sequences=True))(np.zeros((2, 10, 8))).shape
    (2, 10, 8)
    """

    layer: Argument[Any, Any] = Argument(parse=_a_layer, serialize=serialize_layer)
    merge_mode: Argument[Any, str | None] = Argument(
        default="concat", parse=one_of("concat", "sum", "mul", "ave", None)
    )
    backward_layer: Argument[Any, Any] = Argument(
        default=None, parse=optional(_a_layer), serialize=optional(serialize_layer)
    )
    precision = PrecisionOfLayers()

    supports_masking = True
    casts_integers = True
    has_time_axis = True
    why_whole_sequence = "reads the sequence backwards too, from an end that has not come yet"
    multiplies_features = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        args = by_name("Bidirectional", args, kwargs, 2, "weights")
        super().__init__(*args, **kwargs)
        pattern, backward = self.layer, self.backward_layer
        self._check_recurrent(pattern)
        if self.declared_input_shape is None:
            self.batch_input_shape = pattern.declared_input_shape
        self._sublayers.clear()  # The pattern's own weights are not this layer's.
        self.layer = self.forward_layer = _copied(pattern, "forward_")
        if backward is None:
            backward = _copied(pattern, "backward_", go_backwards=not pattern.go_backwards)
        self.backward_layer = backward
        self._check_pair()
        for layer in (self.forward_layer, self.backward_layer):
            if hasattr(layer, "zero_output_for_mask"):
                layer.zero_output_for_mask = layer.return_sequences

    def _check_recurrent(self, layer: Layer) -> None:
        needed = ("go_backwards", "return_sequences", "return_state", "stateful")
        if missing := [name for name in needed if not hasattr(layer, name)]:
            raise ValueError(
                f"{self.label}: expected a recurrent layer such as LSTM(8), but {layer.label} has no {missing[0]}."
            )

    def _check_pair(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        self._check_recurrent(backward)
        if forward.go_backwards == backward.go_backwards:
            raise ValueError(
                f"{self.label}: layer and backward_layer must differ in go_backwards, but both have "
                f"{forward.go_backwards}."
            )
        for name in ("stateful", "return_sequences", "return_state"):
            ours, theirs = getattr(forward, name), getattr(backward, name)
            if ours != theirs:
                raise ValueError(
                    f"{self.label}: layer and backward_layer must agree in {name}, but have {ours} and {theirs}."
                )

    @property
    def stateful(self) -> bool:
        """Whether the layers carry their state from call to call."""
        return bool(self.forward_layer.stateful)

    @property
    def return_sequences(self) -> bool:
        """Whether the output has a time axis."""
        return bool(self.forward_layer.return_sequences)

    @property
    def return_state(self) -> bool:
        """Whether the final states are given too."""
        return bool(self.forward_layer.return_state)

    @property
    def input_spec(self) -> Any:
        """What the inputs must be: as for the layer inside."""
        return self.forward_layer.input_spec

    def build(self, input_shape: Any) -> None:
        """Make the weights of both layers."""
        self.forward_layer._build_once(input_shape)
        self.backward_layer._build_once(input_shape)

    # -- calling ----------------------------------------------------------------------------------------------------

    def __call__(self, inputs: Any, initial_state: Any = None, *args: Any, **kwargs: Any) -> Any:
        inputs, initial_state = self._apart(inputs, initial_state)
        if initial_state is not None:
            kwargs["initial_state"] = self._checked_states("initial_state", initial_state)
        return super().__call__(inputs, *args, **kwargs)

    def _checked_states(self, what: str, states: Any) -> list[Any]:
        found = list(states) if isinstance(states, (list, tuple)) else [states]
        equation = getattr(self.forward_layer, "_equation", None)
        wanted = len(found) if equation is None else 2 * len(equation.states)
        if len(found) != wanted or len(found) % 2:
            raise ValueError(
                f"{self.label}: {what} needs the state of the forward layer and then that of the backward layer"
                f"{f', {wanted} arrays in all' if wanted != len(found) else ''}, but {len(found)} came."
            )
        return found

    def call(self, inputs: Array, mask: Any = None, training: bool = False, initial_state: Any = None) -> Any:
        """Run both layers and merge their outputs."""
        states = initial_state or [None, None]
        half = len(states) // 2
        both = self.forward_layer, self.backward_layer
        run = run_both if can_run_both(*both) else _run_in_turn
        made = run(both, inputs, mask, training, (initial_state and states[:half], initial_state and states[half:]))
        return self._outputs(*map(_as_list, made))

    def _outputs(self, of_forward: list[Any], of_backward: list[Any]) -> Any:
        """Both layers' outputs merged, and their states where they give them."""
        (y, *final), (z, *final_back) = of_forward, of_backward
        if self.return_sequences:
            z = namespace(z).flip(z, axis=0 if getattr(self.forward_layer, "time_major", False) else 1)
        merged = self._merged(y, z)
        outputs = merged if isinstance(merged, list) else [merged]
        return [*outputs, *final, *final_back] if self.return_state else merged

    def _merged(self, y: Array, z: Array) -> Any:
        if self.merge_mode is None:
            return [y, z]
        if self.merge_mode == "concat":
            return namespace(y, z).concat([y, z], axis=-1)
        if self.merge_mode == "mul":
            return y * z
        return y + z if self.merge_mode == "sum" else (y + z) / 2

    def inference(self) -> Callable[[Array], Any] | None:
        """Straight to the native engine, where it can run both layers at once."""
        both = self.forward_layer, self.backward_layer
        calls = native_calls(*both) if self.built and can_run_both(*both) else None
        return None if calls is None else lambda x: self._outputs(*native_outputs(calls, x))

    # -- state ------------------------------------------------------------------------------------------------------

    @property
    def states(self) -> list[Variable]:
        """The state that stateful layers carry, the forward layer's first."""
        return [*self.forward_layer.states, *self.backward_layer.states]

    def reset_states(self, states: Any = None) -> None:
        """Set the carried states to zeros, or to `states`, the forward layer's first; both or neither."""
        parts: list[Any] = [None, None]
        if states is not None:
            checked = self._checked_states("states", states)
            parts = [checked[: len(checked) // 2], checked[len(checked) // 2 :]]
        with all_or_nothing():
            self.forward_layer.reset_states(parts[0])
            self.backward_layer.reset_states(parts[1])

    reset_state = reset_states

    # -- description ------------------------------------------------------------------------------------------------

    def compute_output_shape(self, input_shape: Any) -> Any:
        """As the layer inside, with the features of both for "concat", or both shapes for None."""
        shapes = [layer.compute_output_shape(input_shape) for layer in (self.forward_layer, self.backward_layer)]
        if structure.is_shape(shapes[0]):
            shapes = [[shape] for shape in shapes]
        (y, *final), (z, *final_back) = shapes
        merged = (*y[:-1], y[-1] + z[-1]) if self.merge_mode == "concat" else y
        outputs = [y, z] if self.merge_mode is None else [merged]
        if self.return_state:
            return [*outputs, *final, *final_back]
        return outputs if self.merge_mode is None else merged

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask goes on where the output has a time axis; states have none."""
        own = mask if self.return_sequences else None
        return [own, own] if self.merge_mode is None else [own]

    @classmethod
    def modernized(cls, config: Config) -> Config:
        """Keras 2 wrote how many constants a call took; only none can be read."""
        return super().modernized({k: v for k, v in config.items() if k != "num_constants" or v})


def _run_in_turn(layers: tuple[Any, Any], inputs: Array, mask: Any, training: bool, states: tuple[Any, Any]) -> Any:
    """What each of two layers gives."""

    def run(layer: Layer, state: Any) -> Any:
        given: Config = {"mask": mask, "training": training}
        if state:
            given["initial_state"] = state
        return layer(inputs, **given)

    return [run(layer, state) for layer, state in zip(layers, states, strict=True)]


def _as_list(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def _copied(layer: AnyLayer, prefix: str, **changes: Any) -> AnyLayer:
    """A fresh layer of the same config, named with the prefix (once)."""
    name = prefix + layer.name.removeprefix(prefix)
    return type(layer).from_config({**layer.get_config(), "name": name, **changes})


@registered.register("TimeDistributed")
class TimeDistributed(Wrapper):
    """Applies a layer to every time step by itself: (B, T, ...) to (B, T, ...).

    All steps go through the layer at once, as one batch of B T samples. A stateful layer sees them one after the other.
    A mask that the layer inside makes goes on behind this one in TensorFlow 1 and 2; Keras 3 drops it.

    Args:
        layer: any layer or model.
        **kwargs: see `Layer`.

    Call arguments:
        mask: (B, T), or (B, T, T') where the layer inside takes sequences and their mask.

    >>> import numpy as np
    >>> from gatewise.layers import Dense
    >>> TimeDistributed(Dense(4))(np.zeros((2, 10, 8))).shape
    (2, 10, 4)
    """

    applies_to_steps = True
    supports_masking = True
    autocast = False
    multiplies_features = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._release = release.current()

    def _check(self, shapes: Any) -> None:
        for shape in structure.flatten(shapes, leaf=structure.is_shape):
            if len(shape) < 2:
                raise ValueError(f"{self.label}: expected inputs (batch, time, ...), got shape {tuple(shape)}.")
        self.layer._check(self._inner_shape(shapes))

    @property
    def _one_by_one(self) -> bool:
        return bool(getattr(self.layer, "stateful", False))

    def _inner_shape(self, shapes: Any) -> Any:
        """The shape of one step of the inputs."""

        def step(shape: Shape) -> Shape:
            return (shape[0] if self._one_by_one else None, *shape[2:])

        return structure.map_structure(step, shapes, leaf=structure.is_shape)

    def build(self, input_shape: Any = None) -> None:
        """Make the layer's weights."""
        self.layer._build_once(self._inner_shape(input_shape))

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        """The layer's output at every step."""
        self._check_mask(inputs, mask)
        if self._one_by_one:
            return self._in_turn(inputs, mask, training)
        batch, steps = structure.flatten(inputs)[0].shape[:2]
        flat = structure.map_structure(_steps_as_samples, inputs)
        outputs = self.layer(flat, **self._inner_arguments(flat, _steps_as_samples(mask), training))
        return structure.map_structure(lambda y: _samples_as_steps(y, batch, steps), outputs)

    def _check_mask(self, inputs: Any, mask: Any) -> None:
        """Raise ValueError for a mask that is not of the inputs' samples and steps, though its numbers may fit."""
        batch, steps = structure.flatten(inputs)[0].shape[:2]
        for part in structure.flatten(mask):
            if part is not None and tuple(part.shape[:2]) != (batch, steps):
                raise ValueError(
                    f"{self.label}: the mask must have the shape (batch, time, ...) = ({batch}, {steps}, ...), "
                    f"got {tuple(part.shape)}."
                )

    def _in_turn(self, inputs: Any, mask: Any, training: bool) -> Any:
        steps = structure.flatten(inputs)[0].shape[1]
        made = []
        for k in range(steps):
            step = structure.rebuild(inputs, iter([x[:, k] for x in structure.flatten(inputs)]))
            own = None if mask is None else mask[:, k]
            made.append(self.layer(step, **self._inner_arguments(step, own, training)))
        columns = zip(*map(structure.flatten, made), strict=True)
        stacked = [namespace(column[0]).stack(list(column), axis=1) for column in columns]
        return structure.rebuild(made[0], iter(stacked))

    def _inner_arguments(self, inputs: Any, mask: Any, training: bool) -> Config:
        """A mask goes inside where it is the inner layer's kind: all axes of its input but the last."""
        given: Config = {"training": training}
        if mask is not None and not structure.is_nested(inputs) and mask.ndim == inputs.ndim - 1:
            given["mask"] = mask
        return given

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The inner layer's, with the time axis."""
        batch, steps = structure.flatten(input_shape, leaf=structure.is_shape)[0][:2]
        inner = self.layer.compute_output_shape(self._inner_shape(input_shape))
        return structure.map_structure(lambda shape: (batch, steps, *shape[1:]), inner, leaf=structure.is_shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Keras 3: the mask that came. Before: the inner layer's where it makes or keeps one, else (B, T), the steps of
        which any part counts.
        """
        if structure.is_nested(inputs):
            return None
        if self._release == "keras3" or (self._one_by_one and self.layer.is_model):
            return mask
        batch, steps = inputs.shape[:2]
        inner = self.layer.compute_mask(_steps_as_samples(inputs), _steps_as_samples(mask))
        if inner is not None and not isinstance(inner, (list, tuple)):
            return _samples_as_steps(inner, batch, steps)
        return None if mask is None else _with_axes(mask, 2)

    def _with_masks(self, inputs: Any, outputs: Any, mask: Any) -> Any:
        if self.layer.is_model and self._release != "keras3":
            return structure.map_structure(lambda y: self._with_that_of_the_model(y, mask), outputs)
        # Keras 3 hands the mask on as it came, and fails later where the outputs have not got its axes any more.
        if mask is not None and not structure.is_nested(outputs) and not structure.is_nested(mask):
            mask = _with_axes(mask, max(outputs.ndim - 1, 2)) if self._release == "keras3" else mask
        return super()._with_masks(inputs, outputs, mask)

    @staticmethod
    def _with_that_of_the_model(output: Array, mask: Any) -> Array:
        """What `compute_mask` says, without running the model inside once more: its outputs carry their masks."""
        own = masks.of(output)
        if own is None and mask is not None and not structure.is_nested(mask):
            own = _with_axes(mask, 2)
        return masks.carrying(output, own)


def _with_axes(mask: Array, axes: int) -> Array:
    """The mask with so many axes at most: a step counts of which any part counts."""
    xp = namespace(mask)
    return reduce(lambda m, _: xp.any(m, axis=-1), range(axes, mask.ndim), mask)


def _steps_as_samples(x: Any) -> Any:
    """(B, T, ...) as (B T, ...); None stays None."""
    if x is None:
        return None
    batch, steps, *rest = x.shape
    return namespace(x).reshape(x, (batch * steps, *rest))


def _samples_as_steps(x: Array, batch: int, steps: int) -> Array:
    """(B T, ...) as (B, T, ...), with its mask."""
    apart = namespace(x).reshape(x, (batch, steps, *x.shape[1:]))
    if (own := masks.of(x)) is not None:
        masks.attach(apart, _samples_as_steps(own, batch, steps))
    return apart
