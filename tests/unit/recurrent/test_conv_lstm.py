"""ConvLSTM: where the features stand, state from call to call, streams, training, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import gatewise as gw
from gatewise import layers

X = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4, 5, 2)).astype("float32")


def test_channels_first_is_the_same_in_other_axes() -> None:
    last = layers.ConvLSTM2D(3, 2, return_sequences=True, return_state=True)
    first = layers.ConvLSTM2D(3, 2, return_sequences=True, return_state=True, data_format="channels_first")
    outputs = last(X)
    first.build((None, None, 2, 4, 5))
    first.set_weights(last.get_weights())
    for one, other in zip(outputs, first(np.moveaxis(X, -1, 2)), strict=True):
        np.testing.assert_array_equal(one, np.moveaxis(other, -3, -1))


def test_the_cell_steps_as_the_layer_does() -> None:
    layer = layers.ConvLSTM2D(3, 3, strides=2, padding="same")
    y = layer(X)
    state = layer.get_initial_state(batch_size=2)
    for t in range(3):
        out, state = layer.cell(X[:, t], state)
    np.testing.assert_array_equal(out, y)


def test_state_is_carried() -> None:
    whole, pieces = layers.ConvLSTM2D(3, 2), layers.ConvLSTM2D(3, 2, stateful=True)
    y = whole(X)
    pieces.build((2, None, 4, 5, 2))
    pieces.set_weights(whole.get_weights())
    for part in (X[:, :1], X[:, 1:]):
        last = pieces(part)
    np.testing.assert_allclose(last, y, atol=1e-6)


def test_it_streams() -> None:
    model = gw.Sequential([gw.Input((None, 4, 5, 2)), layers.ConvLSTM2D(3, 2, return_sequences=True)])
    stream = model.stream(batch_size=2)
    steps = [np.array(stream.push(X[:, t])) for t in range(3)]
    np.testing.assert_allclose(np.stack(steps, axis=1), model.predict(X), atol=1e-6)


def test_it_trains() -> None:
    gw.random.set_seed(1)
    inner = layers.Bidirectional(layers.ConvLSTM2D(2, 2, dropout=0.1, recurrent_dropout=0.1))
    model = gw.Sequential([gw.Input((3, 4, 5, 2)), inner, layers.Flatten(), layers.Dense(1)])
    model.compile("adam", "mse")
    history = model.fit(X, X[:, 0, 0, 0, :1], epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_what_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"ConvLSTM2D.*cannot both be above 1"):
        layers.ConvLSTM2D(2, 2, strides=2, dilation_rate=2)
    with pytest.raises(ValueError, match=r"ConvLSTM2D.*kernel_size.*2 of them"):
        layers.ConvLSTM2D(2, (2, 2, 2))
    with pytest.raises(ValueError, match=r"ConvLSTM2D 'eye': initial_state must have the shape"):
        layers.ConvLSTM2D(2, 2, name="eye")(X, initial_state=[np.zeros((2, 2))] * 2)
    with pytest.raises(ValueError, match="1, 2 or 3 axes"):
        layers.ConvLSTMCell(4, 2, 2)
