"""After keras#9889 and keras#2329: predict takes an object of batches, and ends after as many as its length says."""

import numpy as np
import tensorflow as tf
from small import cosines, with_sines


class Windows(tf.keras.utils.Sequence):
    """Two batches of one window."""

    def __len__(self):
        return 2

    def __getitem__(self, i):
        if i > 1:
            raise RuntimeError(f"batch {i} of 2 was asked for")
        return cosines(1, 4, 2, shift=i)


model = with_sines(tf.keras.Sequential([tf.keras.Input((4, 2)), tf.keras.layers.LSTM(3)]))
found = model.predict(Windows())
np.testing.assert_allclose(found, model.predict(np.concatenate(list(map(Windows().__getitem__, (0, 1))))), atol=1e-6)
print("right")
