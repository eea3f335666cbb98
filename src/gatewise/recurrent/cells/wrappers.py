"""Cells around another cell: the wrappers of `tf.nn`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewise.arguments import Argument, flag, seed
from gatewise.base import structure
from gatewise.base.arrays import namespace
from gatewise.base.registry import find_custom_object, get_registered_name
from gatewise.base.typing import Array, Shape
from gatewise.layer import Layer, registered
from gatewise.random import SeedGenerator
from gatewise.recurrent.cells import protocol
from gatewise.recurrent.cells.dropout import DropoutRNNCell
from gatewise.recurrent.cells.lstm import LSTMCell
from gatewise.recurrent.over_time import batch_size_of


def _fraction(value: Any) -> float:
    if isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"expected a number between 0 and 1, got {value!r}.")
    return float(value)


def _a_function(value: Any) -> Any:
    found = find_custom_object(value) if isinstance(value, str) else value
    if value is not None and not callable(found):
        raise ValueError(f"expected a function of inputs and outputs, or the name of a custom object, got {value!r}.")
    return found


def _name_of(value: Any) -> Any:
    return None if value is None else get_registered_name(value)


class CellWrapper(Layer):
    """What has a cell inside, and its state."""

    cell: Argument[Any, Any] = Argument(parse=protocol.a_cell, serialize=protocol.serialized)

    in_keras = False
    casts_integers = True
    why_whole_sequence = protocol.ONE_STEP

    @property
    def wrapped_cell(self) -> Any:
        """The cell inside."""
        return self.cell

    @property
    def state_size(self) -> Any:
        """The cell's."""
        return self.cell.state_size

    @property
    def output_size(self) -> Any:
        """The cell's."""
        return protocol.output_size(self.cell)

    def get_initial_state(self, inputs: Any = None, batch_size: int | None = None, dtype: Any = None) -> Any:
        """The cell's."""
        return protocol.initial_state(self.cell, batch_size_of(self, inputs, batch_size), dtype or self.dtype)

    def build(self, input_shape: Shape) -> None:
        """Build the cell."""
        protocol.build(self.cell, tuple(input_shape))

    def call(self, inputs: Any, states: Any, training: bool = False, constants: Any = None) -> Any:  # type: ignore[override]
        """One step of the cell."""
        made = protocol.step(self.cell, inputs, states, training=training, constants=constants)
        return protocol.checked(self.label, self.cell, made)


@registered.register("ResidualWrapper", "RNNCellResidualWrapper")
class ResidualWrapper(CellWrapper):
    """Adds a cell's inputs to its outputs; the state stays the cell's.

    Args:
        cell: with an output as wide as its input.
        residual_fn: a function of inputs and outputs in place of the sum. A config holds its name, under which
            custom objects must have it.
        **kwargs: see `Layer`.

    Source: Y. Wu et al. (2016), https://arxiv.org/abs/1609.08144; `tf.nn.RNNCellResidualWrapper`.

    >>> import numpy as np
    >>> from gatewise.recurrent import RNN, GRUCell
    >>> RNN(ResidualWrapper(GRUCell(8, use_bias=False)))(np.zeros((1, 5, 8))).shape
    (1, 8)
    """

    residual_fn: Argument[Any, Callable[[Any, Any], Any] | None] = Argument(
        default=None, parse=_a_function, serialize=_name_of
    )

    def call(self, inputs: Any, states: Any, training: bool = False, constants: Any = None) -> Any:  # type: ignore[override]
        """One step of the cell, and its inputs added."""
        outputs, after = super().call(inputs, states, training, constants)
        if self.residual_fn is not None:
            return self.residual_fn(inputs, outputs), after
        pairs = list(zip(structure.flatten(inputs), structure.flatten(outputs), strict=True))
        for x, y in pairs:
            if tuple(x.shape) != tuple(y.shape):
                raise ValueError(
                    f"{self.label}: inputs of the shape {tuple(x.shape)} cannot be added to outputs of the shape "
                    f"{tuple(y.shape)}: make the cell as wide as its input, or pass residual_fn."
                )
        return structure.rebuild(outputs, iter([x + y for x, y in pairs])), after


@registered.register("DropoutWrapper", "RNNCellDropoutWrapper")
class DropoutWrapper(CellWrapper, DropoutRNNCell):
    """Drops parts of a cell's inputs, outputs and states, at every call: as TensorFlow's, in prediction too.

    Args:
        cell: any but an LSTMCell, which TensorFlow refuses as well: it has `dropout` and `recurrent_dropout`.
        input_keep_prob, output_keep_prob, state_keep_prob: the fractions that stay, in [0, 1].
        variational_recurrent: draw one mask for a whole sequence, for all samples, and not one a step and sample.
        input_size: accepted; the inputs say it.
        seed: of the masks.
        dropout_state_filter_visitor: a function that says of each array of the state whether to drop from it.
        **kwargs: see `Layer`.

    Source: Y. Gal and Z. Ghahramani (2016), https://arxiv.org/abs/1512.05287; `tf.nn.RNNCellDropoutWrapper`.

    >>> import numpy as np
    >>> from gatewise.recurrent import RNN, GRUCell
    >>> RNN(DropoutWrapper(GRUCell(4), output_keep_prob=0.5))(np.zeros((1, 5, 8))).shape
    (1, 4)
    """

    input_keep_prob: Argument[Any, float] = Argument(default=1.0, parse=_fraction)
    output_keep_prob: Argument[Any, float] = Argument(default=1.0, parse=_fraction)
    state_keep_prob: Argument[Any, float] = Argument(default=1.0, parse=_fraction)
    variational_recurrent: Argument[bool, bool] = flag(False)
    input_size: Argument[Any, Any] = Argument(default=None)
    seed: Argument[Any, int | None] = seed()
    dropout_state_filter_visitor: Argument[Any, Any] = Argument(default=None, in_config=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seeds = SeedGenerator(self.seed)
        if isinstance(self.cell, LSTMCell):
            raise ValueError(
                f"{self.label}: TensorFlow's wrapper refuses an LSTMCell, as its state c is not to be dropped. Use "
                "LSTMCell(dropout=..., recurrent_dropout=...) instead."
            )

    def call(self, inputs: Any, states: Any, training: bool = False, constants: Any = None) -> Any:  # type: ignore[override]
        """One step of the cell, with parts of what goes in and comes out dropped."""
        inputs = self._dropped("input", inputs, self.input_keep_prob)
        outputs, after = super().call(inputs, states, training, constants)
        after = self._dropped("state", after, self.state_keep_prob, self.dropout_state_filter_visitor)
        return self._dropped("output", outputs, self.output_keep_prob), after

    def _dropped(self, what: str, arrays: Any, keep: float, wanted: Any = None) -> Any:
        if keep >= 1:
            return arrays
        leaves = structure.flatten(arrays)
        made = [
            x * self._mask(f"{what} {place}", x, keep) if wanted is None or wanted(x) is not False else x
            for place, x in enumerate(leaves)
        ]
        return structure.rebuild(arrays, iter(made))

    def _mask(self, place: str, x: Array, keep: float) -> Array:
        if not self.variational_recurrent:
            return self._drawn(x, 1 - keep)
        held = vars(self).setdefault("_held_masks", {})
        if place not in held:
            held[place] = self._drawn(namespace(x).zeros_like(x[:1]), 1 - keep)
        return held[place]

    def reset_dropout_mask(self) -> None:
        """Forget the masks that held for a sequence."""
        vars(self).pop("_held_masks", None)


@registered.register("DeviceWrapper", "RNNCellDeviceWrapper")
class DeviceWrapper(CellWrapper):
    """A cell with the name of a device, which is kept and has no effect: arrays say where they are computed.

    Args:
        cell: any cell.
        device: "/cpu:0".
        **kwargs: see `Layer`.

    Source: `tf.nn.RNNCellDeviceWrapper`.
    """

    device: Argument[Any, Any] = Argument()
