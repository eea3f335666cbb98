"""RNN, GRU and LSTM as ONNX defines them, on the recurrent engine where it has the same equation.

Shapes: X (T, B, I), W (D, gH, I), R (D, gH, H), B (D, 2gH), P (D, 3H); with layout=1 the batch of X, Y and the states
comes first. D is the number of directions.

What the engine lacks (`clip`, `input_forget`, an activation after the cell state that is not the candidate's, ...) runs
step by step: `_rnn`, `_gru` and `_lstm` are the equations of https://onnx.ai/onnx/operators/onnx__LSTM.html in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np

from gatewise import activations
from gatewise.base.typing import Array
from gatewise.engine import cells, recurrence
from gatewise.engine.op import Op, Traversal
from gatewise.models.graphs.operators import Step
from gatewise.models.onnx.operators import operator

Function: TypeAlias = Callable[[Array], Array]


# -- activations ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Activation:
    """An activation inside a recurrence.

    Attributes:
        function: of arrays.
        name: by which the engine may know it, or None.
    """

    function: Function
    name: str | None = None


def _affine(x: Array, alpha: float, beta: float) -> Array:
    return x * x.dtype.type(alpha) + x.dtype.type(beta)


def _hard_sigmoid(x: Array, alpha: float, beta: float) -> Array:
    return np.clip(_affine(x, alpha, beta), 0, 1)


def _scaled_tanh(x: Array, alpha: float, beta: float) -> Array:
    return x.dtype.type(alpha) * np.tanh(x.dtype.type(beta) * x)


def _leaky_relu(x: Array, alpha: float) -> Array:
    return np.where(x < 0, x.dtype.type(alpha) * x, x)


def _thresholded_relu(x: Array, alpha: float) -> Array:
    return np.where(x > x.dtype.type(alpha), x, x.dtype.type(0))


def _elu(x: Array, alpha: float) -> Array:
    return np.where(x < 0, x.dtype.type(alpha) * np.expm1(np.minimum(x, 0)), x)


_PLAIN: Final = {
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "relu": "relu",
    "softsign": "softsign",
    "softplus": "softplus",
}
"""Those without parameters, and our names for them."""
_WITH: Final[dict[str, tuple[Callable[..., Array], tuple[float, ...]]]] = {
    "affine": (_affine, (1.0, 0.0)),
    "hardsigmoid": (_hard_sigmoid, (0.2, 0.5)),
    "scaledtanh": (_scaled_tanh, (1.0, 1.0)),
    "leakyrelu": (_leaky_relu, (0.01,)),
    "thresholdedrelu": (_thresholded_relu, (1.0,)),
    "elu": (_elu, (1.0,)),
}
"""Those with alpha, or alpha and beta: the values where a graph says none."""
_OURS: Final = {
    ("affine", (1.0, 0.0)): "linear",
    ("hardsigmoid", (0.2, 0.5)): "keras2_hard_sigmoid",
    ("elu", (1.0,)): "elu",
}
"""Those with parameters that the engine may have under another name."""


def activations_of(step: Step, usual: tuple[str, ...], directions: int) -> list[list[Activation]]:
    """The activations of each direction.

    Each takes its alpha and beta from the front of the lists, if it has any.
    """
    names = step.get("activations") or list(usual) * directions
    if len(names) != len(usual) * directions:
        raise ValueError(f"it names {len(names)} activations; {len(usual) * directions} are wanted")
    alphas, betas = iter(step.get("activation_alpha", ())), iter(step.get("activation_beta", ()))
    made = [_activation(name, alphas, betas) for name in names]
    return [made[k : k + len(usual)] for k in range(0, len(made), len(usual))]


def _activation(given: str, alphas: Any, betas: Any) -> Activation:
    name = given.lower()
    if name in _PLAIN:
        function: Any = activations.get(_PLAIN[name])
        return Activation(function, _PLAIN[name])
    if name not in _WITH:
        raise ValueError(f"the activation {given!r} is not known; {', '.join((*_PLAIN, *_WITH))} are")
    function, usual = _WITH[name]
    values = tuple(next(numbers, default) for numbers, default in zip((alphas, betas), usual, strict=False))
    known = next((ours for (kind, fixed), ours in _OURS.items() if kind == name and np.allclose(values, fixed)), None)
    return Activation(partial(function, **dict(zip(("alpha", "beta"), values, strict=False))), known)


# -- the equations, step by step --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """One direction of a recurrence.

    Attributes:
        kernel: (I, gH).
        recurrent: (H, gH).
        bias, recurrent_bias: (gH,).
        peephole: (3, H), for the gates i, o and f.
        functions: the activations.
        clip: a function for what goes into an activation.
        settings: of the operator: linear_before_reset, input_forget.
        rounded: what becomes of inputs and states before they are multiplied.
    """

    kernel: Array
    recurrent: Array
    bias: Array
    recurrent_bias: Array
    peephole: Array | None
    functions: list[Activation]
    clip: Function
    settings: dict[str, int]
    rounded: Function

    def activated(self, place: int, x: Array) -> Array:
        """x, clipped, through the activation at a place."""
        return self.functions[place].function(self.clip(x))


def _rnn(way: Way, z: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    return (way.activated(0, z + state[0] @ way.recurrent + way.recurrent_bias),)


def _gru(way: Way, z: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    (h,) = state
    units = h.shape[1]
    early, late = slice(0, 2 * units), slice(2 * units, None)
    gates = way.activated(0, z[:, early] + h @ way.recurrent[:, early] + way.recurrent_bias[early])
    update, reset = np.split(gates, 2, axis=1)
    if way.settings["linear_before_reset"]:
        inner = reset * (h @ way.recurrent[:, late] + way.recurrent_bias[late])
    else:
        inner = (reset * h) @ way.recurrent[:, late] + way.recurrent_bias[late]
    candidate = way.activated(1, z[:, late] + inner)
    return ((1 - update) * candidate + update * h,)


def _lstm(way: Way, z: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    h, c = state
    z_i, z_o, z_f, z_c = np.split(z + way.rounded(h) @ way.recurrent + way.recurrent_bias, 4, axis=1)
    p_i, p_o, p_f = (0, 0, 0) if way.peephole is None else way.peephole
    i = way.activated(0, z_i + p_i * c)
    f = 1 - i if way.settings["input_forget"] else way.activated(0, z_f + p_f * c)
    c = f * c + i * way.activated(1, z_c)
    o = way.activated(0, z_o + p_o * c)
    return o * way.functions[2].function(c), c  # ONNX Runtime clips what goes into the gates, and not the cell state.


def _step_by_step(
    equation: Callable[..., Any], way: Way, x: Array, state: tuple[Array, ...], mask: Array | None, backwards: bool
) -> tuple[Array, tuple[Array, ...]]:
    """Outputs (B, T, H) in the order of time, zeros where a step does not count, and the final state."""
    z = way.rounded(x) @ way.kernel + way.bias
    y = np.zeros((*x.shape[:2], way.recurrent.shape[0]), x.dtype)
    steps = range(x.shape[1])
    for t in reversed(steps) if backwards else steps:
        after = equation(way, z[:, t], state)
        if mask is None:
            state, y[:, t] = after, after[0]
        else:
            real = mask[:, t, None]
            state = tuple(np.where(real, new, old) for new, old in zip(after, state, strict=True))
            y[:, t] = np.where(real, after[0], 0)
    return y, state


# -- the engine -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """An operator: its gates, states and usual activations.

    Attributes:
        gates: how many.
        states: how many.
        usual: its activations where the graph names none.
        equation: step by step.
        ours: the places of the engine's gates among ONNX's.
        settings: its attributes that are switches.
    """

    gates: int
    states: int
    usual: tuple[str, ...]
    equation: Callable[..., Any]
    ours: tuple[int, ...]
    settings: tuple[str, ...] = ()


RNN: Final = Kind(1, 1, ("Tanh",), _rnn, (0,))
GRU: Final = Kind(3, 1, ("Sigmoid", "Tanh"), _gru, (0, 1, 2), ("linear_before_reset",))
LSTM: Final = Kind(4, 2, ("Sigmoid", "Tanh", "Tanh"), _lstm, (0, 2, 3, 1), ("input_forget",))


def _turned(array: Array, kind: Kind) -> Array:
    """Weights (..., gH) with the gates in the engine's order."""
    parts = np.split(array, kind.gates, axis=-1)
    return np.ascontiguousarray(np.concatenate([parts[place] for place in kind.ours], axis=-1))


def _same(x: Array) -> Array:
    return x


def _op(kind: Kind, way: Way) -> Op | None:
    """The engine's op of a direction; None where it has no such equation."""
    functions = way.functions
    as_usual = way.clip is _same and way.rounded is _same and not way.settings.get("input_forget")
    if not as_usual or (kind is LSTM and functions[1] != functions[2]):
        return None
    sigma, phi = functions[0], functions[-1]
    names = None if sigma.name is None or phi.name is None else (phi.name, sigma.name)
    weights: dict[str, Any] = {
        "kernel": _turned(way.kernel, kind),
        "recurrent_kernel": _turned(way.recurrent, kind),
        "bias": _turned(way.bias + way.recurrent_bias, kind),
    }
    cell: type[cells.Cell] = {1: cells.SimpleRNN, 3: cells.GRU, 4: cells.LSTM}[kind.gates]
    if way.settings.get("linear_before_reset"):
        cell = cells.GRUResetAfter
        weights["bias"] = _turned(np.stack([way.bias, way.recurrent_bias]), kind)
    if way.peephole is not None:
        cell = cells.PeepholeLSTM
        weights["peephole"] = np.ascontiguousarray(way.peephole[[0, 2, 1]])
    return Op(cell, weights, phi.function, sigma.function, names=names)


Runner: TypeAlias = Callable[[Array, tuple[Array, ...], "Array | None", bool], tuple[Array, tuple[Array, ...]]]


def _on_engine(
    op: Op, x: Array, state: tuple[Array, ...], mask: Array | None, backwards: bool
) -> tuple[Array, tuple[Array, ...]]:
    traversal = Traversal(mask=mask, go_backwards=backwards, zero_masked=True)
    y, final = recurrence.forward(op, x, state, traversal)
    return (y[:, ::-1] if backwards else y), final


def _runners(step: Step, kind: Kind, weights: tuple[Any, ...], rounded: Function) -> list[Runner]:
    """A function for each direction, made once for weights that stay the same."""
    kept = step.kept.get("weights")
    if kept is not None and all(one is other for one, other in zip(kept, weights, strict=True)):
        return list(step.kept["runners"])
    kernel, recurrent, bias, peephole = weights
    directions = len(kernel)
    units = recurrent.shape[-1]
    if recurrent.shape != (directions, kind.gates * units, units) or kernel.shape[1] != kind.gates * units:
        raise ValueError(f"W {kernel.shape} and R {recurrent.shape} do not belong together")
    if step.get("hidden_size", units) != units:
        raise ValueError(f"hidden_size={step.get('hidden_size')}, but R is {recurrent.shape}")
    if directions != (2 if step.get("direction", "forward") == "bidirectional" else 1):
        raise ValueError(f"W {kernel.shape} has {directions} directions, not those of {step.get('direction')!r}")
    bias = np.zeros((directions, 2 * kind.gates * units), kernel.dtype) if bias is None else bias
    limit = step.get("clip")
    clip: Function = _same if limit is None else (lambda x: np.clip(x, -limit, limit))
    settings = {name: int(step.get(name, 0)) for name in kind.settings}
    runners: list[Runner] = []
    for d, functions in enumerate(activations_of(step, kind.usual, directions)):
        own = None if peephole is None else peephole[d].reshape(3, units)
        halves = bias[d].reshape(2, kind.gates * units)
        way = Way(kernel[d].T, recurrent[d].T, halves[0], halves[1], own, functions, clip, settings, rounded)
        op = _op(kind, way)
        runners.append(partial(_step_by_step, kind.equation, way) if op is None else partial(_on_engine, op))
    step.kept.update(weights=weights, runners=runners)
    return runners


def run(
    step: Step,
    kind: Kind,
    x: Array,
    weights: tuple[Any, ...],
    lengths: Array | None,
    starts: tuple[Array | None, ...],
    rounded: Function = _same,
) -> tuple[Array, ...]:
    """Y (T, D, B, H), or (B, T, D, H) with layout=1, and the final states (D, B, H), or (B, D, H).

    Args:
        step: whose attributes say the rest.
        kind: of the operator.
        x: (T, B, I), or (B, T, I).
        weights: W, R, B, P; None for those that are left out.
        lengths: (B,); None where all sequences have T steps.
        starts: the initial states; None for zeros.
        rounded: what becomes of inputs and states before they are multiplied.
    """
    batch_first = bool(step.get("layout", 0))
    direction = step.get("direction", "forward")
    if direction not in ("forward", "reverse", "bidirectional"):
        raise ValueError(f"the direction {direction!r} is not known")
    x = np.ascontiguousarray(x if batch_first else np.swapaxes(x, 0, 1))
    runners, units = _runners(step, kind, weights, rounded), weights[1].shape[-1]
    mask = None if lengths is None or (lengths >= x.shape[1]).all() else np.arange(x.shape[1]) < lengths[:, None]
    axis = 1 if batch_first else 0
    outputs, finals = [], []
    for d, runner in enumerate(runners):
        zeros = np.zeros((len(x), units), x.dtype)
        state = tuple(zeros if s is None else np.ascontiguousarray(np.take(s, d, axis)) for s in starts)
        y, final = runner(x, state, mask, direction == "reverse" or d == 1)
        outputs.append(y)
        finals.append(final)
    whole = np.stack(outputs, axis=2)  # (B, T, D, H)
    states = [np.stack(each, axis=axis) for each in zip(*finals, strict=True)]
    return (whole if batch_first else whole.transpose(1, 2, 0, 3), *states)


@operator("RNN")
def _rnn_operator(
    step: Step,
    x: Array,
    kernel: Array,
    recurrent: Array,
    bias: Array | None = None,
    lengths: Array | None = None,
    h: Array | None = None,
) -> Any:
    return run(step, RNN, x, (kernel, recurrent, bias, None), lengths, (h,))


@operator("GRU")
def _gru_operator(
    step: Step,
    x: Array,
    kernel: Array,
    recurrent: Array,
    bias: Array | None = None,
    lengths: Array | None = None,
    h: Array | None = None,
) -> Any:
    return run(step, GRU, x, (kernel, recurrent, bias, None), lengths, (h,))


@operator("LSTM")
def _lstm_operator(
    step: Step,
    x: Array,
    kernel: Array,
    recurrent: Array,
    bias: Array | None = None,
    lengths: Array | None = None,
    h: Array | None = None,
    c: Array | None = None,
    peephole: Array | None = None,
) -> Any:
    return run(step, LSTM, x, (kernel, recurrent, bias, peephole), lengths, (h, c))
