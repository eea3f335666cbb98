"""After keras#22037: a mask of another shape than the input's is refused, by wrappers and layers alike."""

import numpy as np
import tensorflow as tf

x = np.zeros((4, 5, 3), "float32")
layers = tf.keras.layers
made = {
    "TimeDistributed": layers.TimeDistributed(layers.Dense(2)),
    "LSTM": layers.LSTM(2),
    "GRU": layers.GRU(2),
    "Bidirectional": layers.Bidirectional(layers.LSTM(2)),
}
for name, layer in made.items():
    for shape in ((4, 6), (3, 5), (8, 3), (5, 4)):
        try:
            layer(x, mask=np.ones(shape, bool))
        except ValueError as error:
            if str(shape) not in str(error):
                raise
        else:
            raise SystemExit(f"{name} took a mask of the shape {shape}")
print("right")
