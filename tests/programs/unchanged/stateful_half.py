"""After keras#14047, keras#15140 and keras#20605: a stateful GRU under mixed_float16. Numbers of tf_keras 2.21."""

import numpy as np
import tensorflow as tf
from small import close, cosines, with_sines

FIRST = [[0.156372, 0.1604, 0.08783, -0.030319], [-0.061584, -0.310791, -0.333984, -0.225098]]
FIRST += [[0.272949, -0.231934, -0.586426, -0.581543]]
SECOND = [[0.331299, 0.073792, -0.179932, -0.328125], [0.040161, -0.319824, -0.445312, -0.395996]]
SECOND += [[0.322021, -0.23291, -0.626953, -0.652832]]
ROUNDING = 4e-3  # Four units in the last place of float16 near 1, for the two systems round in other places.

tf.keras.mixed_precision.set_global_policy("mixed_float16")
layer = tf.keras.layers.GRU(4, return_sequences=True, stateful=True)
x = cosines(1, 3, 2).astype("float16")
layer(x)
with_sines(layer)
layer.reset_states()
first = layer(x)
assert np.asarray(first).dtype == np.float16
close(first, [FIRST], ROUNDING)
close(layer(x), [SECOND], ROUNDING)
print("right")
