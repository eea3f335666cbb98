"""Recurrences as single operators: on the recurrent engine where it has the same equation, else step by step.

x is (B, T, I), or (T, B, I) where it says `time_major`. What TFLite keeps in variables from call to call begins with
zeros in each call here, as in the model of Keras that was converted. Source: tensorflow/lite/kernels/lstm_eval.cc.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gatewise import activations
from gatewise.base.typing import Array
from gatewise.engine import cells, recurrence
from gatewise.engine.op import Op, Traversal
from gatewise.formats.tflite import schema
from gatewise.models.graphs.operators import Step
from gatewise.models.tflite.operators import activation, operator, real, rounder

_ONES: Final = ("tanh", "relu")
"""Activations that the engine has under these names."""
_GATES: Final = 4
_NORM_EPSILON: Final = 1e-8

State = tuple[Array, ...]


@dataclass(frozen=True)
class _LSTM:
    """One direction of an LSTM, gates in the order i, f, c, o.

    Attributes:
        kernel: (I, 4H).
        recurrent: (P, 4H), with P the width of the output.
        bias: (4H,).
        peephole: of i, f and o, (H,) each; None where there are none.
        norm: of the four gates, (H,) each; None where there are none.
        projection: (H, P) and (P,); None where there is none.
        coupled: whether i is 1 - f.
        clips: of the cell state and of what is projected; 0 where there is none.
        name, phi: the activation.
        rounded: what becomes of inputs and states before they are multiplied.
        exact: whether that is nothing.
    """

    kernel: Array
    recurrent: Array
    bias: Array
    peephole: list[Array | None] | None
    norm: list[Array] | None
    projection: tuple[Array, Array | None] | None
    coupled: bool
    clips: tuple[float, float]
    name: str | None
    phi: Callable[[Array], Array]
    rounded: Callable[[Array], Array]
    exact: bool

    @property
    def units(self) -> int:
        return int(self.kernel.shape[1]) // _GATES

    def op(self) -> Op | None:
        """The engine's; None where it has no such equation."""
        special = self.peephole or self.norm or self.projection or self.coupled or any(self.clips)
        if special or not self.exact or self.name not in _ONES:
            return None
        weights = {"kernel": self.kernel, "recurrent_kernel": self.recurrent, "bias": self.bias}
        names = (str(self.name), "sigmoid")
        return Op(cells.LSTM, weights, activations.get(names[0]), activations.get(names[1]), names=names)

    def step(self, z: Array, state: State) -> State:
        """The state after one step; z is the input's product, with the bias where nothing is normalised."""
        h, c = state
        i, f, g, o = np.split(z + self.rounded(h) @ self.recurrent, _GATES, -1)
        f = _sigmoid(self._gate(1, f, c))
        i = 1 - f if self.coupled else _sigmoid(self._gate(0, i, c))
        c = f * c + i * self.phi(self._gate(2, g, None))
        c = np.clip(c, -self.clips[0], self.clips[0]) if self.clips[0] else c
        h = _sigmoid(self._gate(3, o, c)) * self.phi(c)
        if self.projection is not None:
            kernel, bias = self.projection
            h = self.rounded(h) @ kernel
            h = h if bias is None else h + bias
            h = np.clip(h, -self.clips[1], self.clips[1]) if self.clips[1] else h
        return h, c

    def _gate(self, place: int, z: Array, c: Array | None) -> Array:
        """What goes into the activation of a gate: with the cell state that it sees, normalised."""
        seen = None if c is None or self.peephole is None else self.peephole[(0, 1, -1, 2)[place]]
        z = z if seen is None else z + seen * c
        if self.norm is None:
            return z
        z = z - z.mean(-1, keepdims=True)
        own = self.bias[place * self.units : (place + 1) * self.units]
        return np.asarray(z / np.sqrt(np.square(z).mean(-1, keepdims=True) + _NORM_EPSILON) * self.norm[place] + own)


def _sigmoid(z: Array) -> Array:
    half = z.dtype.type(0.5)
    return np.asarray(half * np.tanh(half * z) + half)


def _name(step: Step) -> str | None:
    return schema.ACTIVATIONS.get(step.get("activation"))


@dataclass(frozen=True)
class _Places:
    """Where the inputs of one direction of an LSTM begin."""

    kernel: int
    recurrent: int
    peephole: int
    bias: int
    projection: int
    norm: int | None


_ONE_WAY: Final = _Places(1, 5, 9, 12, 16, 20)
_FORWARD: Final = _Places(1, 5, 9, 12, 16, None)
_BACKWARD: Final = _Places(18, 22, 26, 29, 33, None)


def _lstm(step: Step, given: tuple[Any, ...], places: _Places) -> _LSTM:
    def floats(first: int, count: int) -> list[Any]:
        return [real(step, place, x) for place, x in enumerate(given[first : first + count], first)]

    kernels, recurrents = floats(places.kernel, _GATES), floats(places.recurrent, _GATES)
    coupled = kernels[0] is None
    if coupled:
        kernels[0], recurrents[0] = np.zeros_like(kernels[1]), np.zeros_like(recurrents[1])
    biases = [np.zeros(len(kernels[1]), "f4") if bias is None else bias for bias in floats(places.bias, _GATES)]
    peephole = floats(places.peephole, 3)
    norm = [] if places.norm is None else floats(places.norm, _GATES)
    if coupled and norm and norm[1] is not None:
        norm[0] = norm[1]
    projection = floats(places.projection, 2)
    if step.get("diagonal"):
        raise ValueError("recurrent weights that are diagonals are not known here")
    weights = given[places.kernel + 1]
    return _LSTM(
        np.ascontiguousarray(np.concatenate(kernels).T),
        np.ascontiguousarray(np.concatenate(recurrents).T),
        np.concatenate(biases),
        peephole if any(each is not None for each in peephole) else None,
        norm if norm and norm[1] is not None else None,
        None if projection[0] is None else (projection[0].T, projection[1]),
        coupled,
        (step.get("cell_clip"), step.get("projection_clip")),
        _name(step),
        activation(step),
        rounder(step, weights),
        weights.dtype.kind == "f",
    )


def _over_time(
    x: Array, state: State, backwards: bool, op: Op | None, z: Callable[[Array], Array], step: Callable[..., State]
) -> Array:
    """Outputs (B, T, P) in the order of time."""
    if op is not None:
        y, _ = recurrence.forward(op, np.ascontiguousarray(x), state, Traversal(go_backwards=backwards))
        return np.asarray(y[:, ::-1] if backwards else y)
    sums = z(x)
    y = np.zeros((*x.shape[:2], state[0].shape[1]), x.dtype)
    for t in reversed(range(x.shape[1])) if backwards else range(x.shape[1]):
        state = step(sums[:, t], state)
        y[:, t] = state[0]
    return y


def _run_lstm(step: Step, given: tuple[Any, ...], places: _Places, backwards: bool = False) -> Array:
    key = "backward" if backwards else "forward"
    if key not in step.kept:
        made = _lstm(step, given, places)
        step.kept[key] = made, made.op()
    way, op = step.kept[key]
    x = given[0]
    state = (np.zeros((len(x), way.recurrent.shape[0]), x.dtype), np.zeros((len(x), way.units), x.dtype))
    bias = 0 if way.norm is not None else way.bias
    return _over_time(x, state, backwards, op, lambda x: way.rounded(x) @ way.kernel + bias, way.step)


def _batch_first(step: Step, x: Array) -> Array:
    return np.swapaxes(x, 0, 1) if step.get("time_major") else x


def _both(step: Step, forward: Array, backward: Array) -> Any:
    """Joined where it says `merged`, else one beside the other."""
    if step.get("merged"):
        return _batch_first(step, np.concatenate([forward, backward], -1))
    return _batch_first(step, forward), _batch_first(step, backward)


@operator("UNIDIRECTIONAL_SEQUENCE_LSTM")
def _lstm_forward(step: Step, x: Array, *given: Any) -> Any:
    padded = (_batch_first(step, x), *given, *[None] * (23 - len(given)))
    return _batch_first(step, _run_lstm(step, padded, _ONE_WAY))


@operator("BIDIRECTIONAL_SEQUENCE_LSTM")
def _lstm_both(step: Step, x: Array, *given: Any) -> Any:
    if any(each is not None for each in given[38:]):
        raise ValueError("a second input is not known here")
    whole = (_batch_first(step, x), *given)
    return _both(step, _run_lstm(step, whole, _FORWARD), _run_lstm(step, whole, _BACKWARD, backwards=True))


def _run_rnn(step: Step, x: Array, given: tuple[Any, ...], first: int, backwards: bool = False) -> Array:
    """Kernel (H, I), recurrent kernel (H, H) and bias (H,) stand from a place on."""
    kernel, recurrent, bias = (real(step, first + k, given[first + k]) for k in range(3))
    rounded, phi, name = rounder(step, given[first]), activation(step), _name(step)
    op = None
    if given[first].dtype.kind == "f" and name in _ONES:
        weights = {"kernel": kernel.T.copy(), "recurrent_kernel": recurrent.T.copy(), "bias": bias}
        names = (str(name), "sigmoid")
        made = Op(cells.SimpleRNN, weights, activations.get(names[0]), activations.get(names[1]), names=names)
        op = step.kept.setdefault("backward" if backwards else "forward", made)
    return _over_time(
        x,
        (np.zeros((len(x), len(recurrent)), x.dtype),),
        backwards,
        op,
        lambda x: rounded(x) @ kernel.T + bias,
        lambda z, state: (phi(z + rounded(state[0]) @ recurrent.T),),
    )


@operator("UNIDIRECTIONAL_SEQUENCE_RNN")
def _rnn_forward(step: Step, x: Array, *given: Any) -> Any:
    return _batch_first(step, _run_rnn(step, _batch_first(step, x), (x, *given), 1))


@operator("BIDIRECTIONAL_SEQUENCE_RNN")
def _rnn_both(step: Step, x: Array, *given: Any) -> Any:
    """Inputs: x, the forward kernel, recurrent kernel, bias and state, the same of the backward one, a second input."""
    if any(each is not None for each in given[8:]):
        raise ValueError("a second input is not known here")
    whole, turned = (x, *given), _batch_first(step, x)
    return _both(step, _run_rnn(step, turned, whole, 1), _run_rnn(step, turned, whole, 5, backwards=True))
