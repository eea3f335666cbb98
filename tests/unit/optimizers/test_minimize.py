"""`minimize` and `compute_gradients`: a step from a loss, as in tf_keras."""

from __future__ import annotations

import numpy as np
import pytest

import gatewise as gw
from gatewise.compat import tensorflow as tf


def weight() -> tf.Variable:
    return tf.Variable([1.0, 2.0])


def test_a_loss_that_is_a_function() -> None:
    w, optimizer = weight(), gw.optimizers.SGD(0.25)
    count = optimizer.minimize(lambda: tf.reduce_sum(w * w), [w])
    assert w.numpy().tolist() == [0.5, 1.0]
    assert int(count.numpy()) == 1
    optimizer.minimize(lambda: tf.reduce_sum(w * w), lambda: [w])
    assert w.numpy().tolist() == [0.25, 0.5]


def test_a_loss_that_a_tape_has_recorded() -> None:
    w = weight()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(w * w)
    ((gradient, found),) = gw.optimizers.SGD(0.25).compute_gradients(loss, [w], tape=tape)
    assert found is w
    assert gradient.numpy().tolist() == [2.0, 4.0]
    assert w.numpy().tolist() == [1.0, 2.0]


def test_weights_that_a_tape_does_not_watch_by_itself() -> None:
    w = tf.Variable([1.0, 2.0], trainable=False)
    gw.optimizers.SGD(0.25).minimize(lambda: tf.reduce_sum(w * w), [w], tape=tf.GradientTape())
    assert w.numpy().tolist() == [0.5, 1.0]


def test_a_model_learns_by_it() -> None:
    x = np.random.default_rng(0).normal(size=(16, 5, 2)).astype("float32")
    model = gw.Sequential([gw.layers.LSTM(4, input_shape=(5, 2)), gw.layers.Dense(1)])
    optimizer = gw.optimizers.Adam(0.05)

    def loss() -> object:
        return tf.reduce_mean(tf.square(model(x, training=True) - x[:, -1, :1]))

    before = float(loss())
    for _ in range(20):
        optimizer.minimize(loss, model.trainable_variables)
    assert float(loss()) < before / 2


def test_what_is_missing_is_said() -> None:
    w = weight()
    with pytest.raises(ValueError, match=r"minimize\(loss, weights, tape=tape\)"):
        gw.optimizers.SGD(0.25).minimize(tf.reduce_sum(w * w), [w])
    with pytest.raises(ValueError, match="takes no grad_loss"):
        gw.optimizers.SGD(0.25).minimize(lambda: tf.reduce_sum(w * w), [w], grad_loss=2.0)
