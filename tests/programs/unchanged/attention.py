"""After keras#14246 and keras#5512: attention of one encoded sequence to another. Numbers of tf_keras 2.21."""

import tensorflow as tf
from small import close, cosines, with_sines

DOT = [
    [[-0.194094, -0.234071, -0.139931], [-0.192118, -0.23273, -0.140845], [-0.189568, -0.230469, -0.141026]],
    [[-0.195233, -0.209142, -0.099952], [-0.195746, -0.209999, -0.10077], [-0.19433, -0.208996, -0.101088]],
]
ADDITIVE = [
    [[-0.181574, -0.222885, -0.140632], [-0.181154, -0.222545, -0.140729], [-0.180931, -0.222343, -0.140749]],
    [[-0.1847, -0.198915, -0.096994], [-0.184686, -0.198924, -0.097029], [-0.184532, -0.198797, -0.097036]],
]
question, text = tf.keras.Input((3, 2)), tf.keras.Input((4, 2))
reads = tf.keras.layers.LSTM(3, return_sequences=True)
asks = tf.keras.layers.LSTM(3, return_sequences=True)
for layer, wanted in ((tf.keras.layers.Attention(), DOT), (tf.keras.layers.AdditiveAttention(), ADDITIVE)):
    model = with_sines(tf.keras.Model([question, text], layer([asks(question), reads(text)])))
    close(model.predict([cosines(2, 3, 2), cosines(2, 4, 2)], verbose=0), wanted)
print("right")
