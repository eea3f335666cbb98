"""TensorFlow 1's cells and our layers: which arrays of a checkpoint or frozen graph are which weights.

| cell | arrays below its name | layer |
| --- | --- | --- |
| BasicLSTMCell, LSTMCell, LSTMBlockCell | kernel (I + H, 4H), bias | LSTM |
| LSTMCell(use_peepholes=True) | those, and w_f_diag, w_i_diag, w_o_diag (H,) | PeepholeLSTM |
| LSTMCell(num_proj=P) | kernel (I + P, 4H), bias, projection/kernel (H, P) | ProjectedLSTM |
| GRUCell, GRUBlockCell | gates/kernel (I + H, 2H), gates/bias, candidate/kernel (I + H, H), candidate/bias | GRU |
| CudnnCompatibleGRUCell | gates/..., candidate/input_projection/..., candidate/hidden_projection/... | GRU, too |
| BasicRNNCell | kernel (I + H, H), bias | SimpleRNN |
| `bidirectional_dynamic_rnn` | those of one cell, below fw and below bw | Bidirectional |

Before TensorFlow 1.2 a kernel was called weights, and a bias biases. An LSTM's gates are i j f o, where Keras has
i f j o; its forget gate's bias stands in code, not in the file: the default, 1, is added. A GRU's are r u and the
candidate; Keras calls u z and has z r h.

A GRUCell resets before the product, as GRU(reset_after=False) does; the one that is compatible with cuDNN behind it.

Source: TensorFlow 1.15, `rnn_cell_impl.py` and `cudnn_rnn_ops.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from gatewise.formats import Stored
from gatewise.layer import Layer
from gatewise.recurrent import GRU, LSTM, Bidirectional, PeepholeLSTM, ProjectedLSTM, SimpleRNN

Values: TypeAlias = list[np.ndarray]

FORGET_BIAS: Final = 1.0
"""What an LSTM of TensorFlow 1 adds to its forget gate, unless its program says otherwise."""
_OLD_NAMES: Final = {"weights": "kernel", "biases": "bias"}
_DIRECTIONS: Final = ("fw", "bw")


@dataclass(frozen=True)
class Cell:
    """One kind of cell.

    Attributes:
        names: of its arrays, behind the cell's own.
        to_ours: a layer's weights, in its order, of these arrays in this order and H.
    """

    names: tuple[str, ...]
    to_ours: Callable[[Values, int], Values]


def below(scope: str, arrays: Sequence[Stored]) -> list[Stored]:
    """The weights whose names begin with a scope: what an optimizer keeps for each stands below its name.

    >>> def stored(name): return Stored(name, (2,), "float32", lambda: None)
    >>> [array.name for array in below("rnn", [stored("rnn/cell/bias"), stored("rnn/cell/bias/Adam"), stored("x")])]
    ['rnn/cell/bias']
    """
    found = [array for array in arrays if array.name.startswith(f"{scope}/")]
    names = {array.name for array in found}
    return [array for array in found if array.name.rpartition("/")[0] not in names]


def converted(layer: Layer, arrays: Sequence[Stored]) -> Values | None:
    """A layer's weights of a cell's arrays, or of two cells' for a Bidirectional; None where they are of no such cell.

    Args:
        layer: built.
        arrays: with their names, or without any that say something, in the order of the table above.
    """
    if not isinstance(layer, Bidirectional):
        return _of_one(layer, arrays)
    made = []
    for direction, inner in zip(_DIRECTIONS, (layer.forward_layer, layer.backward_layer), strict=True):
        own = _of_one(inner, [array for array in arrays if f"/{direction}/" in f"/{array.name}"])
        if own is None:
            return None
        made += own
    return made


def _of_one(layer: Any, arrays: Sequence[Stored]) -> Values | None:
    cell = _cell_of(layer)
    if cell is None or len(arrays) != len(cell.names):
        return None
    try:
        made = cell.to_ours([array.read() for array in _named(cell, arrays)], layer.units)
    except (ValueError, IndexError):  # Arrays of other shapes than such a cell's.
        return None
    return made if [array.shape for array in made] == [weight.shape for weight in layer.weights] else None


def _named(cell: Cell, arrays: Sequence[Stored]) -> Sequence[Stored]:
    """The arrays in the cell's order, by the ends of their names; as they came where these say nothing."""
    left, found = list(arrays), {}
    for name in sorted(cell.names, key=len, reverse=True):  # "projection/kernel" ends as "kernel" does.
        fitting = [array for array in left if f"/{_of_today(array.name)}".endswith(f"/{name}")]
        if len(fitting) != 1:
            return arrays
        left.remove(fitting[0])
        found[name] = fitting[0]
    return [found[name] for name in cell.names]


def _of_today(name: str) -> str:
    start, _, last = name.rpartition("/")
    return f"{start}/{_OLD_NAMES.get(last, last)}"


def _cell_of(layer: Any) -> Cell | None:
    """The kind of cell that computes what a layer does."""
    if type(layer) is GRU:
        return _CUDNN_GRU if layer.reset_after else _GRU
    return _CELLS.get(type(layer))


# -- arrays into weights ----------------------------------------------------------------------------------------------


def _parted(kernel: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the inputs, and those of the `width` outputs of the step before."""
    return kernel[:-width], kernel[-width:]


def _ifjo(array: np.ndarray) -> np.ndarray:
    i, j, f, o = np.split(array, 4, axis=-1)
    return np.concatenate([i, f, j, o], axis=-1)


def lstm(values: Values, units: int, forget_bias: float = FORGET_BIAS) -> Values:
    """The weights of LSTM: kernel, bias; `units` is the width of the outputs."""
    kernel, bias = values
    _, _, f, _ = np.split(bias := bias.copy(), 4)
    f += f.dtype.type(forget_bias)
    return [*_parted(_ifjo(kernel), units), _ifjo(bias)]


def peephole(values: Values, units: int, forget_bias: float = FORGET_BIAS) -> Values:
    """The weights of PeepholeLSTM: kernel, bias, w_f, w_i, w_o."""
    *usual, f, i, o = values
    return [*lstm(usual, units, forget_bias), np.stack([i, f, o])]


def _projected(values: Values, units: int) -> Values:
    *usual, projection = values
    return [*lstm(usual, projection.shape[1]), projection]


def _zrh(gates: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    r, u = np.split(gates, 2, axis=-1)
    return np.concatenate([u, r, candidate], axis=-1)


def gru(values: Values, units: int) -> Values:
    """The weights of GRU(reset_after=False): the gates' kernel and bias, the candidate's."""
    gates, gates_bias, candidate, bias = values
    return [*_parted(_zrh(gates, candidate), units), _zrh(gates_bias, bias)]


def cudnn_gru(values: Values, units: int) -> Values:
    """The weights of GRU: the gates' kernel and bias, the candidate's of inputs, the candidate's of states."""
    gates, gates_bias, inputs, inputs_bias, states, states_bias = values
    of_inputs, of_states = _parted(gates, units)
    biases = [_zrh(gates_bias, inputs_bias), _zrh(np.zeros_like(gates_bias), states_bias)]
    return [_zrh(of_inputs, inputs), _zrh(of_states, states), np.stack(biases)]


def simple(values: Values, units: int) -> Values:
    """The weights of SimpleRNN: kernel, bias."""
    kernel, bias = values
    return [*_parted(kernel, units), bias]


_GATES: Final = ("gates/kernel", "gates/bias")
_GRU: Final = Cell((*_GATES, "candidate/kernel", "candidate/bias"), gru)
_CUDNN_GRU: Final = Cell(
    (*_GATES, *(f"candidate/{way}_projection/{name}" for way in ("input", "hidden") for name in ("kernel", "bias"))),
    cudnn_gru,
)
_CELLS: Final[dict[type, Cell]] = {
    LSTM: Cell(("kernel", "bias"), lstm),
    PeepholeLSTM: Cell(("kernel", "bias", "w_f_diag", "w_i_diag", "w_o_diag"), peephole),
    ProjectedLSTM: Cell(("kernel", "bias", "projection/kernel"), _projected),
    SimpleRNN: Cell(("kernel", "bias"), simple),
}
