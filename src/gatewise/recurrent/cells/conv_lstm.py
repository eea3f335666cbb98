"""The cell of the convolutional LSTM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gatewise.arguments import (
    KEYWORD_IN_KERAS2,
    REQUIRED,
    Argument,
    constraint,
    count,
    data_format,
    flag,
    initializer,
    padding,
    positive,
    rate,
    regularizer,
    seed,
)
from gatewise.arguments import (
    activation as an_activation,
)
from gatewise.base import structure, windows
from gatewise.base.arrays import namespace, numpy_dtype
from gatewise.base.typing import Array, Shape
from gatewise.engine import cells
from gatewise.engine.cells import Parts
from gatewise.engine.convolution import convolve
from gatewise.layer import Layer, registered
from gatewise.layer.input_spec import InputSpec
from gatewise.random import SeedGenerator
from gatewise.recurrent.cells import protocol
from gatewise.recurrent.cells.dropout import DropoutRNNCell
from gatewise.recurrent.over_time import batch_size_of

_GATES = len(cells.LSTM.gates)


def _sizes(value: Any) -> Any:
    """A positive integer for all axes, or a sequence of them, one an axis."""
    return tuple(positive(each) for each in value) if isinstance(value, (list, tuple)) else positive(value)


def _an_axis_each(default: Any = REQUIRED) -> Argument[Any, Any]:
    return Argument(default=default, parse=_sizes)


def _rank(value: Any) -> int:
    rank = positive(value)
    if rank > 3:
        raise ValueError(f"expected 1, 2 or 3 axes to convolve over, got {rank}.")
    return rank


class HasRank(Layer):
    """The first argument of ConvLSTM and its cell: how many axes the convolution has."""

    rank: Argument[int, int] = Argument(parse=_rank)


class ConvLSTMWeights(HasRank):
    """What a convolutional LSTM is, as a cell and as a layer: arguments, weights, and the arithmetic of shapes."""

    filters: Argument[int, int] = count()
    kernel_size: Argument[Any, Any] = _an_axis_each()
    strides: Argument[Any, Any] = _an_axis_each(1)
    padding: Argument[str, str] = padding("valid", "same")
    data_format: Argument[Any, str] = data_format()
    dilation_rate: Argument[Any, Any] = _an_axis_each(1)
    activation: Argument[Any, Callable[[Array], Array]] = an_activation("tanh")
    recurrent_activation: Argument[Any, Callable[[Array], Array]] = an_activation(
        "sigmoid", tf1="hard_sigmoid", tf2="hard_sigmoid"
    )
    use_bias: Argument[bool, bool] = flag(True)
    kernel_initializer: Argument[Any, Any] = initializer("glorot_uniform")
    recurrent_initializer: Argument[Any, Any] = initializer("orthogonal")
    bias_initializer: Argument[Any, Any] = initializer("zeros")
    unit_forget_bias: Argument[bool, bool] = flag(True)
    kernel_regularizer: Argument[Any, Any] = regularizer()
    recurrent_regularizer: Argument[Any, Any] = regularizer()
    bias_regularizer: Argument[Any, Any] = regularizer()
    kernel_constraint: Argument[Any, Any] = constraint()
    recurrent_constraint: Argument[Any, Any] = constraint()
    bias_constraint: Argument[Any, Any] = constraint()
    dropout: Argument[Any, float] = rate(0.0)
    recurrent_dropout: Argument[Any, float] = rate(0.0)
    seed: Argument[Any, int | None] = seed(places=KEYWORD_IN_KERAS2)

    casts_integers = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seeds = SeedGenerator(self.seed)
        for name in ("kernel_size", "strides", "dilation_rate"):
            setattr(self, name, self._per_axis(name, getattr(self, name)))
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{self.label}: strides={self.strides} and dilation_rate={self.dilation_rate} cannot both be above 1."
            )

    def _per_axis(self, name: str, value: Any) -> tuple[int, ...]:
        sizes = value if isinstance(value, tuple) else (value,) * self.rank
        if len(sizes) != self.rank:
            raise ValueError(
                f"{self.label}: {name}: expected a positive integer, or {self.rank} of them, got {value!r}."
            )
        return sizes

    @property
    def _channels_first(self) -> bool:
        return bool(self.data_format == "channels_first")

    def _channels_last(self, x: Array) -> Array:
        """One step x (B, ...) with the features on the last axis."""
        return namespace(x).moveaxis(x, 1, -1) if self._channels_first else x

    def _as_declared(self, x: Array) -> Array:
        """The way back from `_channels_last`."""
        return namespace(x).moveaxis(x, -1, 1) if self._channels_first else x

    def _make_weights(self, step_shape: Shape) -> None:
        """Make kernel (K, ..., I, 4F), recurrent_kernel (K, ..., F, 4F) and bias (4F,)."""
        features = step_shape[1 if self._channels_first else -1]
        if features is None:
            raise ValueError(f"{self.label}: the number of features must be known to make the weights.")
        width = _GATES * self.filters
        self.kernel = self._add_declared("kernel", (*self.kernel_size, features, width))
        self.recurrent_kernel = self._add_declared(
            "recurrent_kernel", (*self.kernel_size, self.filters, width), words="recurrent"
        )
        self.bias = self._add_declared("bias", (width,), initializer=self._bias_start) if self.use_bias else None

    def _bias_start(self, shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
        bias = np.array(self.bias_initializer(shape, dtype=dtype))
        if self.unit_forget_bias:
            bias[self.filters : 2 * self.filters] = 1
        return bias

    def _window(self, axis: int) -> dict[str, Any]:
        """The window of the input's convolution on one of its axes."""
        return {
            "size": self.kernel_size[axis],
            "stride": self.strides[axis],
            "padding": self.padding,
            "dilation": self.dilation_rate[axis],
        }

    def _state_shape(self, step_shape: Shape) -> Shape:
        """The shape of h and c, and so of the output, for an input of one step."""
        batch, *axes = step_shape
        spatial = axes[1:] if self._channels_first else axes[:-1]
        made = [windows.places(self.label, n, **self._window(k)) for k, n in enumerate(spatial)]
        return (batch, self.filters, *made) if self._channels_first else (batch, *made, self.filters)


@registered.register("ConvLSTMCell")
class ConvLSTMCell(ConvLSTMWeights, DropoutRNNCell):
    """One step of a convolutional LSTM: an LSTM whose products are convolutions. `ConvLSTM2D` has the equation.

    Args:
        rank: over how many axes it convolves, 1 to 3.
        filters, kernel_size and all others: as for `ConvLSTM2D`.

    Call arguments:
        inputs: (B, N, ..., I), one step.
        states: h and c, (B, N', ..., F) each.
        training: whether dropout acts, with a mask for each gate.

    >>> cell = ConvLSTMCell(2, filters=4, kernel_size=3, padding="same")
    >>> zeros = np.zeros((1, 8, 8, 4))
    >>> y, (h, c) = cell(np.zeros((1, 8, 8, 2)), [zeros, zeros])
    >>> y.shape
    (1, 8, 8, 4)
    """

    dropout_mask_count = _GATES
    why_whole_sequence = protocol.ONE_STEP

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def build(self, input_shape: Shape) -> None:
        """Make the weights, for inputs of one step."""
        self._make_weights(input_shape)
        vars(self)["_step_shape"] = tuple(input_shape)

    @property
    def state_size(self) -> list[int]:
        """F for h and for c: the number of their features, and not their shape."""
        return [self.filters, self.filters]

    @property
    def output_size(self) -> int:
        """F."""
        return self.filters

    def get_initial_state(self, inputs: Any = None, batch_size: int | None = None, dtype: Any = None) -> list[Array]:
        """Zeros for h and c.

        Args:
            inputs: one step (B, N, ..., I), or B.
            batch_size: B.
            dtype: by default the cell's.

        Raises:
            ValueError: before the cell is built, as the shape depends on the input's.
        """
        step = getattr(inputs, "shape", None) or vars(self).get("_step_shape")
        if step is None or None in step[1:]:
            raise ValueError(f"{self.label}: its state has the shape of its input: build it for a known shape first.")
        shape = self._state_shape((batch_size_of(self, inputs, batch_size), *step[1:]))
        return [np.zeros(shape, numpy_dtype(dtype or self.dtype)) for _ in self.state_size]

    def _check(self, shapes: Any) -> None:
        # Not by `input_spec`: a layer's cell shares that with the layer, whose inputs have a time axis.
        shape = tuple(structure.flatten(shapes, leaf=structure.is_shape)[0])
        if len(shape) != self.rank + 2:
            raise ValueError(f"{self.label}: one step takes an input with {self.rank + 2} axes, got the shape {shape}.")

    def call(  # type: ignore[override]
        self, inputs: Array, states: Any, training: bool = False
    ) -> Any:
        """One step; see the class."""
        h, c = (self._channels_last(state) for state in states)
        x = self._channels_last(inputs)
        kernel, recurrent_kernel = self.kernel.value, self.recurrent_kernel.value
        xp = namespace(x, h, c, kernel)
        drops, recurrent_drops = self._masks(x, h) if training else (None, None)
        ends = [windows.ends(n, **self._window(k)) for k, n in enumerate(x.shape[1:-1])]
        z = self._product(xp, x, kernel, drops, self.strides, ends, self.dilation_rate)
        if self.bias is not None:
            z = z + self.bias.value
        ones = (1,) * self.rank
        around = [((size - 1) // 2, size // 2) for size in self.kernel_size]

        def project(_: slice, before: Array) -> Array:  # The LSTM asks for all gates at once.
            return self._product(xp, before, recurrent_kernel, recurrent_drops, ones, around, ones)

        parts = Parts(project, None, self.activation, self.recurrent_activation, {})
        h, c = (self._as_declared(state) for state in cells.LSTM.step(z, (h, c), parts))
        return h, [h, c]

    def _product(self, xp: Any, x: Array, kernel: Array, drops: Any, strides: Any, ends: Any, dilation: Any) -> Array:
        """The convolution for all gates, each with its own dropout mask where there are any."""
        if drops is None:
            return convolve(x, kernel, strides, ends, dilation)
        each = [kernel[..., k * self.filters : (k + 1) * self.filters] for k in range(_GATES)]
        made = [convolve(x * drop, part, strides, ends, dilation) for drop, part in zip(drops, each, strict=True)]
        return xp.concat(made, axis=-1)

    def _masks(self, x: Array, h: Array) -> tuple[Any, Any]:
        """Dropout's masks; as in Keras, a rate of 1 drops nothing."""
        return (
            self.get_dropout_mask(x) if self.dropout < 1 else None,
            self.get_recurrent_dropout_mask(h) if self.recurrent_dropout < 1 else None,
        )

    def compute_output_shape(self, input_shape: Shape, states_shape: Any = None) -> Any:
        """The shape of the output, and of h and c, which is the same."""
        shape = self._state_shape(tuple(input_shape))
        return [shape, [shape, shape]]
