"""After keras#8440, keras#20081 and keras#10626: saved and loaded, a model says the same. Numbers of tf_keras 2.21."""

import os
import tempfile

import tensorflow as tf
from small import close, cosines, with_sines

layers = tf.keras.layers
model = tf.keras.Sequential(
    [tf.keras.Input((4, 2)), layers.LSTM(2, return_sequences=True), layers.GRU(2), layers.Dense(1)]
)
x, wanted = cosines(2, 4, 2), [[0.476745], [0.492662]]
close(with_sines(model).predict(x), wanted)
again = tf.keras.models.model_from_json(model.to_json())
again.set_weights(model.get_weights())
close(again.predict(x), wanted)
with tempfile.TemporaryDirectory() as folder:
    weights, whole = os.path.join(folder, "m.weights.h5"), os.path.join(folder, "m.h5")
    model.save_weights(weights)
    with_sines(again, shift=5).load_weights(weights)
    close(again.predict(x), wanted)
    model.save(whole)
    close(tf.keras.models.load_model(whole).predict(x), wanted)
print("right")
