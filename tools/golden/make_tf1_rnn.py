"""`tf1_rnn.json`: what TensorFlow 1's cells and `dynamic_rnn` compute, as `tf.compat.v1` still has them, run eagerly.

A program is a few lines over `BEFORE` that leave what they computed in `found`; the test runs the same lines here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

BEFORE = """
def waves(shape, shift=0.0):
    return (0.6 * np.cos(np.arange(np.prod(shape)) * 0.9 + shift)).reshape(shape).astype('float32')

def run(function, cells, *args, **kwargs):
    first = function(*cells, *args, **kwargs)
    for cell in cells:
        while hasattr(cell, 'cell'):
            cell = cell.cell
        for place, weight in enumerate(cell.weights):
            weight.assign(waves(weight.shape.as_list(), place))
    return function(*cells, *args, **kwargs)

cells, nn, x, lengths = tf.nn.rnn_cell, tf.nn, tf.constant(waves((3, 5, 4))), np.array([5, 2, 0])
"""

CELLS = {
    "basic_rnn": "cells.BasicRNNCell(3)",
    "basic_rnn_relu": "cells.BasicRNNCell(3, activation=tf.nn.relu)",
    "basic_lstm": "cells.BasicLSTMCell(3)",
    "basic_lstm_one_array": "cells.BasicLSTMCell(3, forget_bias=0.5, state_is_tuple=False)",
    "lstm": "cells.LSTMCell(3)",
    "lstm_peepholes": "cells.LSTMCell(3, use_peepholes=True, forget_bias=0.3)",
    "lstm_projected": "cells.LSTMCell(3, num_proj=2, proj_clip=0.1)",
    "lstm_all": "cells.LSTMCell(3, use_peepholes=True, cell_clip=0.2, num_proj=2, state_is_tuple=False)",
    "gru": "cells.GRUCell(3)",
    "gru_softsign": "cells.GRUCell(3, activation=tf.nn.softsign)",
    "stack": "cells.MultiRNNCell([cells.BasicLSTMCell(3), cells.GRUCell(2)])",
    "stack_one_array": "cells.MultiRNNCell([cells.GRUCell(3), cells.BasicRNNCell(2)], state_is_tuple=False)",
    "residual": "cells.ResidualWrapper(cells.GRUCell(4))",
    "residual_own": "cells.ResidualWrapper(cells.GRUCell(4), residual_fn=lambda i, o: i - o)",
    "kept": "cells.DropoutWrapper(cells.LSTMCell(3), 1.0, 1.0)",
    "on_device": "cells.DeviceWrapper(cells.GRUCell(3), '/cpu:0')",
}
WAYS = {
    "plain": "run(nn.dynamic_rnn, [{cell}], x, dtype=tf.float32)",
    "lengths": "run(nn.dynamic_rnn, [{cell}], x, sequence_length=lengths, dtype=tf.float32)",
}
OTHERS = {
    "time_major": (
        "run(nn.dynamic_rnn, [cells.GRUCell(3)], tf.transpose(x, (1, 0, 2)), lengths, dtype=tf.float32, "
        "time_major=True)"
    ),
    "given_state": "run(nn.dynamic_rnn, [cells.GRUCell(3)], x, lengths, tf.constant(waves((3, 3), 2)))",
    "given_lstm_state": (
        "run(nn.dynamic_rnn, [cells.LSTMCell(3)], x, "
        "initial_state=cells.LSTMStateTuple(tf.constant(waves((3, 3), 2)), tf.constant(waves((3, 3), 3))))"
    ),
    "static": "run(nn.static_rnn, [cells.BasicLSTMCell(3)], tf.unstack(x, axis=1), dtype=tf.float32)",
    "static_lengths": (
        "run(nn.static_rnn, [cells.GRUCell(3)], tf.unstack(x, axis=1), dtype=tf.float32, sequence_length=lengths)"
    ),
    "both": "run(nn.bidirectional_dynamic_rnn, [cells.LSTMCell(3), cells.GRUCell(2)], x, dtype=tf.float32)",
    "both_lengths": (
        "run(nn.bidirectional_dynamic_rnn, [cells.BasicLSTMCell(3), cells.BasicLSTMCell(2)], x, lengths, "
        "dtype=tf.float32)"
    ),
    "both_time_major": (
        "run(nn.bidirectional_dynamic_rnn, [cells.GRUCell(3), cells.GRUCell(2)], tf.transpose(x, (1, 0, 2)), lengths, "
        "dtype=tf.float32, time_major=True)"
    ),
    "static_both": (
        "run(nn.static_bidirectional_rnn, [cells.GRUCell(3), cells.GRUCell(2)], tf.unstack(x, axis=1), "
        "dtype=tf.float32)"
    ),
    "sizes": (
        "[each for c in (cells.LSTMCell(3, num_proj=2), cells.GRUCell(4), cells.BasicLSTMCell(3, 1.0, False)) "
        "for each in (c.state_size, c.output_size)]"
    ),
    "zero_state": "cells.MultiRNNCell([cells.LSTMCell(3), cells.GRUCell(2)]).zero_state(2, tf.float32)",
    "first_weights": (
        "(lambda c: (c(x[:, 0], c.zero_state(3, tf.float32)), [c.weights[1], c.weights[3]])[1])(cells.GRUCell(3))"
    ),
}


def make(out: Path) -> None:
    """Run every program in the real TensorFlow."""
    import tensorflow.compat.v1 as tf

    programs = {f"{cell}/{way}": line.format(cell=made) for cell, made in CELLS.items() for way, line in WAYS.items()}
    programs |= OTHERS
    found = {name: {"line": line, "found": _said(_run(tf, line))} for name, line in programs.items()}
    text = json.dumps({"before": BEFORE, "programs": found}, indent=0)
    (out / "tf1_rnn.json").write_text(text + "\n")
    print(len(found), "programs")


def _run(tf: Any, line: str) -> Any:
    space: dict[str, Any] = {"tf": tf, "np": np}
    exec(BEFORE, space)
    return eval(line, space)


def _said(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_said(part) for part in value]
    return value if isinstance(value, int) else np.asarray(value).astype(float).round(8).tolist()


if __name__ == "__main__":
    make(Path(__file__).resolve().parents[2] / "tests" / "golden")
