"""Frozen graphs of the real TensorFlow 1.15: `tests/golden/of_tensorflow1/`, with inputs and outputs in `frozen.npz`.

    python tools/golden/make_frozen.py      a Python 3.7 that has tensorflow-cpu==1.15.0 protobuf==3.20.3

Each graph takes `x` (B, T, I) and `lengths` (B,), and gives `y`; "dropped" takes `training` as well.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

OUT = Path(__file__).resolve().parents[2] / "tests" / "golden"
CELLS = tf.nn.rnn_cell
BATCH, STEPS, INPUTS = 3, 5, 4


def dynamic(*cells: Any) -> Callable[[Any, Any], Any]:
    """Outputs, and the last state of the first cell."""

    def program(x: Any, lengths: Any) -> Any:
        cell = CELLS.MultiRNNCell(list(cells)) if len(cells) > 1 else cells[0]
        y, state = tf.nn.dynamic_rnn(cell, x, sequence_length=lengths, dtype=tf.float32)
        first = state[0] if isinstance(state, tuple) and not hasattr(state, "h") else state
        last = first.h if hasattr(first, "h") else first
        return tf.concat([tf.reshape(y, [-1]), tf.reshape(last, [-1])], 0)

    return program


def whole(cell: Any) -> Callable[[Any, Any], Any]:
    return lambda x, lengths: tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)[0]


def both(x: Any, lengths: Any) -> Any:
    cells = [CELLS.LSTMCell(3), CELLS.GRUCell(2)]
    (one, other), _ = tf.nn.bidirectional_dynamic_rnn(*cells, x, lengths, dtype=tf.float32)
    return tf.nn.softmax(tf.layers.dense(tf.concat([one, other], 2), 2))


def dropped(x: Any, lengths: Any) -> Any:
    """`tf.cond`: a branch that is taken and one that is not."""
    training = tf.placeholder_with_default(False, (), "training")
    y, _ = tf.nn.dynamic_rnn(CELLS.BasicLSTMCell(3), tf.layers.dropout(x, 0.5, training=training), dtype=tf.float32)
    return tf.reduce_mean(tf.nn.relu(y), axis=1)


def normalized(x: Any, lengths: Any) -> Any:
    """A cell that is not known here: it goes turn by turn."""
    return tf.nn.dynamic_rnn(tf.contrib.rnn.LayerNormBasicLSTMCell(3), x, lengths, dtype=tf.float32)[0]


def of_keras(x: Any, lengths: Any) -> Any:
    layers = tf.keras.layers
    return layers.Dense(2)(layers.GRU(3)(layers.LSTM(3, return_sequences=True)(x)))


def embedded(x: Any, lengths: Any) -> Any:
    table = tf.get_variable("table", (7, 4))
    ids = tf.cast(tf.abs(x[:, :, 0]) * 5, tf.int32)
    found = tf.nn.embedding_lookup(table, tf.minimum(ids, 6))
    mask = tf.expand_dims(tf.sequence_mask(lengths, tf.shape(x)[1], tf.float32), -1)
    y, _ = tf.nn.dynamic_rnn(CELLS.GRUCell(3), found * mask, lengths, dtype=tf.float32)
    return tf.argmax(tf.reverse_sequence(y, lengths, seq_axis=1), 2)


def unknown(x: Any, lengths: Any) -> Any:
    y, _ = tf.nn.dynamic_rnn(CELLS.GRUCell(3), x, lengths, dtype=tf.float32)
    return tf.linalg.inv(tf.matmul(y, y, transpose_a=True))


def programs() -> dict[str, Callable[[Any, Any], Any]]:
    cudnn = tf.contrib.cudnn_rnn.CudnnCompatibleGRUCell
    return {
        "basic_lstm": dynamic(CELLS.BasicLSTMCell(3, forget_bias=0.5)),
        "lstm_whole": whole(CELLS.LSTMCell(3, activation=tf.nn.softsign)),
        "peepholes": dynamic(CELLS.LSTMCell(3, use_peepholes=True)),
        "gru": dynamic(CELLS.GRUCell(3)),
        "cudnn_gru": dynamic(cudnn(3)),
        "basic_rnn": dynamic(CELLS.BasicRNNCell(3, activation=tf.nn.relu)),
        "stack": dynamic(CELLS.BasicLSTMCell(3), CELLS.DropoutWrapper(CELLS.GRUCell(2)), CELLS.BasicRNNCell(4)),
        "projected": dynamic(CELLS.LSTMCell(3, num_proj=2)),
        "residual": dynamic(CELLS.ResidualWrapper(CELLS.GRUCell(INPUTS))),
        "both": both,
        "dropped": dropped,
        "normalized": normalized,
        "of_keras": of_keras,
        "embedded": embedded,
        "unknown": unknown,
    }


def main() -> None:
    folder = OUT / "of_tensorflow1"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    rng = np.random.default_rng(9)
    x, lengths = rng.normal(size=(BATCH, STEPS, INPUTS)).astype("float32"), np.array([5, 2, 0], "int32")
    arrays = {"x": x, "lengths": lengths}
    for name in programs():
        with tf.Graph().as_default(), tf.Session() as session:
            given = tf.placeholder(tf.float32, (None, None, INPUTS), "x"), tf.placeholder(tf.int32, (None,), "lengths")
            tf.identity(programs()[name](*given), "y")
            session.run(tf.global_variables_initializer())
            for variable in tf.global_variables():
                variable.load(rng.normal(0, 0.5, variable.shape.as_list()).astype("float32"), session)
            if name != "unknown":
                arrays[name] = session.run("y:0", {given[0]: x, given[1]: lengths})
            frozen = tf.graph_util.convert_variables_to_constants(session, session.graph_def, ["y"])
            (folder / f"{name}.pb").write_bytes(frozen.SerializeToString())
    np.savez_compressed(OUT / "frozen.npz", **arrays)


if __name__ == "__main__":
    main()
