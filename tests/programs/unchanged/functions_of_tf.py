"""Functions of `tf` around a model have TensorFlow's defaults, not NumPy's. Numbers of TensorFlow 2.21."""

import numpy as np
import tensorflow as tf

a = tf.constant([[1.0, 5.0, 2.0], [4.0, 0.0, 9.0]])
assert tf.argmax(a).numpy().tolist() == [1, 0, 1]
assert tf.argmin(a).numpy().tolist() == [0, 1, 0]
assert tf.where(tf.constant([True, False, True])).numpy().tolist() == [[0], [2]]
assert tf.reduce_mean(tf.constant([1, 2])).numpy() == 1
assert tf.constant(2**40).numpy() == 2**40
assert np.asarray(tf.exp([0.0, 1.0])).dtype == np.float32
assert tf.reduce_sum(a).numpy() == 21
assert a[0, 1].numpy() == 5
assert tf.concat(values=[a, a], axis=0).numpy().shape == (4, 3)
assert a.shape.as_list() == [2, 3]
print("right")
