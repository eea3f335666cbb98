"""After tensorflow#35466: a ConvLSTM2D gives the last frame, as large as the input's with padding="same"."""

import numpy as np
import tensorflow as tf

layer = tf.keras.layers.ConvLSTM2D(2, 3, padding="same")
assert layer(np.zeros((1, 2, 4, 4, 1), "float32")).shape == (1, 4, 4, 2)
print("right")
