"""CuDNNLSTM and CuDNNGRU, the layers of TensorFlow 1 that ran on cuDNN: their arguments, and their layout of weights.

For a gate our kernel is (I, H). cuDNN keeps the same numbers as (H, I), and Keras reads that memory as (I, H). There
are two biases for each gate.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from gatewise.arguments import Argument, flag
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.engine import cells
from gatewise.engine.op import PRODUCTS
from gatewise.layer import registered
from gatewise.recurrent.base import RecurrentLayer
from gatewise.recurrent.cells.gru import GRUCell
from gatewise.recurrent.cells.lstm import LSTMCell
from gatewise.recurrent.gru import GRU
from gatewise.recurrent.lstm import LSTM
from gatewise.recurrent.weights import CellWeights


def from_cudnn(kernel: Array, gates: int) -> Array:
    """A kernel (I, gH), or a recurrent kernel (H, gH), of cuDNN's layout in ours."""
    rows, columns = kernel.shape
    xp, width = namespace(kernel), columns // gates
    return xp.concat([xp.reshape(part, (width, rows)).T for part in _each_gate(kernel, gates)], axis=1)


def to_cudnn(kernel: Array, gates: int) -> Array:
    """A kernel of our layout in cuDNN's; undone by `from_cudnn`."""
    rows, columns = kernel.shape
    xp, width = namespace(kernel), columns // gates
    return xp.concat([xp.reshape(part.T, (rows, width)) for part in _each_gate(kernel, gates)], axis=1)


def _each_gate(kernel: Array, gates: int) -> list[Array]:
    width = kernel.shape[1] // gates
    return [kernel[:, gate * width : (gate + 1) * width] for gate in range(gates)]


class CuDNNWeights(CellWeights):
    """Weights in cuDNN's layout."""

    def _weight_shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {**super()._weight_shapes(features), "bias": (2 * len(self._equation.gates) * self.units,)}

    def _as_cell_has(self, weights: dict[str, Array]) -> dict[str, Array]:
        gates = len(self._equation.gates)
        bias = weights["bias"]
        rows = namespace(bias).reshape(bias, (2, gates * self.units))
        in_one = self._equation.weights["bias"] == cells.Cell.weights["bias"]
        kernels = {name: from_cudnn(weights[name], gates) for name in PRODUCTS}
        return {**kernels, "bias": rows[0] + rows[1] if in_one else rows}


class CuDNNLSTMCell(LSTMCell, CuDNNWeights):
    """The cell of CuDNNLSTM."""


class CuDNNGRUCell(GRUCell, CuDNNWeights):
    """The cell of CuDNNGRU."""


class CuDNN(RecurrentLayer, CuDNNWeights):
    """What both layers share: they compute as LSTM and GRU do, from weights in cuDNN's layout, and take no masks."""

    time_major: Argument[bool, bool] = flag(False, kw_only=True, in_config=None)

    _fixed: ClassVar[dict[str, Any]] = {
        "activation": "tanh",
        "recurrent_activation": "sigmoid",
        "use_bias": True,
        "dropout": 0.0,
        "recurrent_dropout": 0.0,
        "seed": None,
        "unroll": False,
        "use_cudnn": "auto",
        "implementation": 2,
        "zero_output_for_mask": False,
    }

    supports_masking = False

    def _fitting_mask(self, xp: Any, mask: Any, x: Array) -> Array:
        if (mask[0] if isinstance(mask, (list, tuple)) else mask) is None:
            return None
        plain = type(self).__name__.removeprefix("CuDNN")
        raise ValueError(
            f"{self.label} takes no mask, as cuDNN did not: make it a {plain}, which does, and which reads the weights "
            "that this layer saved."
        )


@registered.register("CuDNNLSTM")
class CuDNNLSTM(CuDNN, LSTM):
    """The LSTM that TensorFlow 1 ran on cuDNN; here it runs anywhere.

    It computes what `LSTM` does with tanh and sigmoid. The weights are kernel (I, 4H), recurrent_kernel (H, 4H) and
    bias (8H,) in cuDNN's layout, as `get_weights` of TensorFlow gave them. Files load into it from LSTM too, and its
    files into LSTM.

    Args:
        units, kernel_initializer, recurrent_initializer, bias_initializer, unit_forget_bias, kernel_regularizer,
        recurrent_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint,
        bias_constraint, return_sequences, return_state, go_backwards, stateful, time_major, **kwargs: as for `LSTM`.

    Raises:
        ValueError: as `LSTM`, and for a mask.
        TypeError: for LSTM's other arguments, which cuDNN's layer never had.

    Source: TensorFlow 1.14, `tf.keras.layers.CuDNNLSTM`.

    >>> layer = CuDNNLSTM(4, return_sequences=True)
    >>> layer(np.zeros((2, 10, 8))).shape
    (2, 10, 4)
    >>> [weight.shape for weight in layer.weights]
    [(8, 16), (4, 16), (32,)]
    """

    cell_class = CuDNNLSTMCell

    def _bias_start(self, shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
        bias = np.array(RecurrentLayer._bias_start(self, shape, dtype))
        if self.unit_forget_bias:
            bias[5 * self.units : 6 * self.units] = 1  # The second of the forget gate's two.
        return bias


@registered.register("CuDNNGRU")
class CuDNNGRU(CuDNN, GRU):
    """The GRU that TensorFlow 1 ran on cuDNN; here it runs anywhere.

    It computes what `GRU` does with tanh, sigmoid and `reset_after`. The weights are kernel (I, 3H), recurrent_kernel
    (H, 3H) and bias (6H,) in cuDNN's layout.

    Args:
        units, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
        bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint, bias_constraint,
        return_sequences, return_state, go_backwards, stateful, time_major, **kwargs: as for `LSTM`.

    Raises:
        ValueError, TypeError: as `CuDNNLSTM`.

    Source: TensorFlow 1.14, `tf.keras.layers.CuDNNGRU`.

    >>> sequence, h = CuDNNGRU(4, return_sequences=True, return_state=True)(np.zeros((2, 10, 8)))
    >>> sequence.shape, h.shape
    ((2, 10, 4), (2, 4))
    """

    cell_class = CuDNNGRUCell

    _fixed: ClassVar[dict[str, Any]] = {**CuDNN._fixed, "reset_after": True}
