"""After tensorflow#47222 and tensorflow#27170: sequences of unequal lengths, ragged. Numbers of tf_keras 2.21."""

import tensorflow as tf
from small import close, with_sines

ragged = tf.ragged.constant([[[0.1], [0.2], [0.3]], [[0.5]], [[0.4], [0.6]]], ragged_rank=1)
model = tf.keras.Sequential([tf.keras.layers.Input(shape=[None, 1], ragged=True), tf.keras.layers.LSTM(3)])
found = with_sines(model).predict(ragged, verbose=0)
close(found, [[0.089562, 0.150243, 0.127521], [0.011615, 0.071406, 0.07508], [0.013819, 0.093273, 0.103983]])
print("right")
