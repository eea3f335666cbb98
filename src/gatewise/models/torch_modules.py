"""PyTorch's modules and our layers: which tensors of a `state_dict` are which weights, both ways.

| module | tensors | layer |
| --- | --- | --- |
| LSTM, GRU, RNN | weight_ih_l0 (gH, I), weight_hh_l0 (gH, H), bias_ih_l0, bias_hh_l0 (gH,) | one a level |
| the same, bidirectional | those, and the same with `_reverse` | Bidirectional |
| LSTMCell, GRUCell, RNNCell | the same without `_l0` | one |
| Linear | weight (O, I), bias (O,) | Dense |
| Embedding | weight (N, D) | Embedding |
| Conv1d | weight (F, I / groups, K), bias (F,) | Conv1D |
| LayerNorm | weight, bias (D,) | LayerNormalization |
| BatchNorm1d | weight, bias, running_mean, running_var (D,) | BatchNormalization |

PyTorch's gates are i f g o in an LSTM, as Keras's; r z n in a GRU, where Keras has z r h. Its two biases are summed
where Keras has one; a GRU's stay two, as it resets after the product (`reset_after=True`).

Source: https://docs.pytorch.org/docs/stable/nn.html, "Variables" of each module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from gatewise.formats import Stored
from gatewise.layer import Layer
from gatewise.layers import BatchNormalization, Conv1D, Dense, Embedding, LayerNormalization
from gatewise.recurrent import GRU, LSTM, Bidirectional, SimpleRNN

Arrays: TypeAlias = dict[str, np.ndarray]

RECURRENT: Final = {"LSTM": (4, LSTM), "GRU": (3, GRU), "RNN": (1, SimpleRNN)}
"""PyTorch's recurrent modules: how many gates, and our layer."""
_LEVEL: Final = re.compile(r"(weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)(?:_l(\d+))?(_reverse)?$")
_IGNORED: Final = {"num_batches_tracked"}


@dataclass(frozen=True)
class Unit:
    """What becomes one layer of ours: a module, or one level of a recurrent one.

    Attributes:
        name: the module's in the file, with the level: "encoder.lstm, level 1".
        kind: PyTorch's class as far as the tensors tell it: "LSTM", "Linear", ...; "" for what is not known.
        tensors: by their names within the unit, without the level: "weight_ih", "weight_ih_reverse".
    """

    name: str
    kind: str
    tensors: dict[str, Stored]

    def shape(self, name: str) -> tuple[int, ...]:
        """A tensor's shape."""
        return self.tensors[name].shape


def units(arrays: Iterable[Stored]) -> list[Unit]:
    """The units of a file's tensors, in the file's order.

    >>> from gatewise.formats import Stored
    >>> def stored(name, *shape): return Stored(name, shape, "float32", lambda: None)
    >>> found = units([stored("rnn.weight_ih_l0", 8, 3), stored("rnn.weight_hh_l0", 8, 2), stored("fc.weight", 5, 2)])
    >>> [(unit.name, unit.kind) for unit in found]
    [('rnn', 'LSTM'), ('fc', 'Linear')]
    """
    found: dict[tuple[str, int], dict[str, Stored]] = {}
    for array in arrays:
        module, _, last = array.name.rpartition(".")
        if last in _IGNORED:
            continue
        level = _LEVEL.match(last)
        if level is None:
            found.setdefault((module, 0), {})[last] = array
        else:
            key = module, int(level[2] or 0)
            found.setdefault(key, {})[level[1] + (level[3] or "")] = array
    deep = {module for module, level in found if level}
    return [
        Unit(f"{module}, level {level}" if module in deep else module, _kind(tensors), tensors)
        for (module, level), tensors in found.items()
    ]


def _kind(tensors: dict[str, Stored]) -> str:
    """PyTorch's class of these tensors."""
    ranks = {name: len(array.shape) for name, array in tensors.items()}
    if {"weight_ih", "weight_hh"} <= tensors.keys():
        rows, width = tensors["weight_hh"].shape if ranks["weight_hh"] == 2 else (0, 1)
        hidden = tensors["weight_hr"].shape[-1] if "weight_hr" in tensors else width
        return next((kind for kind, (gates, _) in RECURRENT.items() if rows == gates * hidden), "")
    if not tensors.keys() <= {"weight", "bias", "running_mean", "running_var"} or "weight" not in tensors:
        return ""
    if "running_mean" in tensors:
        return "BatchNorm1d"
    return {1: "LayerNorm", 2: "Linear", 3: "Conv1d"}.get(ranks["weight"], "")


# -- tensors into weights and back ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Conversion:
    """One kind of module and its layer.

    Attributes:
        kind: of the units.
        layer: the class of ours.
        to_ours: a layer's weights, in its order, of a unit's tensors.
        to_torch: a unit's tensors of a layer's weights.
    """

    kind: str
    layer: type[Layer]
    to_ours: Callable[[Layer, Arrays], list[np.ndarray]]
    to_torch: Callable[[Layer, list[np.ndarray]], Arrays]


def conversion_of(layer: Layer) -> Conversion | None:
    """How a layer's weights are those of a module; None for a layer that has none."""
    inner = _inner(layer)
    return next((each for each in CONVERSIONS if type(inner) is each.layer), None)


def fits(layer: Layer, unit: Unit) -> bool:
    """Whether a unit can become a layer's weights, going by its kind and the sizes of its tensors."""
    how = conversion_of(layer)
    if how is None or (unit.kind != how.kind and not (unit.kind == "Linear" and how.kind == "Embedding")):
        return False
    if isinstance(layer, Bidirectional) != ("weight_ih_reverse" in unit.tensors) or "weight_hr" in unit.tensors:
        return False
    blank = {name: np.broadcast_to(np.float32(0), array.shape) for name, array in unit.tensors.items()}
    try:
        made = converted(layer, blank)
    except (KeyError, ValueError):
        return False
    return [array.shape for array in made] == [weight.shape for weight in layer.weights]


def converted(layer: Layer, tensors: Arrays) -> list[np.ndarray]:
    """A layer's weights of a unit's tensors."""
    how = conversion_of(layer)
    if how is None:
        raise ValueError(f"{layer.label} has no counterpart in PyTorch that is known here.")
    if not isinstance(layer, Bidirectional):
        return how.to_ours(layer, tensors)
    backward = {name.removesuffix("_reverse"): array for name, array in tensors.items() if name.endswith("_reverse")}
    return [*how.to_ours(layer.forward_layer, tensors), *how.to_ours(layer.backward_layer, backward)]


def tensors_of(layer: Layer) -> Iterator[tuple[str, np.ndarray]]:
    """A layer's weights as tensors, by the names that a module of its kind has them under.

    Raises:
        ValueError: for a layer with weights that no module of PyTorch's has.
    """
    how = conversion_of(layer)
    if how is None:
        raise ValueError(f"{layer.label} has weights, and no counterpart in PyTorch that is known here.")
    weights = [np.asarray(weight.numpy()) for weight in layer.weights]
    level = "_l0" if how.kind in RECURRENT else ""
    if not isinstance(layer, Bidirectional):
        yield from ((name + level, array) for name, array in how.to_torch(layer, weights).items())
        return
    half = len(weights) // 2
    for way, end, own in (
        (layer.forward_layer, "", weights[:half]),
        (layer.backward_layer, "_reverse", weights[half:]),
    ):
        yield from ((name + level + end, array) for name, array in how.to_torch(way, own).items())


def _inner(layer: Layer) -> Layer:
    return layer.forward_layer if isinstance(layer, Bidirectional) else layer


def _recurrent_to_ours(layer: Any, tensors: Arrays) -> list[np.ndarray]:
    kernels = [_gates(layer, tensors[name]).T for name in ("weight_ih", "weight_hh")]
    if not layer.use_bias:
        return kernels
    rows = tensors["weight_ih"].shape[0]
    biases = [_gates(layer, tensors.get(name, np.zeros(rows, "float32"))) for name in ("bias_ih", "bias_hh")]
    return [*kernels, np.stack(biases) if isinstance(layer, GRU) else biases[0] + biases[1]]


def _recurrent_to_torch(layer: Any, weights: list[np.ndarray]) -> Arrays:
    kernel, recurrent, *rest = weights
    made = {"weight_ih": _gates(layer, kernel.T), "weight_hh": _gates(layer, recurrent.T)}
    if rest:
        first, second = rest[0] if isinstance(layer, GRU) else (rest[0], np.zeros_like(rest[0]))
        made |= {"bias_ih": _gates(layer, first), "bias_hh": _gates(layer, second)}
    return made


def _gates(layer: Layer, array: np.ndarray) -> np.ndarray:
    """A GRU's first two gates exchanged along the first axis; it is its own way back."""
    if not isinstance(layer, GRU):
        return array
    first, second, third = np.split(array, 3)
    return np.concatenate([second, first, third])


def _check_gru(layer: Any) -> None:
    if isinstance(layer, GRU) and not layer.reset_after:
        raise ValueError(f"{layer.label}: PyTorch's GRU resets after the product: reset_after=True.")


def _recurrent(kind: str, layer: type[Layer]) -> Conversion:
    def to_ours(own: Layer, tensors: Arrays) -> list[np.ndarray]:
        _check_gru(own)
        return _recurrent_to_ours(own, tensors)

    def to_torch(own: Layer, weights: list[np.ndarray]) -> Arrays:
        _check_gru(own)
        return _recurrent_to_torch(own, weights)

    return Conversion(kind, layer, to_ours, to_torch)


def _plain(kind: str, layer: type[Layer], words: str) -> Conversion:
    """A module whose tensors are the layer's weights; a matrix of weights has its axes the other way round.

    Args:
        kind: PyTorch's class.
        layer: ours.
        words: our names with PyTorch's, "kernel=weight bias=bias".
    """
    theirs = dict(word.split("=") for word in words.split())

    def to_ours(own: Layer, tensors: Arrays) -> list[np.ndarray]:
        names = [theirs[variable.name] for variable in own.weights]
        if more := tensors.keys() - set(names):
            raise ValueError(f"{own.label} has no weight for {sorted(more)}.")
        # Without its bias, a module adds nothing.
        zeros = np.zeros(tensors["weight"].shape[0], "float32")
        return [_turned(own, name, tensors.get(name, zeros)) for name in names]

    def to_torch(own: Layer, weights: list[np.ndarray]) -> Arrays:
        names = [theirs[variable.name] for variable in own.weights]
        return {name: _turned(own, name, array) for name, array in zip(names, weights, strict=True)}

    return Conversion(kind, layer, to_ours, to_torch)


def _turned(layer: Layer, name: str, array: np.ndarray) -> np.ndarray:
    return array.T if name == "weight" and isinstance(layer, (Dense, Conv1D)) else array


CONVERSIONS: Final = (
    *(_recurrent(kind, layer) for kind, (_, layer) in RECURRENT.items()),
    _plain("Linear", Dense, "kernel=weight bias=bias"),
    _plain("Embedding", Embedding, "embeddings=weight"),
    _plain("Conv1d", Conv1D, "kernel=weight bias=bias"),
    _plain("LayerNorm", LayerNormalization, "gamma=weight beta=bias"),
    _plain(
        "BatchNorm1d",
        BatchNormalization,
        "gamma=weight beta=bias moving_mean=running_mean moving_variance=running_var",
    ),
)
"""All modules that are known."""
