"""Checkpoints and SavedModels of the real TensorFlow: `tests/golden/of_tensorflow/`, with outputs in `tensorflow.npz`.

The program of a SavedModel (`saved_model.pb`) is left empty: it is large, and nothing reads it but TensorFlow.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np


def sequential(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Embedding(9, 4, input_length=5),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(2)),
            layers.BatchNormalization(),
            layers.GRU(3),
            layers.Dense(1),
        ]
    )


def functional(keras: Any) -> Any:
    layers = keras.layers
    start = keras.Input((None, 3))
    y, h, _ = layers.LSTM(4, return_sequences=True, return_state=True, name="encoder")(start)
    cells = [layers.LSTMCell(2), layers.GRUCell(3)]
    inner = keras.Sequential([layers.Dense(5), layers.RNN(cells)], name="inner")
    return keras.Model(start, layers.Dense(1)(layers.Concatenate()([inner(y), h])))


def randomized(model: Any) -> Any:
    rng = np.random.default_rng(4)
    model.set_weights([np.abs(rng.normal(0, 0.5, w.shape)) for w in model.get_weights()])
    return model


def without_program(folder: Path) -> None:
    (folder / "saved_model.pb").write_bytes(b"")
    (folder / "fingerprint.pb").unlink(missing_ok=True)
    for empty in ("assets",):
        shutil.rmtree(folder / empty, ignore_errors=True)


def make(out: Path) -> None:
    import keras
    import tensorflow as tf
    import tf_keras

    folder = out / "of_tensorflow"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    ids, x = np.arange(10).reshape(2, 5) % 9, np.random.default_rng(5).normal(size=(2, 4, 3)).astype("float32")
    arrays: dict[str, np.ndarray] = {"ids": ids, "x": x}
    model = randomized(sequential(tf_keras))
    model.compile("adam", "mse")
    arrays["sequential"] = model.predict(ids, verbose=0)
    model.save(folder / "sequential", save_format="tf")
    model.save_weights(folder / "checkpoint" / "weights")
    model = randomized(functional(tf_keras))
    arrays["functional"] = model.predict(x, verbose=0)
    model.save(folder / "functional", save_format="tf")
    tf.saved_model.save(model, str(folder / "plain"))  # Without the words of Keras, as before TensorFlow 2.4.
    model = randomized(keras.Sequential([keras.Input((4, 3)), keras.layers.LSTM(4), keras.layers.Dense(2)]))
    arrays["exported"] = model.predict(x, verbose=0)
    model.export(folder / "exported", verbose=False)
    for name in ("sequential", "functional", "plain", "exported"):
        without_program(folder / name)
    arrays |= _of_tensorflow1(tf.compat.v1, folder / "tf1")
    np.savez_compressed(out / "tensorflow.npz", **arrays)


def _of_tensorflow1(tf: Any, folder: Path) -> dict[str, np.ndarray]:
    """A checkpoint of `tf.train.Saver`, with a variable that is split and numbers of many dtypes."""
    folder.mkdir()
    kernel = np.arange(60, dtype="float32").reshape(5, 12)
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("rnn/lstm_cell", partitioner=tf.fixed_size_partitioner(3)):
            parts = list(tf.get_variable("kernel", kernel.shape, initializer=tf.zeros_initializer()))
        with tf.variable_scope("rnn/lstm_cell"):
            tf.get_variable("bias", initializer=np.arange(12, dtype="float32"))
        for dtype in ("float64", "float16", "bfloat16", "int32", "int64", "uint8", "bool"):
            tf.get_variable(dtype, initializer=tf.cast([0, 1, 2], dtype))
        tf.get_variable("text", initializer="some text")
        session.run(tf.global_variables_initializer())
        for part, value in zip(parts, np.split(kernel, [2, 4]), strict=True):
            session.run(part.assign(value))
        tf.train.Saver().save(session, os.fspath(folder / "model.ckpt"), 7, write_meta_graph=False)
    return {"tf1/kernel": kernel}
