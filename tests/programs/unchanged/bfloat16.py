"""After keras-io#1861, in the other half precision: layers in bfloat16 in a functional model. Numbers of Keras 3.15."""

import numpy as np
import tensorflow as tf
from small import close, cosines, with_sines

ROUNDING = 5e-2  # bfloat16 keeps 8 bits, and the numbers go through 4 steps and two sums.

for dtype in ("mixed_bfloat16", "bfloat16"):
    x = tf.keras.Input((4, 2))
    lstm = tf.keras.layers.LSTM(3, dtype=dtype, recurrent_initializer="glorot_uniform")
    y = tf.keras.layers.Dense(1, dtype="float32")(tf.keras.layers.Bidirectional(lstm, dtype=dtype)(x))
    found = with_sines(tf.keras.Model(x, y)).predict(cosines(2, 4, 2))
    close(np.asarray(found).astype("float32"), [[0.601706], [0.441129]], ROUNDING)
print("right")
