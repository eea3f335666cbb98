"""`more_published.npz`: what TensorFlow 1.15 makes of the published models of TensorFlow 1 in `more_packages.py`.

    python tools/golden/make_published_tensorflow1.py      a Python 3.7 that has tensorflow-cpu==1.15.0 protobuf==3.20.3

It adds its outputs to those of `make_more_published.py`. The networks of the two checkpoints are made as their packages
make them, of TensorFlow's own cells.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from more_packages import files, input_of

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests" / "golden" / "more_published.npz"
CELLS = tf.nn.rnn_cell
rnn = tf.nn.bidirectional_dynamic_rnn


def chicksexer(ids: np.ndarray, lengths: np.ndarray, names: np.ndarray) -> Any:
    count, words, letters = ids.shape
    table = tf.get_variable("embedding_layer/embeddings", (137, 32))
    given = tf.reshape(tf.nn.embedding_lookup(table, tf.constant(ids)), (count * words, letters, 32))
    ways = [CELLS.LSTMCell(256), CELLS.LSTMCell(256)]
    both, _ = rnn(*ways, given, lengths, dtype=tf.float32, scope="char_rnn_layer/bidirectional_rnn")
    mean = tf.reduce_sum(tf.concat(both, 2), 1) / tf.cast(lengths, tf.float32)[:, None]
    mean = tf.reshape(tf.where(tf.is_nan(mean), tf.zeros_like(mean), mean), (count, words, 512))
    ways = [CELLS.LSTMCell(128), CELLS.LSTMCell(128)]
    both, _ = rnn(*ways, mean, names, dtype=tf.float32, scope="word_rnn_layer/bidirectional_rnn")
    y = tf.concat(both, 2)
    pool = "word_rnn_layer/word_pooling_layer"
    weight, bias = tf.get_variable(f"{pool}/weight_attention", (256,)), tf.get_variable(f"{pool}/bias_attention", (1,))
    share = tf.nn.softmax(tf.reduce_sum(weight * y, 2) + bias)
    pooled = tf.reduce_sum(y * share[:, :, None], 1)
    weight, bias = tf.get_variable("softmax_layer/weight", (256, 1)), tf.get_variable("softmax_layer/bias", (1,))
    return tf.nn.sigmoid(tf.matmul(pooled, weight) + bias)[:, 0]


def address_net(ids: np.ndarray) -> Any:
    def stack() -> Any:
        return CELLS.MultiRNNCell([tf.contrib.cudnn_rnn.CudnnCompatibleGRUCell(128) for _ in range(3)])

    given = tf.nn.embedding_lookup(tf.get_variable("embeddings", (74, 8)), tf.constant(ids))
    both, _ = rnn(stack(), stack(), given, np.full(len(ids), ids.shape[1]), dtype=tf.float32)
    return tf.nn.softmax(tf.layers.dense(tf.concat(both, 2), 22, activation=tf.nn.elu))


def restored(y: Any, path: Path) -> np.ndarray:
    """The outputs with the variables of a checkpoint, some of which have their names of before TensorFlow 1.2."""
    prefix = str(path)[: -len(".index")]
    there = {name for name, _ in tf.train.list_variables(prefix)}
    variables = {}
    for variable in tf.global_variables():
        name = variable.op.name
        old = name.replace("lstm_cell/kernel", "lstm_cell/weights").replace("lstm_cell/bias", "lstm_cell/biases")
        variables[name if name in there else old] = variable
    with tf.Session() as session:
        tf.train.Saver(variables).restore(session, prefix)
        return session.run(y)


def main() -> None:
    made = {}
    for name, path in files(ROOT / "build" / "published_more").items():
        if ".data-" in name:
            continue
        with tf.Graph().as_default():
            if name.startswith("chicksexer"):
                made[f"{name}:0"] = restored(chicksexer(*input_of(name)), path)
            elif name.startswith("address-net"):
                made[f"{name}:0"] = restored(address_net(input_of(name)), path)
            elif name.startswith("cutkum"):
                tf.import_graph_def(tf.GraphDef.FromString(path.read_bytes()), name="")
                with tf.Session() as session:
                    given = {f"{key}:0": value for key, value in input_of(name).items()}
                    made[f"{name}:0"] = session.run("probs:0", given)
    np.savez_compressed(OUT, **{**dict(np.load(OUT)), **made})
    print({name: (array.shape, array.min(), array.max()) for name, array in made.items()})


if __name__ == "__main__":
    main()
