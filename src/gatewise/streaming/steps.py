"""What each kind of layer does at one time step of a stream: one class a kind.

A `Step` is one call of a layer in a model that is being prepared for streaming. It says what comes out (`plan`, which
refuses what needs more than the present and the past), how the native engine computes it (`emit`), and, where that
cannot, how the layer itself does (`run`, on arrays with a time axis of one step).

A value is "timed" when it has the model's time axis; one that is not (the last output of an LSTM, and what follows from
it) is what `predict` would give if the sequence ended at this step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any, Final

import numpy as np

from gatewise import activations
from gatewise.base import masks, structure
from gatewise.base.arrays import shape_of
from gatewise.base.typing import Array
from gatewise.engine import native
from gatewise.engine.op import Traversal
from gatewise.engine.recurrence import forward
from gatewise.layer import Layer


class NotNativeError(Exception):
    """The native engine does not compute this; the layers themselves do."""


class Value:
    """What one call passes to the next, for one stream and one step.

    Attributes:
        shape: without the axes of batch and time.
        timed: whether there is a time axis.
    """

    __slots__ = ("shape", "timed")

    def __init__(self, shape: tuple[int, ...], timed: bool) -> None:
        self.shape = shape
        self.timed = timed

    @property
    def width(self) -> int:
        """How many numbers a step has."""
        return math.prod(self.shape)


class Slot:
    """One array of a stream's state: `part` ("h") of the layer at `path` (names, from the outermost model in)."""

    __slots__ = ("part", "path", "shape")

    def __init__(self, path: tuple[str, ...], part: str, shape: tuple[int, ...]) -> None:
        self.path = path
        self.part = part
        self.shape = shape

    @property
    def width(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


class Emission:
    """A native program in the making, and where each value and mask is in it."""

    def __init__(self, program: Any) -> None:
        self.program = program
        self._numbers: dict[Value, Callable[[], int]] = {}
        self._masks: dict[Value, int] = {}

    def put(self, value: Value, number: int, mask: int | None = None) -> None:
        """Say where `value` is."""
        self.put_later(value, lambda: number)
        if mask is not None:
            self._masks[value] = mask

    def put_later(self, value: Value, make: Callable[[], int]) -> None:
        """Make `value` only if it is asked for."""
        made: list[int] = []

        def once() -> int:
            if not made:
                made.append(make())
            return made[0]

        self._numbers[value] = once

    def number(self, value: Value) -> int:
        """The program's number of `value`."""
        return self._numbers[value]()

    def mask(self, value: Value) -> int | None:
        """The program's number of the mask of `value`, or None."""
        return self._masks.get(value)


class Step:
    """A call of a layer that keeps no state and whose inputs have no time axis: whatever the layer, it works."""

    per_step = False
    """Whether the layer treats each time step by itself, so that it may have timed inputs."""
    why_not = "is not among the layers that are known to work one time step at a time"

    def __init__(
        self, model: str, layer: Any, path: tuple[str, ...], args: Any, kwargs: Any, outputs: list[Any]
    ) -> None:
        self.model = model
        self.layer = layer
        self.path = path
        self.args = args
        self.kwargs = kwargs
        self.inputs: list[Value] = [leaf for leaf in structure.flatten((args, kwargs)) if isinstance(leaf, Value)]
        self.slots: list[Slot] = []
        self.outputs: list[Value] = self.plan([tuple(shape) for shape in outputs])

    @property
    def timed(self) -> bool:
        """Whether any input has the time axis."""
        return any(value.timed for value in self.inputs)

    def refuse(self, why: str) -> ValueError:
        """The error that says why this layer cannot stream."""
        return ValueError(f"{self.model} cannot stream: {self.layer.label} {why}.")

    def plan(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        """The outputs, from their shapes with batch axis; raises ValueError where the layer cannot stream."""
        if self.timed and not self.per_step:
            raise self.refuse(self.why_not)
        if self.timed and any(not value.timed for value in self.inputs):
            raise self.refuse("puts together a sequence and something that is not one")
        return [self.value(shape, self.timed) for shape in shapes]

    def value(self, shape: tuple[Any, ...], timed: bool) -> Value:
        """A value of a shape with batch axis."""
        step = shape[2:] if timed else shape[1:]
        if None in step:
            raise self.refuse(f"has an output {shape} whose size at one step is not known")
        return Value(tuple(step), timed)

    # -- the native way ---------------------------------------------------------------------------------------------

    def emit(self, to: Emission) -> None:
        """Add this call to a native program; raises NotNativeError where that has no such operation."""
        raise NotNativeError

    def weight(self, variable: Any) -> Any:
        """The array of a weight in float32, or None for None."""
        if variable is None:
            return None
        if variable.dtype != np.float32:
            raise NotNativeError
        return np.ascontiguousarray(variable.value)

    # -- the layers' way --------------------------------------------------------------------------------------------

    def run(self, arrays: dict[Value, Array], states: dict[Slot, Array]) -> None:
        """Compute the outputs from `arrays` (B, 1, ...) or, where not timed, (B, ...); states move on in `states`."""
        args, kwargs = structure.map_structure(
            lambda leaf: arrays[leaf] if isinstance(leaf, Value) else leaf, (self.args, self.kwargs)
        )
        outputs = structure.flatten(self.layer(*args, **kwargs))
        for value, array in zip(self.outputs, outputs, strict=True):
            arrays[value] = array


class PerStep(Step):
    """A layer that treats each time step by itself."""

    per_step = True


class Identity(PerStep):
    """A layer that acts in training alone."""

    def emit(self, to: Emission) -> None:
        (x,), (y,) = self.inputs, self.outputs
        to.put(y, to.number(x), to.mask(x))


_WITH_DEFAULTS: Final[dict[str, list[float]]] = {
    "leaky_relu": [0.2],
    "elu": [1.0],
    "celu": [1.0],
    "squareplus": [4.0],
    "hard_shrink": [0.5],
    "soft_shrink": [0.5],
}
_PLAIN: Final = native.activations() | {
    *("relu6", "selu", "softplus", "sparse_plus", "silu", "hard_silu", "mish", "gelu", "exponential", "hard_tanh"),
    *("log_sigmoid", "sparse_sigmoid", "tanh_shrink"),
}


def emit_activation(to: Emission, x: int, function: Any, size: int, *, in_place: bool) -> int:
    """Add an activation of the value `x`, whose last axis has `size`; returns where its result is."""
    if function is activations.linear:
        return x
    name = activations.known_name(function)
    if name in _PLAIN:
        return int(to.program.activation(x, name, [], in_place))
    if name in _WITH_DEFAULTS:
        return int(to.program.activation(x, name, _WITH_DEFAULTS[name], in_place))
    if name in ("softmax", "log_softmax") and size > 0:
        return int(to.program.softmax(x, size, name == "log_softmax"))
    raise NotNativeError


class Activation(PerStep):
    """The activations that are layers of their own."""

    def emit(self, to: Emission) -> None:
        (x,), (y,) = self.inputs, self.outputs
        to.put(y, self._emitted(to, x), to.mask(x))

    def _emitted(self, to: Emission, x: Value) -> int:
        layer, number = self.layer, to.number(x)
        kind = type(layer).__name__
        if kind == "Activation":
            return emit_activation(to, number, layer.activation, x.shape[-1] if x.shape else 0, in_place=False)
        if kind == "Softmax" and layer.axis == -1 and x.shape and to.mask(x) is None:
            return int(to.program.softmax(number, x.shape[-1], False))
        if kind == "PReLU":
            alpha = self.weight(layer.alpha)
            if x.timed:  # alpha is (T, ...), or (1, ...) where time is shared.
                alpha = alpha[0] if alpha.shape[0] == 1 else None
            if alpha is None:
                raise self.refuse("has an alpha for each time step; with shared_axes=[1] it can stream")
            return int(to.program.prelu(number, np.ascontiguousarray(np.broadcast_to(alpha, x.shape)).reshape(-1)))
        parameters: dict[str, Callable[[], tuple[str, list[float]]]] = {
            "LeakyReLU": lambda: ("leaky_relu", [layer.negative_slope]),
            "ELU": lambda: ("elu", [layer.alpha]),
            "ThresholdedReLU": lambda: ("threshold", [layer.theta, 0.0]),
            "ReLU": lambda: (
                "relu",
                [layer.negative_slope, math.inf if layer.max_value is None else layer.max_value, layer.threshold],
            ),
        }
        if kind not in parameters:
            raise NotNativeError
        name, numbers = parameters[kind]()
        return int(to.program.activation(number, name, numbers, False))

    def plan(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        """Refuses what looks along the time axis."""
        axis = getattr(self.layer, "axis", -1)
        axes = axis if isinstance(axis, list) else [axis]
        if self.timed and any(each % len(shapes[0]) == 1 for each in axes):
            raise self.refuse("takes all time steps together")
        if self.timed and type(self.layer).__name__ == "PReLU" and self.layer.alpha.shape[0] != 1:
            raise self.refuse("has an alpha for each time step; with shared_axes=[1] it could")
        return super().plan(shapes)


class Dense(PerStep):
    """y = phi(x W + b)."""

    def emit(self, to: Emission) -> None:
        (x,), (y,), layer = self.inputs, self.outputs, self.layer
        number = to.program.dense(to.number(x), self.weight(layer.kernel), self.weight(layer.bias))
        to.put(y, emit_activation(to, number, layer.activation, layer.units, in_place=True), to.mask(x))

    def plan(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        """Refuses a Dense on the time axis."""
        if self.timed and not self.inputs[0].shape:
            raise self.refuse("multiplies all time steps together: its input has no axis of features")
        return super().plan(shapes)


class Embedding(PerStep):
    """Rows of a table at the ids."""

    def emit(self, to: Emission) -> None:
        (ids,), (y,), layer = self.inputs, self.outputs, self.layer
        number, mask = to.number(ids), None
        made = to.program.embedding(number, self.weight(layer.embeddings), layer.label)
        if layer.mask_zero and ids.timed:
            if ids.width != 1:
                raise NotNativeError
            mask = to.program.mask_zero(number)
        to.put(y, made, mask)


class Masking(PerStep):
    """A mask where all features equal a value."""

    def emit(self, to: Emission) -> None:
        (x,), (y,) = self.inputs, self.outputs
        if not x.timed or len(x.shape) != 1:
            raise NotNativeError
        number, mask = to.program.masking(to.number(x), float(np.float32(self.layer.mask_value)))
        to.put(y, number, mask)


class Normalization(PerStep):
    """BatchNormalization at inference, LayerNormalization and UnitNormalization."""

    def plan(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        """Refuses a norm along the time axis."""
        axis = self.layer.axis
        axes = axis if isinstance(axis, list) else [axis]
        if self.timed and any(each % len(shapes[0]) == 1 for each in axes):
            raise self.refuse("normalises along the time axis")
        return super().plan(shapes)

    def emit(self, to: Emission) -> None:
        (x,), (y,), layer = self.inputs, self.outputs, self.layer
        rank = len(x.shape) + (2 if x.timed else 1)
        if not x.shape or isinstance(layer.axis, list) or layer.axis % rank != rank - 1:
            raise NotNativeError
        kind = type(layer).__name__
        if kind == "BatchNormalization":
            made = to.program.scale_shift(to.number(x), *self._folded())
        elif kind == "LayerNormalization" and not layer.rms_scaling:
            gamma, beta = self.weight(layer.gamma), self.weight(layer.beta)
            size = x.shape[-1]
            gamma = np.ones(size, np.float32) if gamma is None else gamma
            beta = np.zeros(size, np.float32) if beta is None else beta
            made = to.program.layer_norm(to.number(x), layer.epsilon, gamma, beta)
        else:
            raise NotNativeError
        to.put(y, made, to.mask(x))

    def _folded(self) -> tuple[Array, Array]:
        """The moving averages, gamma and beta as one factor and one offset."""
        layer = self.layer
        gamma, beta, mean, variance = map(
            self.weight, (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
        )
        factor = 1 / np.sqrt(variance + np.float32(layer.epsilon))
        factor = factor if gamma is None else factor * gamma
        offset = -mean * factor if beta is None else beta - mean * factor
        return factor, offset


class Merge(PerStep):
    """Add, Subtract, Multiply, Average, Maximum, Minimum."""

    def emit(self, to: Emission) -> None:
        (y,), layer = self.outputs, self.layer
        if any(value.shape != self.inputs[0].shape for value in self.inputs):
            raise NotNativeError
        kind = type(layer).__name__.lower()
        mask = self.merged_mask(to)
        if (
            kind in ("multiply", "maximum", "minimum")
            and layer._keras3
            and any(to.mask(v) is not None for v in self.inputs)
        ):
            raise NotNativeError
        to.put(y, to.program.merge(kind, [to.number(value) for value in self.inputs]), mask)

    def merged_mask(self, to: Emission) -> int | None:
        """Keras 3 lets a step count where any input counts, if all have masks; Keras 2 where all do that have one."""
        own = [to.mask(value) for value in self.inputs]
        given = [mask for mask in own if mask is not None]
        if not given or (self.layer._keras3 and len(given) < len(own)):
            return None
        return reduce(lambda a, b: int(to.program.combine_masks(a, b, self.layer._keras3)), given)


class Concatenate(Merge):
    """The inputs one after the other along an axis."""

    def plan(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        """Refuses to join along the time axis."""
        if self.timed and self.layer.axis % len(shapes[0]) == 1:
            raise self.refuse("joins sequences along the time axis")
        return super().plan(shapes)

    def emit(self, to: Emission) -> None:
        first = self.inputs[0]
        axis = self.layer.axis % (len(first.shape) + (2 if first.timed else 1)) - (2 if first.timed else 1)
        if axis < 0:
            raise NotNativeError
        made = to.program.concatenate([to.number(value) for value in self.inputs], math.prod(first.shape[:axis]))
        to.put(self.outputs[0], made, self.merged_mask(to))


class Reshaping(Step):
    """Flatten and Reshape of what has no time axis: the same numbers."""

    why_not = "moves numbers between time steps"

    def emit(self, to: Emission) -> None:
        (x,), (y,) = self.inputs, self.outputs
        if getattr(self.layer, "data_format", "channels_last") == "channels_first" and len(x.shape) > 1:
            raise NotNativeError
        to.put(y, to.number(x))


class TimeDistributed(PerStep):
    """A layer applied to each step by itself."""

    def plan(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        """Refuses a stateful layer inside."""
        if not self.timed:
            raise self.refuse("is not given the model's own time steps")
        if getattr(self.layer.layer, "stateful", False):
            raise self.refuse(f"holds {self.layer.layer.label}, which is stateful")
        return super().plan(shapes)

    def emit(self, to: Emission) -> None:
        (x,), (y,), inner = self.inputs, self.outputs, self.layer.layer
        kind = rule_of(inner)
        if to.mask(x) is not None and not (
            inner.supports_masking and kind in (Identity, Activation, Dense, Normalization)
        ):
            raise NotNativeError
        if (
            kind is None
            or issubclass(kind, (Recurrent, Convolution, TimeDistributed))
            or not issubclass(kind, (PerStep, Reshaping))
        ):
            raise NotNativeError
        # What the inner layer sees is one step, which has a batch axis and no time axis.
        seen, given = Value(x.shape, timed=False), Value(y.shape, timed=False)
        step = kind(self.model, inner, self.path, (seen,), {}, [(None, *y.shape)])
        (given,) = step.outputs
        to.put(seen, to.number(x))
        step.emit(to)
        to.put(y, to.number(given), to.mask(x))


class Recurrent(Step):
    """LSTM, GRU and SimpleRNN: the state is h, and for LSTM h and c."""

    def plan(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        """Refuses what reads ahead, or starts from a state that a model computes."""
        layer = self.layer
        if layer.go_backwards:
            raise self.refuse("has go_backwards=True: it would have to read the end of the sequence first")
        if len(self.inputs) != 1 or "initial_state" in self.kwargs:
            raise self.refuse("takes its initial state from another layer; a stream's state starts with its own")
        if layer.time_major:
            raise self.refuse("has time_major=True; make it with time_major=False")
        if not self.timed or len(self.inputs[0].shape) != 1:
            raise self.refuse("is not given the model's own time steps")
        parts = list(zip(layer.cell.states, layer.state_widths, strict=True))
        self.slots = [Slot(self.path, part, (width,)) for part, width in parts]
        made = [Value((layer.state_widths[0],), timed=layer.return_sequences)]
        return made + [Value((width,), timed=False) for (_, width), _ in zip(parts, shapes[1:], strict=False)]

    def emit(self, to: Emission) -> None:
        op, (x,) = self.layer.current_op(), self.inputs
        if not native.can_run(op) or op.kernel.dtype != np.float32:
            raise NotNativeError
        arrays = [
            None if w is None else np.ascontiguousarray(w)
            for w in map(op.weights.get, ("kernel", "recurrent_kernel", "bias"))
        ]
        mask = to.mask(x)
        y, offset = to.program.recurrence(
            to.number(x),
            -1 if mask is None else mask,
            op.cell.name,
            *arrays,
            *op.names,
            self.layer.zero_output_for_mask,
            precision="bfloat16" if op.bfloat16 else "float32",
        )
        to.put(self.outputs[0], y, mask if self.layer.return_sequences else None)
        for k, value in enumerate(self.outputs[1:]):
            to.put_later(value, lambda place=offset + k * op.state_widths[0]: self._taken(to, place))  # type: ignore[misc]

    def _taken(self, to: Emission, place: int) -> int:
        to.program.go_by_steps()
        return int(to.program.take_state(place, self.layer.units))

    def run(self, arrays: dict[Value, Array], states: dict[Slot, Array]) -> None:
        """One step of the recurrence, on whichever engine has its activations."""
        x = arrays[self.inputs[0]]
        mask = masks.of(x)
        x = self.layer._converted(x)
        before = tuple(states[slot] for slot in self.slots)
        y, final = forward(self.layer.current_op(), x, before, Traversal(mask=mask))
        if mask is not None:
            # A masked step repeats the output before it, which is the state that came.
            held = np.zeros_like(before[0]) if self.layer.zero_output_for_mask else before[0]
            y = np.where(mask[..., None], y, held[:, None])
        states.update(zip(self.slots, final, strict=True))
        first = self.outputs[0]
        arrays[first] = y if first.timed else y[:, 0]
        if first.timed:
            masks.attach(arrays[first], mask)
        arrays.update(zip(self.outputs[1:], final, strict=False))


class Convolution(Step):
    """Causal Conv1D: the state is the past that a window reaches back to, oldest step first."""

    def plan(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        """Refuses windows that see ahead, or skip steps."""
        layer, (x,) = self.layer, self.inputs
        if not self.timed or len(x.shape) != 1:
            raise self.refuse("is not given the model's own time steps")
        if layer.padding != "causal" and layer.kernel_size > 1:
            raise self.refuse(
                f"has padding={layer.padding!r}, so that an output waits for later steps; padding='causal' can stream"
            )
        if layer.strides != 1:
            raise self.refuse(f"has strides={layer.strides}, so that it gives fewer steps than it takes")
        if layer.data_format == "channels_first":
            raise self.refuse("has data_format='channels_first'; 'channels_last' can stream")
        past = (layer.kernel_size - 1) * layer.dilation_rate
        self.slots = [Slot(self.path, "past", (past, x.shape[0]))]
        return [Value((layer.filters,), timed=True)]

    def emit(self, to: Emission) -> None:
        (x,), (y,), layer = self.inputs, self.outputs, self.layer
        number, _ = to.program.convolution(
            to.number(x), self.weight(layer.kernel), self.weight(layer.bias), layer.dilation_rate, layer.groups
        )
        to.put(y, emit_activation(to, number, layer.activation, layer.filters, in_place=True))

    def run(self, arrays: dict[Value, Array], states: dict[Slot, Array]) -> None:
        """One window."""
        layer, (slot,) = self.layer, self.slots
        x = layer._converted(arrays[self.inputs[0]])
        seen = np.concatenate([states[slot].astype(x.dtype), x], axis=1)
        window = seen[:, :: layer.dilation_rate].reshape(len(x), layer.kernel_size, layer.groups, -1)
        kernel = layer.kernel.value
        parts = np.split(kernel, layer.groups, axis=-1)
        y = np.concatenate([np.tensordot(window[:, :, g], part, 2) for g, part in enumerate(parts)], axis=-1)
        y = y if layer.bias is None else y + layer.bias.value
        states[slot] = seen[:, 1:]
        arrays[self.outputs[0]] = layer.activation(y[:, None])


class Operation(PerStep):
    """Arithmetic on symbolic tensors: number by number; and `x[:, -1]`, the present step."""

    _ELEMENTWISE: Final = frozenset({
        *("Add", "Subtract", "Multiply", "TrueDivide", "Power", "Negative", "Absolute"),
        *("Exp", "Log", "Sqrt", "Square", "Tanh", "Sin", "Cos"),
    })  # fmt: skip

    def plan(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        """Refuses what looks at other steps."""
        if not self.timed:
            return super().plan(shapes)
        if self.layer.operation == "GetItem":
            if not self._takes_last():
                raise self.refuse("picks steps of a sequence; only x[:, -1] and x[:, -1, :], the last one, can stream")
            return [Value(self.inputs[0].shape, timed=False)]
        if self.layer.operation not in self._ELEMENTWISE:
            raise self.refuse("does not treat each time step by itself")
        constants = [np.shape(leaf) for leaf in self.args if not isinstance(leaf, Value)]
        if any(len(shape) > len(self.inputs[0].shape) for shape in constants):
            raise self.refuse("has a constant with a time axis")
        return super().plan(shapes)

    def _takes_last(self) -> bool:
        key = self.args[1]
        whole = {"start": None, "stop": None, "step": None}
        if not isinstance(key, list) or len(key) < 2 or key[1] != -1:
            return False
        return all(isinstance(part, dict) and part.get("config", part) == whole for part in [key[0], *key[2:]])

    def emit(self, to: Emission) -> None:
        operation, (y,) = self.layer.operation, self.outputs
        if operation == "GetItem" and self.timed:
            to.put(y, to.number(self.inputs[0]))
            return
        kinds = {"Add": "add", "Subtract": "subtract", "Multiply": "multiply"}
        if operation not in kinds or len(self.inputs) != len(self.args) or len({v.shape for v in self.inputs}) != 1:
            raise NotNativeError
        to.put(y, to.program.merge(kinds[operation], [to.number(value) for value in self.inputs]))

    def run(self, arrays: dict[Value, Array], states: dict[Slot, Array]) -> None:
        """The operation; the last step of one is that one."""
        if self.timed and self.layer.operation == "GetItem":
            arrays[self.outputs[0]] = np.asarray(arrays[self.inputs[0]])[:, -1]
        else:
            super().run(arrays, states)


class WholeSequence(Step):
    """A layer that needs the sequence to its end."""

    why_not = "needs the whole sequence"

    def plan(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        kind = type(self.layer).__name__
        if self.timed or kind in ("Bidirectional", "RepeatVector"):
            raise self.refuse(_WHY_WHOLE.get(kind, self.why_not))
        return super().plan(shapes)


_WHY_WHOLE: Final = {
    "Bidirectional": "reads the sequence backwards too, from an end that has not come yet",
    "RepeatVector": "makes a sequence of its own out of one vector",
    "Permute": "exchanges the time axis with another",
    "Cropping1D": "cuts steps off the end of the sequence",
    "ZeroPadding1D": "adds steps to the sequence",
    "UpSampling1D": "gives more steps than it takes",
    "MaxPooling1D": "pools over time",
    "AveragePooling1D": "pools over time",
    "GlobalMaxPooling1D": "pools over the whole of time",
    "GlobalAveragePooling1D": "pools over the whole of time",
    "Dot": "multiplies sequences with each other",
}

RULES: Final[dict[str, type[Step]]] = {
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN"), Recurrent),
    **dict.fromkeys(("Activation", "Softmax", "ReLU", "LeakyReLU", "ELU", "PReLU", "ThresholdedReLU"), Activation),
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout"), Identity),
    **dict.fromkeys(("BatchNormalization", "LayerNormalization", "UnitNormalization"), Normalization),
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), Merge),
    **dict.fromkeys(("Flatten", "Reshape"), Reshaping),
    **dict.fromkeys(_WHY_WHOLE, WholeSequence),
    "ActivityRegularization": Identity,
    "Conv1D": Convolution,
    "Concatenate": Concatenate,
    "Dense": Dense,
    "Embedding": Embedding,
    "Masking": Masking,
    "Operation": Operation,
    "TimeDistributed": TimeDistributed,
}
"""The kind of step that each layer is, by the name of its class."""


def rule_of(layer: Layer) -> type[Step] | None:
    """The kind of step that `layer` is, or None for a layer (or a `call`) that is not Gatewise's own."""
    own: Any
    for own in type(layer).__mro__:
        if own.__name__ in RULES and own.__module__.startswith("gatewise."):
            return RULES[own.__name__] if type(layer).call is own.call else None
    return Step if type(layer).__module__.startswith("gatewise.layers.") else None


def symbolic_shapes(outputs: Any) -> list[Any]:
    """The shapes of a node's outputs."""
    return [shape_of(tensor) for tensor in structure.flatten(outputs)]
