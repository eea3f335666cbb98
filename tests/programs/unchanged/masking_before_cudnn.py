"""After keras#8620: CuDNNLSTM takes no mask, so one behind Masking refuses, and never forgets the mask in silence."""

import numpy as np
import tensorflow as tf

x = tf.keras.Input((4, 2))
lstm = tf.keras.layers.CuDNNLSTM(3, return_sequences=True)
try:
    y = tf.keras.layers.Bidirectional(lstm)(tf.keras.layers.Masking(0.0)(x))
    tf.keras.Model(x, y).predict(np.zeros((1, 4, 2), "float32"))
except ValueError as error:
    if "takes no mask" not in str(error):
        raise
else:
    raise SystemExit("the mask was forgotten")
print("right")
