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
    arrays |= _of_modules(tf, tf_keras, keras, folder, x)
    arrays["program"] = _of_programs(tf.compat.v1, folder / "program", x)
    for saved in sorted(folder.glob("*/saved_model.pb")):
        without_program(saved.parent)
    arrays |= _of_tensorflow1(tf.compat.v1, folder / "tf1")
    np.savez_compressed(out / "tensorflow.npz", **arrays)


def _of_modules(tf: Any, tf_keras: Any, keras: Any, folder: Path, x: np.ndarray) -> dict[str, np.ndarray]:
    """SavedModels of what is no model of Keras 2: modules with layers inside, or with variables alone; Keras 3's."""

    class Module(tf.Module):  # type: ignore[misc]
        def __init__(self, layers: Any) -> None:
            super().__init__()
            self.rnn, self.head = layers.LSTM(4), layers.Dense(2)

        @tf.function(input_signature=[tf.TensorSpec([None, 4, 3])])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            return self.head(self.rnn(x))

    class Variables(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.kernel, self.recurrent = tf.Variable(tf.zeros([3, 16])), tf.Variable(tf.zeros([4, 16]))
            self.bias, self.out = tf.Variable(tf.zeros([16])), [tf.Variable(tf.zeros([4, 2])), tf.Variable([0.0, 0])]

        @tf.function(input_signature=[tf.TensorSpec([None, 4, 3])])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            h = c = tf.zeros([tf.shape(x)[0], 4])
            for t in range(4):
                i, f, g, o = tf.split(x[:, t] @ self.kernel + h @ self.recurrent + self.bias, 4, 1)
                c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
                h = tf.sigmoid(o) * tf.tanh(c)
            return h @ self.out[0] + self.out[1]

    arrays, rng = {}, np.random.default_rng(6)
    made = {"module2": Module(tf_keras.layers), "module3": Module(keras.layers), "variables": Variables()}
    layers = keras.layers
    both = layers.Bidirectional(layers.GRU(3, return_sequences=True))
    made["saved3"] = keras.Sequential([keras.Input((4, 3)), both, layers.BatchNormalization(), layers.Dense(2)])
    for name, module in made.items():
        module(x)
        weights = [*module.rnn.weights, *module.head.weights] if isinstance(module, Module) else None
        for variable in weights or (module.weights if name == "saved3" else module.variables):
            variable.assign(np.abs(rng.normal(0, 0.5, variable.shape)))
        arrays[name] = np.asarray(module(x))
        tf.saved_model.save(module, str(folder / name))
    return arrays


def _of_programs(tf: Any, folder: Path, x: np.ndarray) -> Any:
    """A SavedModel of TensorFlow 1's, whose variables have names alone: an LSTMCell and a dense layer."""
    rng = np.random.default_rng(8)
    with tf.Graph().as_default(), tf.Session() as session:
        given = tf.placeholder("float32", [None, 4, 3])
        shapes = {"rnn/lstm_cell/kernel": (7, 16), "rnn/lstm_cell/bias": (16,), "out/kernel": (4, 2), "out/bias": (2,)}
        kernel, bias, out, out_bias = (
            tf.get_variable(name, initializer=rng.normal(size=shape).astype("float32"))
            for name, shape in shapes.items()
        )
        h = c = tf.zeros([tf.shape(given)[0], 4])
        for t in range(4):
            i, j, f, o = tf.split(tf.matmul(tf.concat([given[:, t], h], 1), kernel) + bias, 4, 1)
            c = tf.sigmoid(f + 1.0) * c + tf.sigmoid(i) * tf.tanh(j)
            h = tf.sigmoid(o) * tf.tanh(c)
        y = tf.matmul(h, out) + out_bias
        session.run(tf.global_variables_initializer())
        tf.saved_model.simple_save(session, str(folder), {"x": given}, {"y": y})
        return session.run(y, {given: x})


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
