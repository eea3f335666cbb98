"""Cells are facts: both sides agree on them, native runs no variation of one, and a new cell takes its equation alone."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

import gatewise as gw
from gatewise.engine import _native, cells, letters, native
from gatewise.engine.recurrence import executor
from gatewise.layers import GRU, LSTM, PeepholeLSTM, SimpleRNN
from gatewise.recurrent import RecurrentLayer

X = np.random.default_rng(0).standard_normal((3, 7, 4)).astype("float32")


def test_native_and_python_say_the_same_of_every_cell() -> None:
    said = {
        name: {"gates": cell.gates, "states": cell.states, "weights": native.layout(cell)}
        for name, cell in cells.NATIVE.items()
    }
    engine = {name: {fact: facts[fact] for fact in said[name]} for name, facts in _native.cells().items()}
    assert said == engine
    assert all(cell.width_letters() == ["H"] * len(cell.states) for cell in cells.NATIVE.values())


class Leaky(cells.LSTM):
    """An LSTM whose cell state fades."""

    @staticmethod
    def step(z: Any, state: Any, parts: Any) -> Any:
        h, c = cells.LSTM.step(z, state, parts)
        return h, 0.5 * c


class Renamed(cells.LSTM):
    """The same under a name that nobody knows."""

    name = "nobodys"


class OtherGates(cells.LSTM):
    """The same with its gates in another order, by its word."""

    gates = "cfio"


def layer_of(cell: Any) -> type[RecurrentLayer]:
    return type("Own", (LSTM,), {"cell": cell})


def by_hand(cell: Any, layer: Any, x: np.ndarray) -> np.ndarray:
    """The last output, step by step with the layer's weights."""
    op = layer.current_op()
    state = (np.zeros((len(x), layer.units), "float32"),) * 2
    z, parts = op.project_input(x), op.parts(np, None)
    for t in range(x.shape[1]):
        state = cell.step(z[:, t], state, parts)
    return state[0]


@pytest.mark.parametrize("cell", [Leaky, Renamed])
def test_a_cell_of_ones_own_computes_its_own_equation_everywhere(cell: Any) -> None:
    model = gw.Sequential([gw.Input((None, 4)), layer_of(cell)(5)])
    (layer,) = model.layers
    wanted = by_hand(cell, layer, X)
    stream = model.stream(3)
    steps = [stream.push(X[:, t]) for t in range(X.shape[1])]
    assert not stream.native
    for found in (layer(X), model(X), model.predict(X), steps[-1]):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)
    plain = LSTM(5)
    plain.build(X.shape)
    plain.set_weights(layer.get_weights())
    assert np.allclose(plain(X), wanted, atol=1e-3) == (cell is Renamed)


@pytest.mark.parametrize("cell", [Leaky, Renamed, OtherGates])
def test_native_runs_only_the_very_cell_that_it_knows(cell: Any) -> None:
    own = layer_of(cell)(5)
    own(X)
    assert executor(own.current_op(), X) == "reference"
    plain = LSTM(5)
    plain(X)
    assert executor(plain.current_op(), X) == "native"


class Quiet(cells.Cell):
    """A cell with a weight, a state and a width of its own: h of P, c of H."""

    name, gates, states = "quiet", "io", ("h", "c")
    widths: ClassVar[dict[str, str]] = {"h": "P"}
    weights: ClassVar[dict[str, str]] = {
        "kernel": "(I, gH)",
        "recurrent_kernel": "(P, gH)",
        "bias": "(gH,)",
        "projection": "(H, P)",
    }

    @staticmethod
    def step(z: Any, state: Any, parts: Any) -> Any:
        h, c = state
        z_i, z_o = cells.split(z + parts.project(cells.ALL, h), 2)
        c = c + parts.sigma(z_i)
        return (parts.sigma(z_o) * parts.phi(c)) @ parts.weights["projection"], c


class QuietLayer(LSTM):
    """A layer of that cell."""

    cell = Quiet
    unit_forget_bias = False

    def _sizes(self) -> dict[str, int]:
        return {**super()._sizes(), "P": 2}


def test_states_may_differ_in_width() -> None:
    layer = QuietLayer(5, return_sequences=True, return_state=True, unit_forget_bias=False)
    y, h, c = layer(X)
    assert (y.shape, h.shape, c.shape) == ((3, 7, 2), (3, 2), (3, 5))
    assert [weight.shape for weight in layer.weights] == [(4, 10), (2, 10), (10,), (5, 2)]
    assert layer.compute_output_shape((None, 7, 4)) == [(None, 7, 2), (None, 2), (None, 5)]
    first, *state = layer(X[:, :3])
    second, *end = layer(X[:, 3:], initial_state=state)
    np.testing.assert_allclose(np.concatenate([first, second], 1), y, rtol=0, atol=1e-6)
    np.testing.assert_allclose(end[1], c, rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match=r"needs 2 arrays \(h, c\), of the shapes \(batch, 2\), \(batch, 5\), but 1"):
        layer(X, initial_state=[h])
    with pytest.raises(ValueError, match=r"must have the shape \(3, 2\), got \(3, 5\)"):
        layer(X, initial_state=[c, c])


def test_a_stream_keeps_states_of_their_own_widths() -> None:
    model = gw.Sequential([gw.Input((None, 4)), QuietLayer(5, unit_forget_bias=False)])
    stream = model.stream(3)
    for t in range(7):
        y = stream.push(X[:, t])
    np.testing.assert_allclose(y, model.predict(X), rtol=0, atol=1e-6)


@pytest.mark.parametrize("cls", [LSTM, GRU, SimpleRNN, PeepholeLSTM])
def test_the_state_widths_of_the_op_are_those_of_the_layer(cls: Any) -> None:
    layer = cls(5)
    layer(X)
    assert layer.current_op().state_widths == layer.state_widths == (5,) * len(layer._equation.states)


def test_letters() -> None:
    assert letters.shape("(2, gH)", {"g": 3, "H": 5}) == (2, 15)
    assert letters.sizes({"a": (7, 12), "b": (2, 3)}, {"a": "(I, gH)", "b": "(P, H)"}, {"g": 4}) == {
        "g": 4,
        "I": 7,
        "H": 3,
        "P": 2,
    }
