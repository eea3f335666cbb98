"""`layer.cell`: the layer's weights and arguments under Keras's names, and one step of it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from gatewise.engine import cells
from gatewise.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    ConvLSTM1D,
    GRUCell,
    LSTMCell,
    PeepholeLSTM,
    SimpleRNN,
    SimpleRNNCell,
)
from gatewise.recurrent import DeviceWrapper

X = np.linspace(-1, 1, 30, dtype="float32").reshape(2, 5, 3)
LAYERS = {
    "LSTM": lambda: LSTM(4),
    "GRU": lambda: GRU(4),
    "GRU of old": lambda: GRU(4, reset_after=False, use_bias=False),
    "SimpleRNN": lambda: SimpleRNN(4, activation="relu"),
    "PeepholeLSTM": lambda: PeepholeLSTM(4),
}


@pytest.mark.parametrize("name", LAYERS)
def test_it_shows_the_layer(name: str) -> None:
    layer: Any = LAYERS[name]()
    layer.build((None, None, 3))
    cell = layer.cell
    for each in ("kernel", "recurrent_kernel", "bias", "units", "activation", "use_bias", "dropout", "name"):
        assert getattr(cell, each) is getattr(layer, each)
    assert cell.output_size == 4
    assert cell.state_size == ([4, 4] if "LSTM" in name else 4)
    assert [w is v for w, v in zip(cell.weights, layer.weights, strict=True)]
    assert [s.shape for s in cell.get_initial_state(2)] == [(2, 4)] * (2 if "LSTM" in name else 1)


@pytest.mark.parametrize("name", LAYERS)
def test_steps_of_the_cell_are_those_of_the_layer(name: str) -> None:
    layer: Any = LAYERS[name]()
    wanted = layer(X)
    states, y = layer.cell.get_initial_state(2), None
    for t in range(5):
        y, states = layer.cell(X[:, t], states)
    np.testing.assert_allclose(y, wanted, atol=1e-6)


def test_setting_its_weights_sets_the_layers() -> None:
    layer = LSTM(4)
    layer(X)
    layer.cell.kernel.assign(np.ones((3, 16)))
    assert (layer.get_weights()[0] == 1).all()
    layer.cell.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    assert not any(w.any() for w in layer.get_weights())


def test_a_class_has_the_equation() -> None:
    assert LSTM.cell is cells.LSTM
    assert Bidirectional(LSTM(4)).forward_layer.cell.units == 4


def test_copies_have_cells_of_their_own() -> None:
    layer = GRU(4)
    layer(X)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other.cell.kernel is other.kernel
        assert other.cell.kernel is not layer.kernel


def test_a_name_that_it_does_not_have() -> None:
    with pytest.raises(AttributeError, match="'LSTMCell' object has no attribute 'kernle'") as caught:
        _ = LSTM(4, name="l").cell.kernle
    assert caught.value.name == "kernle"  # With it, and the object, Python says what is like it.


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([np.zeros((2, 4))], r"LSTMCell 'l': the state of one step is 2 arrays \(h, c\), but 1 came"),
        ([np.zeros((2, 4)), None], "LSTMCell 'l': the state"),
        ([np.zeros((2, 4)), np.zeros((3, 4))], r"LSTMCell 'l': a state must have the shape \(2, 4\), got \(3, 4\)"),
    ],
)
def test_states_that_do_not_fit(states: Any, words: str) -> None:
    layer = LSTM(4, name="l")
    layer(X)
    with pytest.raises((ValueError, TypeError), match=words):
        layer.cell(X[:, 0], states)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("cell", [LSTMCell, GRUCell, SimpleRNNCell])
def test_a_step_stays_in_the_dtype_of_the_cell(cell: Any, dtype: str) -> None:
    made = cell(4, dtype=dtype)
    y, states = made(X[:, 0], made.get_initial_state(batch_size=2))
    assert {each.dtype.name for each in (y, *states)} == {dtype}


def test_unrolled_and_masked_backwards_it_zeroes_as_the_layer() -> None:
    arguments: Any = {"return_sequences": True, "go_backwards": True, "unroll": True, "zero_output_for_mask": True}
    mask = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 0, 1]], bool)
    layer, same = LSTM(4, **arguments), RNN(LSTMCell(4), **arguments)
    layer(X), same(X)
    same.set_weights(layer.get_weights())
    y = layer(X, mask=mask)
    np.testing.assert_array_equal(same(X, mask=mask), y)
    stepped = RNN(DeviceWrapper(layer.cell, "cpu"), **arguments)  # Which runs step by step.
    np.testing.assert_allclose(stepped(X, mask=mask), y, atol=1e-6)
    assert not y[~mask].any()
    images = np.zeros((2, 5, 4, 1), "float32")
    assert not ConvLSTM1D(2, 2, bias_initializer="ones", **arguments)(images, mask=mask)[~mask].any()
