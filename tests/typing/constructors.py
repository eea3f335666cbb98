"""What type checkers make of the layers' constructors: `make lint` checks this file, where an unused ignore is an error.

Importing it runs the calls that are right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gatewise as gw
from gatewise import layers

if TYPE_CHECKING:
    from typing import assert_type

BY_PLACE = [
    layers.Activation("relu"),
    layers.BatchNormalization(-1, 0.9),
    layers.Bidirectional(layers.LSTM(3), "sum"),
    layers.Conv1D(2, 3, 1, "causal"),
    layers.CuDNNLSTM(3, "he_normal"),
    layers.Dense(3, "relu", False, "he_normal"),
    layers.Dropout(0.5),
    layers.Embedding(9, 4, "uniform"),
    layers.GRU(3, "tanh", "sigmoid", True, "he_normal", "orthogonal"),
    layers.LSTM(3, "tanh", "sigmoid", True, "he_normal", "orthogonal"),
    layers.LeakyReLU(0.2),
    layers.MaxPooling1D(2, 2, "same"),
    layers.RepeatVector(3),
    layers.Reshape((3, 2)),
    layers.SimpleRNN(3, "relu", False),
    layers.TimeDistributed(layers.Dense(3)),
    layers.ZeroPadding1D(2),
]

BY_NAME = [
    layers.Dense(units=3, activation="relu", activity_regularizer="l2", input_shape=(4,)),
    layers.Dropout(rate=0.5, name="drop", activity_regularizer="l1"),
    layers.Embedding(9, output_dim=4, mask_zero=True, input_length=5, embeddings_regularizer="l2"),
    layers.GRU(3, recurrent_activation="sigmoid", reset_after=False, return_state=True),
    layers.LSTM(3, return_sequences=True, stateful=True, batch_input_shape=(1, 5, 3), unit_forget_bias=False),
    layers.LSTM(units=3, dropout=0.1, recurrent_dropout=0.1, trainable=False, dtype="float64"),
]

if TYPE_CHECKING:
    layers.LSTM(3, return_sequence=True)  # type: ignore[call-arg]
    layers.LSTM()  # type: ignore[call-arg]
    layers.LSTM("tanh")  # type: ignore[arg-type]
    layers.LSTM(3, dropout="little")  # type: ignore[arg-type]
    layers.Dense("relu", 3)  # type: ignore[arg-type]
    layers.CuDNNGRU(3, return_sequences="yes")  # type: ignore[arg-type]
    layers.Bidirectional()  # type: ignore[call-arg]
    gw.keras.layers.GRU(3, reset_afer=True)  # type: ignore[call-arg]
    gw.optimizers.Adam(learning_rat=0.1)  # type: ignore[call-arg]

    assert_type(layers.LSTM(3).units, int)
    assert_type(layers.LSTM(3).return_sequences, bool)
    assert_type(layers.Dropout(0.5).rate, float)
    assert_type(layers.Dense(3).name, str)
    assert_type(gw.Sequential([layers.Dense(3)]).layers, list[layers.Layer])
    assert_type(layers.Dense(3).get_config(), dict[str, Any])
