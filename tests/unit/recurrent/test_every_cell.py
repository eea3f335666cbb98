"""Every recurrent layer in every role: it predicts, trains, streams, stands in wrappers, and comes back from a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise import layers, models
from gatewise.recurrent import ResidualWrapper

B, T, FEATURES, H = 3, 5, 4, 4
X = np.random.default_rng(0).uniform(-1, 1, (B, T, FEATURES)).astype("float32")


@gw.keras.utils.register_keras_serializable("every_cell")
class Leaky(layers.Layer):
    """A cell of a program's own, with one state and no memory of its arguments but its config."""

    def __init__(self, units: int, rate: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units
        self.rate = rate

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")

    def call(self, inputs: Any, states: Any) -> Any:
        h = self.rate * states[0] + gw.ops.tanh(gw.ops.matmul(inputs, self.kernel))
        return h, [h]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"units": self.units, "rate": self.rate}


# How each is made, given `return_sequences` and its kin.
LAYERS: dict[str, Callable[..., layers.Layer]] = {
    "SimpleRNN": lambda **how: layers.SimpleRNN(H, **how),
    "LSTM": lambda **how: layers.LSTM(H, **how),
    "GRU": lambda **how: layers.GRU(H, **how),
    "GRU, reset before": lambda **how: layers.GRU(H, reset_after=False, **how),
    "PeepholeLSTM": lambda **how: layers.PeepholeLSTM(H, **how),
    "LSTM of hard gates": lambda **how: layers.LSTM(H, recurrent_activation="hard_sigmoid", use_bias=False, **how),
    "LSTM by its equation": lambda **how: layers.LSTM(H, activation="softsign", **how),
    "RNN of LSTMCell": lambda **how: layers.RNN(layers.LSTMCell(H), **how),
    "RNN of GRUCell": lambda **how: layers.RNN(layers.GRUCell(H), **how),
    "RNN of SimpleRNNCell": lambda **how: layers.RNN(layers.SimpleRNNCell(H), **how),
    "a stack": lambda **how: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2), layers.SimpleRNNCell(H)], **how),
    "a cell of one's own": lambda **how: layers.RNN(Leaky(H, rate=0.25), **how),
    "a stack with a cell of one's own": lambda **how: layers.RNN([layers.LSTMCell(3), Leaky(H)], **how),
    "ResidualWrapper": lambda **how: layers.RNN(ResidualWrapper(layers.GRUCell(FEATURES)), **how),
}
every = pytest.mark.parametrize("name", LAYERS)


def model_of(*stack: layers.Layer, shape: tuple[int | None, ...] = (T, FEATURES)) -> Any:
    gw.utils.set_random_seed(2)
    return gw.Sequential([gw.Input(shape), *stack])


@every
def test_predicts_what_a_call_says(name: str) -> None:
    layer = LAYERS[name](return_sequences=True, return_state=True)
    whole, *states = layer(X)
    assert whole.shape == (B, T, H)
    last = LAYERS[name]()
    last.build(X.shape)
    last.set_weights(layer.get_weights())
    np.testing.assert_allclose(model_of(last).predict(X, verbose=0), whole[:, -1], atol=1e-6)
    # The second half goes on where the first one ended.
    first = layer(X[:, :2])
    second = layer(X[:, 2:], initial_state=list(first[1:]))
    np.testing.assert_allclose(second[0], whole[:, 2:], atol=1e-6)
    for one, other in zip(second[1:], states, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=1e-6)


@every
def test_trains(name: str) -> None:
    model = model_of(LAYERS[name](), layers.Dense(1))
    before = [np.array(weight) for weight in model.get_weights()]
    model.compile("adam", "mse")
    losses = model.fit(X, X[:, 0, :1], epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert all((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))


@every
def test_streams(name: str) -> None:
    model = model_of(LAYERS[name](return_sequences=True), shape=(None, FEATURES))
    stream = model.stream(batch_size=B)
    steps = np.stack([np.array(stream.push(X[:, t])) for t in range(T)], axis=1)
    np.testing.assert_allclose(steps, model.predict(X, verbose=0), atol=1e-6)


@every
def test_both_ways(name: str) -> None:
    both = layers.Bidirectional(LAYERS[name](return_sequences=True))
    found = model_of(both).predict(X, verbose=0)
    one, other = LAYERS[name](return_sequences=True), LAYERS[name](return_sequences=True)
    for layer, weights in zip((one, other), np.split(np.arange(len(both.get_weights())), 2), strict=True):
        layer.build(X.shape)
        layer.set_weights([both.get_weights()[place] for place in weights])
    np.testing.assert_allclose(found[..., :H], one(X), atol=1e-6)
    np.testing.assert_allclose(found[..., H:], other(X[:, ::-1])[:, ::-1], atol=1e-6)


@every
def test_at_each_step_of_a_longer_sequence(name: str) -> None:
    outer = np.stack([X, X[::-1]], axis=1)
    model = model_of(layers.TimeDistributed(LAYERS[name]()), shape=(2, T, FEATURES))
    inner = model.layers[0].layer
    found = model.predict(outer, verbose=0)
    assert found.shape == (B, 2, H)
    np.testing.assert_allclose(found[:, 0], inner(X), atol=1e-6)
    np.testing.assert_allclose(found[:, 1], inner(X[::-1].copy()), atol=1e-6)


@every
@pytest.mark.parametrize("file", ["model.keras", "model.h5"])
def test_comes_back_from_a_file_with_the_same_bits(name: str, file: str, tmp_path: Path) -> None:
    model = model_of(LAYERS[name](return_sequences=True), layers.Bidirectional(LAYERS[name]()))
    model.save(tmp_path / file)
    again = models.load_model(tmp_path / file)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert again.layers[0].get_config() == model.layers[0].get_config()


@every
def test_a_mask_leaves_steps_out(name: str) -> None:
    """Padding at the end changes neither the last output nor a state."""
    layer = LAYERS[name](return_state=True)
    padded = np.concatenate([X, np.full_like(X, 7.0)], axis=1)
    mask = np.arange(2 * T) < T
    with_mask = layer(padded, mask=np.tile(mask, (B, 1)))
    for one, other in zip(with_mask, layer(X), strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=1e-6)
