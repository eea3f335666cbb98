"""What a layer says of an input with an axis too few, and a model of one with other steps or features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise import layers

LAST = "gives its last output alone: return_sequences=True has it give that of every step."


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (layers.LSTM(4, name="first"), layers.LSTM(2)),
        (layers.Bidirectional(layers.GRU(4), name="first"), layers.Bidirectional(layers.LSTM(2))),
        (layers.RNN(layers.LSTMCell(4), name="first"), layers.Conv1D(2, 3)),
        (layers.LSTM(4, name="first"), layers.TimeDistributed(layers.Dense(2))),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_after_one_without_sequences(before: Any, after: Any) -> None:
    dropped = layers.Dropout(0.5)(before(gw.Input((5, 3))))
    with pytest.raises(ValueError, match=f"{type(before).__name__} 'first' {LAST}"):
        after(dropped)


def test_arrays_say_it_too() -> None:
    x = np.zeros((2, 5, 3), "float32")
    with pytest.raises(ValueError, match=r"return_sequences=True; if it is one sequence .*x\[None\]"):
        layers.LSTM(2)(layers.LSTM(4)(x))
    with pytest.raises(ValueError, match=f"'first' {LAST}"):
        gw.Sequential([layers.LSTM(4, name="first"), layers.LSTM(2)]).predict(x)


def test_no_recurrent_layer_is_blamed_where_none_was() -> None:
    with pytest.raises(ValueError, match=r"shape \(None, 4\)\. There is no axis of steps: RepeatVector\(n\)"):
        gw.Sequential([layers.Dense(4, input_shape=(5,)), layers.LSTM(2)])
    dense = layers.Dense(3)
    dense(np.zeros((2, 5)))
    with pytest.raises(ValueError, match=r"got 4: shape \(2, 4\)\.$"):  # Its features, and nothing of steps.
        dense(np.zeros((2, 4)))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((2, 6, 3), r"It has 6 steps, and the model takes 5; one drawn for \(None, 3\) takes any."),
        ((2, 5, 4), "It has 4 features a step, and the model was made for 3."),
        ((2, 3, 5), r"Steps and features have changed places: np.swapaxes\(x, 1, 2\)"),
        ((5, 3), r"If this is one sample, add the batch axis: x\[None\]."),
    ],
)
def test_models_say_how_an_input_differs(shape: tuple[int, ...], words: str) -> None:
    model = gw.Sequential([layers.LSTM(4, input_shape=(5, 3))])
    for act in (model.predict, model):
        with pytest.raises(ValueError, match=words):
            act(np.zeros(shape, "float32"))
