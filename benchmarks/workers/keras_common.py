"""What the two Keras workers share: the model and the cell with the weights of a case."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import Case, weights


def model(keras: Any, case: Case) -> Any:
    """A Sequential of one layer that returns every step."""
    kind = keras.layers.LSTM if case.cell == "lstm" else keras.layers.GRU
    shape = (case.batch, case.time, case.features)
    made = keras.Sequential([keras.Input(batch_shape=shape), kind(case.units, return_sequences=True)])
    weight = weights(case)
    made.set_weights([weight.kernel, weight.recurrent_kernel, weight.bias])
    return made


def cell(keras: Any, case: Case) -> Any:
    """An LSTMCell or GRUCell, for one step at a time."""
    made = keras.layers.LSTMCell(case.units) if case.cell == "lstm" else keras.layers.GRUCell(case.units)
    made.build((case.batch, case.features))
    weight = weights(case)
    made.set_weights([weight.kernel, weight.recurrent_kernel, weight.bias])
    return made


def state_count(case: Case) -> int:
    """How many arrays (B, H) make a state."""
    return 2 if case.cell == "lstm" else 1
