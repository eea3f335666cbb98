"""What training is measured on: targets, the layer above, the learning rate; and the right losses of the first steps.

A "train" case holds every output (B, T, H) against a target. "epoch" and "unequal" put Dense(1) on the last output of
a sequence and hold that against a number. The loss is the mean of squares, the optimizer plain SGD.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case, Floats, inputs, mask, seeded, sigmoid, weights

LOSSES_CHECKED = 2
"""The losses before so many steps, all on the first batch, must be right: from the second on they tell of gradients."""

Doubles = NDArray[np.float64]


def targets(case: Case) -> Floats:
    """y: (B, T, H) for a step of training, (samples, 1) for an epoch; numbers from 0 to 1."""
    shape = (case.batch, case.time, case.units) if case.kind == "train" else (case.samples, 1)
    return seeded(case, 4).random(shape, dtype=np.float32)


def head(case: Case) -> tuple[Floats, Floats]:
    """Kernel (H, 1) and bias (1,) of the Dense layer that an epoch's model ends with."""
    limit = 1 / np.sqrt(case.units)
    return seeded(case, 5).uniform(-limit, limit, (case.units, 1)).astype(np.float32), np.zeros(1, np.float32)


def learning_rate(case: Case) -> float:
    """Of SGD. The loss of a train case is a mean over H outputs, and so are its gradients."""
    return 0.02 * case.units if case.kind == "train" else 0.05


# -- the right answer -------------------------------------------------------------------------------------------------


@dataclass
class Parameters:
    """What is trained, in float64; or the gradients of it."""

    kernel: Doubles
    recurrent_kernel: Doubles
    bias: Doubles  # (1, gH), or (2, 3H) for the GRU.
    head: Doubles
    head_bias: Doubles

    def moved(self, gradients: Parameters, rate: float) -> Parameters:
        """After one step of SGD."""
        return Parameters(*(vars(self)[name] - rate * vars(gradients)[name] for name in vars(self)))


def expected_losses(case: Case) -> Doubles:
    """The losses before the first steps on the first batch: plain equations in float64, forward and backward."""
    weight, first = weights(case), slice(case.batch)
    given = (weight.kernel, weight.recurrent_kernel, np.atleast_2d(weight.bias), *head(case))
    parameters = Parameters(*(np.asarray(each, np.float64) for each in given))
    x, y = (array[first].astype(np.float64) for array in (inputs(case), targets(case)))
    real, found = mask(case)[first], []
    for number in range(LOSSES_CHECKED):
        if number:
            parameters = parameters.moved(gradients(case, parameters, x, y, real), learning_rate(case))
        found.append(loss(case, parameters, x, y, real))
    return np.array(found)


def loss(case: Case, parameters: Parameters, x: Doubles, y: Doubles, real: NDArray[np.bool_]) -> float:
    """The mean of squares; `real` (B, T) is True where a step counts."""
    outputs = _forward(case, parameters, x, real)[0]
    found = outputs if case.kind == "train" else outputs[:, -1] @ parameters.head + parameters.head_bias
    return float(((found - y) ** 2).mean())


def gradients(case: Case, parameters: Parameters, x: Doubles, y: Doubles, real: NDArray[np.bool_]) -> Parameters:
    """The gradients of `loss`."""
    outputs, kept = _forward(case, parameters, x, real)
    if case.kind == "train":
        off = outputs - y
        wanted = 2 * off / off.size
        head, head_bias = np.zeros_like(parameters.head), np.zeros_like(parameters.head_bias)
    else:
        last = outputs[:, -1]
        off = last @ parameters.head + parameters.head_bias - y
        above = 2 * off / off.size
        wanted = np.zeros_like(outputs)
        wanted[:, -1] = above @ parameters.head.T
        head, head_bias = last.T @ above, above.sum(axis=0)
    return _backward(case, parameters, x, real, kept, wanted, head, head_bias)


def _forward(case: Case, p: Parameters, x: Doubles, real: NDArray[np.bool_]) -> tuple[Doubles, list[tuple[Any, ...]]]:
    """The outputs (B, T, H), and of each step what `_backward` needs. A step that does not count changes nothing."""
    z = x @ p.kernel + p.bias[0]
    h = c = np.zeros((len(x), case.units))
    outputs, kept = np.empty((*x.shape[:2], case.units)), []
    for t in range(x.shape[1]):
        counts = real[:, t, None]
        if case.cell == "lstm":
            i, f, g, o = np.split(z[:, t] + h @ p.recurrent_kernel, 4, axis=1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            kept.append((h, c, i, f, g, o))
            c = np.where(counts, f * c + i * g, c)
            h = np.where(counts, o * np.tanh(c), h)
        else:
            x_z, x_r, x_h = np.split(z[:, t], 3, axis=1)
            h_z, h_r, h_h = np.split(h @ p.recurrent_kernel + p.bias[1], 3, axis=1)
            update, reset = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
            new = np.tanh(x_h + reset * h_h)
            kept.append((h, update, reset, new, h_h))
            h = np.where(counts, update * h + (1 - update) * new, h)
        outputs[:, t] = h
    return outputs, kept


def _backward(
    case: Case,
    p: Parameters,
    x: Doubles,
    real: NDArray[np.bool_],
    kept: list[tuple[Any, ...]],
    wanted: Doubles,
    head: Doubles,
    head_bias: Doubles,
) -> Parameters:
    """The gradients; `wanted` (B, T, H) is that of the outputs."""
    to_input = np.empty((*x.shape[:2], case.gates * case.units))  # The gradient of x K + b.
    to_state = np.empty_like(to_input)  # And of h R, which for the GRU is another one.
    before = np.stack([each[0] for each in kept], axis=1)
    dh = dc = np.zeros((len(x), case.units))
    for t in reversed(range(x.shape[1])):
        dh = dh + wanted[:, t]
        passed_h, passed_c = (np.where(real[:, t, None], 0, each) for each in (dh, dc))
        dh, dc = dh - passed_h, dc - passed_c
        step = _lstm_backward(kept[t], dh, dc) if case.cell == "lstm" else _gru_backward(kept[t], dh)
        to_input[:, t], to_state[:, t], dh, dc = step
        dh = dh + to_state[:, t] @ p.recurrent_kernel.T + passed_h
        dc = dc + passed_c
    sums = [to_input.sum(axis=(0, 1)), to_state.sum(axis=(0, 1))]
    flat, states = to_input.reshape(-1, to_input.shape[-1]), to_state.reshape(-1, to_state.shape[-1])
    return Parameters(
        x.reshape(len(flat), -1).T @ flat,
        before.reshape(len(flat), -1).T @ states,
        np.stack(sums[: len(p.bias)]),
        head,
        head_bias,
    )


def _lstm_backward(kept: tuple[Any, ...], dh: Doubles, dc: Doubles) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """Gradients of x K + b, of h R, and what goes to h and c of the step before beside the products."""
    _, c, i, f, g, o = kept
    after = np.tanh(f * c + i * g)
    dc = dc + dh * o * (1 - after**2)
    gates = (dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh * after * o * (1 - o))
    z = np.concatenate(gates, axis=1)
    return z, z, np.zeros_like(dh), dc * f


def _gru_backward(kept: tuple[Any, ...], dh: Doubles) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """As `_lstm_backward`; there is no c."""
    h, update, reset, new, h_h = kept
    d_new = dh * (1 - update) * (1 - new**2)
    d_update, d_reset = dh * (h - new) * update * (1 - update), d_new * h_h * reset * (1 - reset)
    of_input = np.concatenate([d_update, d_reset, d_new], axis=1)
    of_state = np.concatenate([d_update, d_reset, d_new * reset], axis=1)
    return of_input, of_state, dh * update, np.zeros_like(dh)
