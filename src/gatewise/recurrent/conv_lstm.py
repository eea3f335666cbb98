"""The convolutional LSTM, over one, two or three axes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from gatewise.arguments import Argument, flag, rate, regularizer
from gatewise.base.arrays import dtype_of, numpy_dtype
from gatewise.base.typing import Array, Shape
from gatewise.layer import registered
from gatewise.layer.input_spec import InputSpec
from gatewise.recurrent.cell_view import in_role
from gatewise.recurrent.cells import protocol
from gatewise.recurrent.cells.conv_lstm import ConvLSTMCell, ConvLSTMWeights
from gatewise.recurrent.rnn import CellOverTime


@registered.register("ConvLSTM")
class ConvLSTM(CellOverTime, ConvLSTMWeights):
    """A convolutional LSTM over `rank` axes; ConvLSTM1D, ConvLSTM2D and ConvLSTM3D are its names with a rank.

    Args:
        rank: 1, 2 or 3.
        filters and all others: as for `ConvLSTM2D`.

    >>> ConvLSTM(2, filters=4, kernel_size=3)(np.zeros((1, 5, 8, 8, 2))).shape
    (1, 6, 6, 4)
    """

    own_place = "cell/vars"
    cell_name: ClassVar[str] = "conv_lstm_cell"

    activity_regularizer = regularizer(after="bias_regularizer")  # Not annotated: to type checkers it is `Layer`'s.
    dropout: Argument[Any, float] = rate(0.0, places={"tf1": "stateful", "tf2": "stateful"})
    recurrent_dropout: Argument[Any, float] = rate(0.0, places={"tf1": "dropout", "tf2": "dropout"})

    unroll: Argument[bool, bool] = flag(False, kw_only=True, in_config=None)

    _fixed: ClassVar[dict[str, Any]] = {"time_major": False}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 3)

    @property
    def cell(self) -> ConvLSTMCell:
        """The layer's cell: the same object in another role, as for LSTM (`cell_view.py`)."""
        made: ConvLSTMCell = in_role(ConvLSTMCell, self)
        return made

    _cell = cell

    def build(self, input_shape: Any) -> None:
        """Make the weights, for inputs (B, T, N, ..., I)."""
        batch, _, *rest = self._sequence_shape(input_shape)
        vars(self)["_step_shape"] = (batch, *rest)
        self._make_weights((batch, *rest))
        axis = 2 if self._channels_first else -1
        self.input_spec = InputSpec(ndim=self.rank + 3, axes={axis: rest[axis - 2] if axis > 0 else rest[-1]})
        if self.stateful and batch is not None and not self._states:
            self._carried.make(batch)

    def _state_shapes(self) -> list[Shape]:
        step = vars(self).get("_step_shape") or (None,) * (self.rank + 2)
        return [self._state_shape(step)[1:]] * 2

    def _initial_state(self, batch: int, x: Array | None = None) -> list[Any]:
        step = vars(self).get("_step_shape") if x is None else (x.shape[0], *x.shape[2:])
        if step is None or None in step[1:]:
            raise ValueError(f"{self.label}: its state has the shape of its input: build it for a known shape first.")
        shape: Any = self._state_shape((batch, *step[1:]))
        dtype = numpy_dtype(self.dtype)
        return [np.zeros(shape, dtype), np.zeros(shape, dtype)]

    def _one_step(self, at: Any, before: Any, training: bool, constants: Any) -> Any:
        return self.cell.call(at, before, training)

    def _in_structure(self, flat: Any) -> list[Any]:
        return list(flat)

    def _empty(self, xp: Any, x: Array) -> Array:
        batch, *axes = self._state_shape((x.shape[0], *x.shape[2:]))
        return xp.zeros((batch, 0, *axes) if self.return_sequences else (batch, *axes), dtype=dtype_of(x, self.dtype))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(B, N', ..., F) or (B, T, N', ..., F); with `return_state` a list of that and the shapes of h and c."""
        batch, steps, *rest = self._sequence_shape(input_shape)
        state = self._state_shape((batch, *rest))
        output: Shape = (batch, steps, *state[1:]) if self.return_sequences else state
        return [output, state, state] if self.return_state else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask goes on where the output has a time axis; the state has none."""
        own = protocol.listed(mask)[0] if self.return_sequences else None
        return [own] if self.return_state else own


@registered.register("ConvLSTM1D")
class ConvLSTM1D(ConvLSTM):
    """A convolutional LSTM over one axis beside time: x is (B, T, N, I); see `ConvLSTM2D`.

    >>> ConvLSTM1D(4, kernel_size=3)(np.zeros((1, 5, 8, 2))).shape
    (1, 6, 4)
    """

    _fixed: ClassVar[dict[str, Any]] = {**ConvLSTM._fixed, "rank": 1}


@registered.register("ConvLSTM2D")
class ConvLSTM2D(ConvLSTM):
    r"""A convolutional LSTM over images: x is (B, T, N, M, I), and the state h, c (B, N', M', F).

    An LSTM whose products are convolutions (*), with W = kernel (K, K', I, 4F), U = recurrent_kernel (K, K', F, 4F),
    b = bias (4F,), the gates in the order i, f, c, o, sigma = recurrent_activation and phi = activation:

        i = sigma(x_t * W_i + h * U_i + b_i)
        f = sigma(x_t * W_f + h * U_f + b_f)
        o = sigma(x_t * W_o + h * U_o + b_o)
        c' = f c + i phi(x_t * W_c + h * U_c + b_c)
        h' = o phi(c')

    The state's convolution has zeros all around, so that h keeps its shape. Source: X. Shi et al. (2015),
    https://arxiv.org/abs/1506.04214, without peepholes, as Keras has it.

    Args:
        filters: F.
        kernel_size: K and K', one integer or two.
        strides, padding, dilation_rate: of the input's convolution; "valid" or "same".
        data_format: "channels_last", or "channels_first" for inputs (B, T, I, N, M).
        activation, recurrent_activation: phi and sigma; sigma is "sigmoid" in Keras 3, and "hard_sigmoid" before.
        dropout, recurrent_dropout: one mask a gate, for a whole sequence.
        use_bias, kernel_initializer, recurrent_initializer, bias_initializer, unit_forget_bias, kernel_regularizer,
        recurrent_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint,
        bias_constraint, seed, return_sequences, return_state, go_backwards, stateful, **kwargs: as for `LSTM`.

    Call arguments:
        inputs, mask, lengths, training, initial_state: as for `LSTM`, with a mask (B, T).

    Raises:
        ValueError, TypeError: for arguments that do not fit, naming the layer and the argument.

    >>> layer = ConvLSTM2D(4, kernel_size=3, padding="same", return_sequences=True)
    >>> layer(np.zeros((1, 5, 8, 8, 2))).shape
    (1, 5, 8, 8, 4)
    """

    _fixed: ClassVar[dict[str, Any]] = {**ConvLSTM._fixed, "rank": 2}


@registered.register("ConvLSTM3D")
class ConvLSTM3D(ConvLSTM):
    """A convolutional LSTM over three axes beside time: x is (B, T, N, M, L, I); see `ConvLSTM2D`.

    >>> ConvLSTM3D(4, kernel_size=2)(np.zeros((1, 5, 4, 4, 4, 2))).shape
    (1, 3, 3, 3, 4)
    """

    _fixed: ClassVar[dict[str, Any]] = {**ConvLSTM._fixed, "rank": 3}
