"""The equations of the recurrent cells, once, for every executor.

A cell advances one step: from the step's projected input `z = x_t W + b` (B, gH) and the state to the next state, whose
first part is also the output. `project(k, h)` is `h U_k`, the product with the recurrent kernel's columns of gate k
(or of the slice of gates k), with the dropout mask of the state, if any, applied to h.

Letters: B batch, H units, g gates; sigma is the recurrent activation, phi the activation. Weights hold the gates side
by side, in the order that `gates` gives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple, TypeAlias

from gatewise.base.typing import Array

State: TypeAlias = tuple[Array, ...]
Activation: TypeAlias = Callable[[Array], Array]
Project: TypeAlias = Callable[[slice, Array], Array]

ALL = slice(None)


class Parts(NamedTuple):
    """What all steps of a recurrence share.

    Attributes:
        project: the product of the state with the recurrent kernel.
        recurrent_bias: the bias that joins it, for the cells that have one.
        phi, sigma: the activations.
    """

    project: Project
    recurrent_bias: Array | None
    phi: Activation
    sigma: Activation


class Cell:
    """A recurrent cell.

    Attributes:
        name: as the native engine knows it.
        gates: the gates' letters, in the order of the weights.
        states: how many arrays (B, H) make a state.
    """

    name: ClassVar[str]
    gates: ClassVar[str]
    states: ClassVar[int] = 1

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        """The state after one step."""
        raise TypeError("Cell is the base of the cells: use LSTM, GRU, GRUResetAfter or SimpleRNN.")


def split(z: Array, count: int) -> list[Array]:
    """The gates of `z` (B, gH), each (B, H)."""
    units = z.shape[-1] // count
    return [z[..., k * units : (k + 1) * units] for k in range(count)]


class SimpleRNN(Cell):
    """J. L. Elman, Finding Structure in Time, Cognitive Science 14 (1990): h' = phi(x W + h U + b)."""

    name, gates = "simple", "h"

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        (h,) = state
        return (parts.phi(z + parts.project(ALL, h)),)


class LSTM(Cell):
    """S. Hochreiter and J. Schmidhuber, Long Short-Term Memory, Neural Computation 9 (1997), with the forget gate of
    F. Gers, J. Schmidhuber and F. Cummins (2000).
    """

    name, gates, states = "lstm", "ifco", 2

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        project, _, phi, sigma = parts
        h, c = state
        z_i, z_f, z_c, z_o = split(z + project(ALL, h), 4)
        c = sigma(z_f) * c + sigma(z_i) * phi(z_c)
        h = sigma(z_o) * phi(c)
        return h, c


class GRU(Cell):
    """K. Cho et al., Learning Phrase Representations using RNN Encoder-Decoder (2014), arXiv 1406.1078v1: the reset
    gate acts on the state before the product.
    """

    name, gates = "gru", "zrh"

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        project, _, phi, sigma = parts
        (h,) = state
        x_z, x_r, x_h = split(z, 3)
        h_z, h_r = split(project(slice(0, 2), h), 2)
        update, reset = sigma(x_z + h_z), sigma(x_r + h_r)
        candidate = phi(x_h + project(slice(2, 3), reset * h))
        return (update * h + (1 - update) * candidate,)


class GRUResetAfter(Cell):
    """The GRU of cuDNN, and arXiv 1406.1078v3: the reset gate acts after the product, which has a bias of its own."""

    name, gates = "gru_reset_after", "zrh"

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        project, recurrent_bias, phi, sigma = parts
        (h,) = state
        product = project(ALL, h)
        if recurrent_bias is not None:
            product = product + recurrent_bias
        (x_z, x_r, x_h), (h_z, h_r, h_h) = split(z, 3), split(product, 3)
        update, reset = sigma(x_z + h_z), sigma(x_r + h_r)
        candidate = phi(x_h + reset * h_h)
        return (update * h + (1 - update) * candidate,)
