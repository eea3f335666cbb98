"""After keras#19482, keras#9765, tensorflow#28216: RNN over a list of cells is two layers. Numbers of tf_keras 2.21."""

import tensorflow as tf
from small import close, cosines, with_sines

layers = tf.keras.layers
wanted = [[-0.032505, -0.169412], [-0.011539, -0.148649]]
stacked = [layers.RNN([layers.LSTMCell(3), layers.LSTMCell(2)])]
one_by_one = [layers.LSTM(3, return_sequences=True), layers.LSTM(2)]
for chain in (stacked, one_by_one):
    model = with_sines(tf.keras.Sequential([tf.keras.Input((5, 2)), *chain]))
    close(model.predict(cosines(2, 5, 2), verbose=0), wanted)
print("right")
