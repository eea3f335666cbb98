"""TensorFlow 1's cells, `tf.nn.rnn_cell` and `tf.contrib.rnn`: one kernel over [inputs, state], gates in another order.

They are not Keras's cells of similar names. LSTM's gates come as i, j, f, o, and `forget_bias` is added at every step,
not kept in the bias; a state is (c, h), where Keras has (h, c). GRU's gates have a bias of ones, and its reset comes
before the product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from gatewise import activations
from gatewise.base import structure
from gatewise.base.arrays import namespace, numpy_dtype
from gatewise.base.tensors import as_tensor
from gatewise.base.typing import Array, Shape
from gatewise.layer import Layer
from gatewise.recurrent import cells
from gatewise.recurrent.cells.protocol import ONE_STEP
from gatewise.recurrent.cells.wrappers import CellWrapper


class LSTMStateTuple(NamedTuple):
    """The state of an LSTM: the cell's c, and its output h."""

    c: Any
    h: Any


class RNNCell(Layer):
    """The base of cells, a program's own too: `call(inputs, state)` gives the output and the new state.

    A subclass says `state_size` and `output_size`.
    """

    in_keras = False
    why_whole_sequence = ONE_STEP
    state_size: Any
    output_size: Any

    def zero_state(self, batch_size: Any, dtype: Any = "float32") -> Any:
        """The state that B sequences start from: zeros in the structure of `state_size`."""
        return zeros_of(self, batch_size, dtype)

    def get_initial_state(self, inputs: Any = None, batch_size: Any = None, dtype: Any = None) -> Any:
        """`zero_state`, for the batch of `inputs` where they are given."""
        return self.zero_state(batch_size if inputs is None else inputs.shape[0], dtype or self.dtype)


def _alone(state: Any) -> Array:
    """A state that Keras's RNN hands over in a list, as it does with its own cells."""
    only: Array = state[0] if isinstance(state, list) else state
    return only


def zeros_of(cell: Any, batch_size: Any, dtype: Any) -> Any:
    """Zeros in the structure of a cell's state."""
    widths, kind = cell.state_size, numpy_dtype(getattr(dtype, "name", dtype))
    return structure.map_structure(lambda width: as_tensor(np.zeros((int(batch_size), int(width)), kind)), widths)


class _Gated(RNNCell):
    """What the cells of one width share.

    Args:
        num_units: H.
        activation: a name or a function; tanh by default.
        reuse: accepted; a cell has its own weights.
    """

    def __init__(self, num_units: int, activation: Any = None, reuse: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_units = self.state_size = self.output_size = num_units
        self.activation = activations.get(activation or "tanh")

    def _product(self, x: Array, h: Array, name: str) -> Array:
        """[x, h] W + b, with the weights of this name."""
        kernel, bias = self._weights_of[name]
        xp = namespace(x, h)
        return xp.matmul(xp.concat([x, h], axis=1), kernel.value) + bias.value

    def _make(self, name: str, shape: Shape, kernel: Any = None, bias: Any = "zeros") -> None:
        made = (
            self.add_weight(name=f"{name}kernel", shape=shape, initializer=kernel),
            self.add_weight(name=f"{name}bias", shape=shape[1:], initializer=bias),
        )
        self._weights_of = {**vars(self).get("_weights_of", {}), name: made}


class BasicRNNCell(_Gated):
    """h' = phi([x, h] W + b).

    Args:
        num_units: H.
        activation, reuse, name, dtype: as for the others.

    >>> cell = BasicRNNCell(3)
    >>> cell(np.ones((2, 4), "float32"), cell.zero_state(2, "float32"))[0].shape.as_list()
    [2, 3]
    """

    def __init__(self, num_units: int, activation: Any = None, reuse: Any = None, name: Any = None, dtype: Any = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(num_units, activation, reuse, name=name, dtype=dtype, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        self._make("", (input_shape[-1] + self.num_units, self.num_units))

    def call(self, inputs: Array, state: Array) -> tuple[Array, Array]:  # type: ignore[override]
        """One step."""
        after = self.activation(self._product(inputs, _alone(state), ""))
        return after, after


class GRUCell(_Gated):
    """r, u = sigma([x, h] W_g + b_g);  h' = u * h + (1 - u) * phi([x, r * h] W_c + b_c).

    Args:
        num_units: H.
        activation, reuse, name, dtype: as for the others.
        kernel_initializer, bias_initializer: of both products; without one, the gates' bias is ones, the other zeros.

    Source: K. Cho et al. (2014), https://arxiv.org/abs/1406.1078; TensorFlow 1.
    """

    def __init__(self, num_units: int, activation: Any = None, reuse: Any = None, kernel_initializer: Any = None,
                 bias_initializer: Any = None, name: Any = None, dtype: Any = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(num_units, activation, reuse, name=name, dtype=dtype, **kwargs)
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        rows, own = input_shape[-1] + self.num_units, self.bias_initializer
        self._make("gates/", (rows, 2 * self.num_units), self.kernel_initializer, own or "ones")
        self._make("candidate/", (rows, self.num_units), self.kernel_initializer, own or "zeros")

    def call(self, inputs: Array, state: Array) -> tuple[Array, Array]:  # type: ignore[override]
        """One step."""
        state = _alone(state)
        gates = activations.sigmoid(self._product(inputs, state, "gates/"))
        r, u = gates[:, : self.num_units], gates[:, self.num_units :]
        candidate = self.activation(self._product(inputs, r * state, "candidate/"))
        after = u * state + (1 - u) * candidate
        return after, after


class LSTMCell(_Gated):
    """c' = sigma(f + forget_bias) * c + sigma(i) * phi(j);  h' = sigma(o) * phi(c'), with i, j, f, o = [x, h] W + b.

    Args:
        num_units: H, the width of c.
        use_peepholes: the gates see c (o sees c'), each through a vector of weights.
        cell_clip: c' is kept within so much of zero.
        initializer: of the kernels.
        num_proj: h' is multiplied by (H, num_proj).
        proj_clip: and kept within so much of zero.
        forget_bias: added to f at every step.
        state_is_tuple: the state is an `LSTMStateTuple`, else c and h side by side.
        num_unit_shards, num_proj_shards, reuse: accepted.
        activation, name, dtype: as for the others.

    Source: H. Sak et al. (2014), https://arxiv.org/abs/1402.1128; TensorFlow 1.

    >>> cell = LSTMCell(3, num_proj=2)
    >>> output, state = cell(np.ones((5, 4), "float32"), cell.zero_state(5, "float32"))
    >>> output.shape.as_list(), state.c.shape.as_list()
    ([5, 2], [5, 3])
    """

    def __init__(self, num_units: int, use_peepholes: bool = False, cell_clip: float | None = None,
                 initializer: Any = None, num_proj: int | None = None, proj_clip: float | None = None,
                 num_unit_shards: Any = None, num_proj_shards: Any = None, forget_bias: float = 1.0,
                 state_is_tuple: bool = True, activation: Any = None, reuse: Any = None, name: Any = None,
                 dtype: Any = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(num_units, activation, reuse, name=name, dtype=dtype, **kwargs)
        self.use_peepholes, self.cell_clip, self.initializer = use_peepholes, cell_clip, initializer
        self.num_proj, self.proj_clip, self.forget_bias = num_proj, proj_clip, forget_bias
        self.state_is_tuple = state_is_tuple
        self.output_size = num_proj or num_units
        widths = LSTMStateTuple(num_units, self.output_size)
        self.state_size = widths if state_is_tuple else sum(widths)

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        self._make("", (input_shape[-1] + self.output_size, 4 * self.num_units), self.initializer)
        if self.use_peepholes:
            self.peepholes = [
                self.add_weight(
                    name=f"w_{gate}_diag", shape=(self.num_units,), initializer=self.initializer or "uniform"
                )
                for gate in "fio"
            ]
        if self.num_proj:
            shape = (self.num_units, self.num_proj)
            self.projection = self.add_weight(name="projection/kernel", shape=shape, initializer=self.initializer)

    def call(self, inputs: Array, state: Any) -> tuple[Array, Any]:  # type: ignore[override]
        """One step."""
        xp, units, sigmoid = namespace(inputs), self.num_units, activations.sigmoid
        c, h = state if self.state_is_tuple else (state[:, :units], state[:, units:])
        i, j, f, o = (self._product(inputs, h, "")[:, k * units : (k + 1) * units] for k in range(4))
        of_f, of_i, of_o = (w.value for w in self.peepholes) if self.use_peepholes else (0, 0, 0)
        c = sigmoid(f + self.forget_bias + of_f * c) * c + sigmoid(i + of_i * c) * self.activation(j)
        c = _clipped(xp, c, self.cell_clip)
        h = sigmoid(o + of_o * c) * self.activation(c)
        if self.num_proj:
            h = _clipped(xp, xp.matmul(h, self.projection.value), self.proj_clip)
        return h, LSTMStateTuple(c, h) if self.state_is_tuple else xp.concat([c, h], axis=1)


def _clipped(xp: Any, x: Array, most: float | None) -> Array:
    return x if most is None else xp.clip(x, -most, most)


class BasicLSTMCell(LSTMCell):
    """`LSTMCell` without its options.

    Args:
        num_units: H.
        forget_bias, state_is_tuple, activation, reuse, name, dtype: as for `LSTMCell`.
    """

    def __init__(self, num_units: int, forget_bias: float = 1.0, state_is_tuple: bool = True, activation: Any = None,
                 reuse: Any = None, name: Any = None, dtype: Any = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(num_units, forget_bias=forget_bias, state_is_tuple=state_is_tuple, activation=activation,
                         reuse=reuse, name=name, dtype=dtype, **kwargs)  # fmt: skip


class MultiRNNCell(RNNCell):
    """Cells one over the other: the output of each is the input of the next.

    Args:
        cells: each an object of its own, so that each has its own weights.
        state_is_tuple: the state is a tuple of the cells' states, else they stand side by side.
    """

    def __init__(self, cells: Sequence[Any], state_is_tuple: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(cells, (list, tuple)) or not cells:
            raise ValueError(f"{self.label}: expected a list of cells, got {cells!r}.")
        self.cells, self.state_is_tuple = list(cells), state_is_tuple
        self.output_size = self.cells[-1].output_size
        widths = tuple(cell.state_size for cell in self.cells)
        if not state_is_tuple and any(map(structure.is_nested, widths)):
            raise ValueError(f"{self.label}: state_is_tuple=False takes cells with one state, got {widths}.")
        self.state_size = widths if state_is_tuple else sum(widths)

    def build(self, input_shape: Any) -> None:
        """Each cell makes its weights when it is called first."""

    def call(self, inputs: Array, state: Any) -> tuple[Array, Any]:  # type: ignore[override]
        """One step of each."""
        if not self.state_is_tuple:
            ends = np.cumsum([cell.state_size for cell in self.cells])
            state = [state[:, end - cell.state_size : end] for cell, end in zip(self.cells, ends, strict=True)]
        after = []
        for cell, own in zip(self.cells, state, strict=True):
            inputs, new = cell(inputs, own)
            after.append(new)
        return inputs, tuple(after) if self.state_is_tuple else namespace(inputs).concat(after, axis=1)


class _Wrapper(CellWrapper):
    """What TensorFlow 1's cells have that Keras's have not: a state of the cell's own structure."""

    def zero_state(self, batch_size: Any, dtype: Any = "float32") -> Any:
        """The cell's."""
        return zeros_of(self, batch_size, dtype)

    def call(self, inputs: Any, states: Any, training: bool = False, constants: Any = None) -> Any:  # type: ignore[override]
        """One step."""
        outputs, after = super().call(inputs, states, training, constants)
        return outputs, self._as_in_the_cell(after)

    def _as_in_the_cell(self, state: Any) -> Any:
        return structure.rebuild(self.cell.state_size, iter(structure.flatten(state)))


class DropoutWrapper(_Wrapper, cells.DropoutWrapper):
    """Drops parts of a cell's inputs, outputs and states, at every call; of an LSTM's state h alone."""

    def __init__(self, cell: Any, input_keep_prob: Any = 1.0, output_keep_prob: Any = 1.0, state_keep_prob: Any = 1.0,
                 variational_recurrent: bool = False, input_size: Any = None, dtype: Any = None, seed: Any = None,
                 dropout_state_filter_visitor: Callable[[Any], bool] | None = None, **kwargs: Any) -> None:  # fmt: skip
        cells.DropoutWrapper.__init__(
            self, cell, float(input_keep_prob), float(output_keep_prob), float(state_keep_prob),
            variational_recurrent=variational_recurrent, input_size=input_size, seed=seed,
            dropout_state_filter_visitor=dropout_state_filter_visitor, **kwargs,
        )  # fmt: skip

    def _dropped(self, what: str, arrays: Any, keep: float, wanted: Any = None) -> Any:
        arrays = self._as_in_the_cell(arrays) if what == "state" else arrays
        if isinstance(arrays, LSTMStateTuple) and wanted is None:
            return LSTMStateTuple(arrays.c, super()._dropped(what, arrays.h, keep))
        return super()._dropped(what, arrays, keep, wanted)


class ResidualWrapper(_Wrapper, cells.ResidualWrapper):
    """Adds a cell's inputs to its outputs, or gives what `residual_fn(inputs, outputs)` does."""


class DeviceWrapper(_Wrapper, cells.DeviceWrapper):
    """A cell with the name of a device, which has no effect."""


CELLS: Final[dict[str, Any]] = {
    cell.__name__: cell
    for cell in (RNNCell, BasicRNNCell, BasicLSTMCell, LSTMCell, GRUCell, MultiRNNCell, DropoutWrapper, ResidualWrapper,
                 DeviceWrapper, LSTMStateTuple)
}  # fmt: skip
"""What `tf.nn.rnn_cell` and `tf.contrib.rnn` have, by name."""
