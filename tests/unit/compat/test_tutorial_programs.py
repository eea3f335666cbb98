"""Programs for TensorFlow under `gatewise run`: custom loops, sessions of TensorFlow 1, processes that they start."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

RUN = [sys.executable, "-m", "gatewise", "run"]


def output(folder: Path, source: str, *options: str) -> str:
    """What a program prints under `gatewise run`; it must end well."""
    path = folder / "program.py"
    path.write_text(textwrap.dedent(source))
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*RUN, *options, str(path)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_subprocess_finds_gatewise_under_tensorflows_name(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(
        "import tensorflow as tf, keras\nfrom tensorflow.keras.layers import LSTM\n"
        "print(tf.__version__, LSTM.__module__, keras.layers.LSTM is LSTM)\n"
    )
    source = """
        import subprocess, sys
        print(subprocess.run([sys.executable, "child.py"], capture_output=True, text=True, check=True).stdout, end="")
    """
    assert output(tmp_path, source, "--tf", "2.15") == "2.15.0 gatewise.recurrent.lstm True\n"


@pytest.mark.parametrize(
    ("head", "options"),
    [
        ("import tensorflow as tf\nfrom keras import backend as K", ("--tf", "1.14")),
        ("import tensorflow.compat.v1 as tf\nfrom tensorflow.compat.v1.keras import backend as K", ()),
    ],
)
def test_sessions_around_predict(head: str, options: tuple[str, ...], tmp_path: Path) -> None:
    source = (
        head
        + """
import numpy as np
tf.set_random_seed(1)
tf.logging.set_verbosity(tf.logging.ERROR)
config = tf.ConfigProto(allow_soft_placement=True)
config.gpu_options.allow_growth = True
config.gpu_options.per_process_gpu_memory_fraction = 0.3
graph = tf.get_default_graph()
with tf.Session(config=config) as sess:
    sess.run(tf.global_variables_initializer())
    with graph.as_default():
        model = tf.keras.Sequential([tf.keras.layers.LSTM(2, input_shape=(3, 1))])
        print(model.predict(np.zeros((1, 3, 1))).shape)
    print(sess.run(model.weights[0]).shape, sess.run([tf.log(tf.constant(1.0)), tf.to_float(tf.constant([2]))]))
print(tf.reduce_sum(tf.ones((2, 2)), reduction_indices=1, keep_dims=True).shape)
try:
    sess.run(None, feed_dict={"x": 1})
except NotImplementedError as error:
    print(error)
try:
    tf.placeholder(tf.float32, [None, 3])
except (NotImplementedError, AttributeError) as error:
    print(error)
"""
    )
    lines = output(tmp_path, source, *options).splitlines()
    assert lines[:2] == ["(1, 2)", "(1, 8) [array(0., dtype=float32), array([2.], dtype=float32)]"]
    assert lines[2] == "(2, 1)"
    assert "model.predict(x)" in lines[3]
    assert "graphs and sessions" in lines[4]


def test_names_of_tensorflow_1_are_absent_in_tensorflow_2(tmp_path: Path) -> None:
    source = """
        import tensorflow as tf
        for name in ("Session", "log", "placeholder", "get_default_graph"):
            print(hasattr(tf, name), hasattr(tf.compat.v1, name))
    """
    assert output(tmp_path, source) == "False True\n" * 4


def test_a_text_generator_trains_and_samples(tmp_path: Path) -> None:
    """The shape of TensorFlow's tutorial: a subclassed model, a custom step, sampling with states."""
    source = """
        import numpy as np, tensorflow as tf

        text = "the cat sat on the mat. " * 20
        chars = sorted(set(text))
        ids = np.array([chars.index(c) for c in text])

        class Generator(tf.keras.Model):
            def __init__(self, vocab, embedding, units):
                super().__init__()
                self.embedding = tf.keras.layers.Embedding(vocab, embedding)
                self.gru = tf.keras.layers.GRU(units, return_sequences=True, return_state=True)
                self.dense = tf.keras.layers.Dense(vocab)

            def call(self, inputs, states=None, return_state=False, training=False):
                x = self.embedding(inputs, training=training)
                x, states = self.gru(x, initial_state=states, training=training)
                x = self.dense(x, training=training)
                return (x, states) if return_state else x

        tf.random.set_seed(1)
        model = Generator(len(chars), 8, 32)
        data = tf.data.Dataset.from_tensor_slices(ids).batch(21, drop_remainder=True)
        data = data.map(lambda row: (row[:-1], row[1:])).batch(11, drop_remainder=True)
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        optimizer = tf.keras.optimizers.Adam(0.02)
        mean = tf.keras.metrics.Mean()

        @tf.function
        def train_step(inputs, labels):
            with tf.GradientTape() as tape:
                value = loss(labels, model(inputs, training=True))
            grads = tape.gradient(value, model.trainable_variables)
            optimizer.apply_gradients(zip(grads, model.trainable_variables))
            return value

        results = []
        for epoch in range(40):
            mean.reset_state()
            for inputs, labels in data:
                mean.update_state(train_step(inputs, labels))
            results.append(mean.result().numpy())
        print(results[0] > 2, results[-1] < 0.8)

        states, next_id, made = None, tf.constant([[chars.index("t")]]), []
        for _ in range(20):
            logits, states = model(next_id, states=states, return_state=True)
            next_id = tf.random.categorical(logits[:, -1, :] / 0.1, num_samples=1)
            made.append(chars[int(next_id[0, 0])])
        print(tf.strings.reduce_join(tf.constant(made)).numpy().decode())
    """
    first, text = output(tmp_path, source).splitlines()
    assert first == "True True"
    assert any(word in text for word in ("cat", "sat", "mat", "the"))
