"""Models that cannot stream are refused by the name of the layer that is to blame."""

from __future__ import annotations

from typing import Any

import pytest
from stream_models import chain

import gatewise as gw
from gatewise import layers


class Own(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


class OwnDense(layers.Dense):
    def call(self, inputs: Any) -> Any:
        return super().call(inputs[:, ::-1])


def from_another() -> Any:
    x = gw.Input((None, 5))
    _, h, c = layers.LSTM(4, return_state=True)(x)
    return gw.Model(x, layers.LSTM(4, name="decoder")(x, initial_state=[h, c]))


def picked() -> Any:
    x = gw.Input((None, 5))
    return gw.Model(x, layers.LSTM(3, return_sequences=True)(x)[:, 0])


def joined() -> Any:
    x = gw.Input((None, 5))
    return gw.Model(x, layers.Concatenate(axis=1, name="it")([x, x]))


def dotted() -> Any:
    x = gw.Input((7, 5))
    return gw.Model(x, layers.Dot(axes=1, name="it")([x, x]))


REFUSED = {
    "bidirectional": (
        lambda: chain(layers.Bidirectional(layers.LSTM(3), name="it")),
        "Bidirectional 'it' reads the sequence backwards",
    ),
    "backwards": (lambda: chain(layers.LSTM(3, go_backwards=True, name="it")), "LSTM 'it' has go_backwards=True"),
    "global pooling": (lambda: chain(layers.GlobalMaxPooling1D(name="it")), "GlobalMaxPooling1D 'it' pools over"),
    "pooling": (lambda: chain(layers.MaxPooling1D(2, name="it")), "MaxPooling1D 'it' pools over time"),
    "flatten": (lambda: chain(layers.Flatten(name="it"), shape=(7, 5)), "Flatten 'it' moves numbers between"),
    "reshape": (lambda: chain(layers.Reshape((5, 7), name="it"), shape=(7, 5)), "Reshape 'it' moves numbers between"),
    "valid": (lambda: chain(layers.Conv1D(3, 2, name="it")), "Conv1D 'it' has padding='valid'.*'causal' can stream"),
    "same": (lambda: chain(layers.Conv1D(3, 2, padding="same", name="it")), "Conv1D 'it' has padding='same'"),
    "strides": (
        lambda: chain(layers.Conv1D(3, 2, padding="causal", strides=2, name="it")),
        "Conv1D 'it' has strides=2",
    ),
    "repeat": (
        lambda: chain(layers.LSTM(3), layers.RepeatVector(4, name="it"), layers.LSTM(2)),
        "RepeatVector 'it' makes a sequence",
    ),
    "permute": (lambda: chain(layers.Permute((2, 1), name="it"), shape=(7, 5)), "Permute 'it' exchanges the time axis"),
    "softmax over time": (
        lambda: chain(layers.Softmax(axis=1, name="it")),
        "Softmax 'it' takes all time steps together",
    ),
    "norm over time": (
        lambda: chain(layers.LayerNormalization(axis=1, name="it"), shape=(7, 5)),
        "'it' normalises along the time",
    ),
    "slope over time": (
        lambda: chain(layers.PReLU(name="it"), shape=(7, 5)),
        "PReLU 'it' has an alpha for each time step",
    ),
    "lambda": (lambda: chain(layers.Lambda(lambda v: v, name="it")), "Lambda 'it' is not among the layers"),
    "own layer": (lambda: chain(Own(name="it")), "Own 'it' is not one of Gatewise's own layers"),
    "own call": (
        lambda: chain(OwnDense(2, name="it"), shape=(7, 5)),
        "OwnDense 'it' is not one of Gatewise's own layers",
    ),
    "state from elsewhere": (from_another, "LSTM 'decoder' takes its initial state from another layer"),
    "picked step": (picked, "picks steps of a sequence"),
    "joined in time": (joined, "Concatenate 'it' joins sequences along the time axis"),
    "dot": (dotted, "Dot 'it' multiplies sequences"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_cannot_stream_is_refused_by_the_layers_name(name: str) -> None:
    make, why = REFUSED[name]
    model = make()
    with pytest.raises(ValueError, match=f"cannot stream: .*{why}"):
        model.stream()
    with pytest.raises(ValueError, match="cannot stream"):
        model.stream_pool(3)


def test_a_model_with_a_call_of_its_own_is_refused() -> None:
    class Mine(gw.Model):
        def call(self, inputs: Any) -> Any:
            return inputs

    with pytest.raises(ValueError, match=r"Mine 'mine.*' cannot stream: what its own `call` does cannot be seen"):
        Mine().stream()


def test_an_unbuilt_model_says_so() -> None:
    with pytest.raises(ValueError, match="does not know the shape of its input yet"):
        gw.Sequential([layers.LSTM(3)]).stream()
