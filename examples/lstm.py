"""An LSTM's outputs: all hidden states, the last one, and the last cell state, in every combination."""

import numpy as np

import gatewise as tf

print("version", tf.__version__)

# One sample of 5 steps with 3 features each.
x = np.linspace(-1, 1, 15).reshape(1, 5, 3)

# A Sequential model that gives the last hidden state alone.
model = tf.keras.models.Sequential([tf.keras.layers.LSTM(6, input_shape=(5, 3))])
last = model.predict(x)
print("last h", last.shape)
print(last)

# The functional API: several models on one Input, each with the list that its layer returned as outputs.
inputs = tf.keras.Input(shape=(5, 3))

outputs = tf.keras.layers.LSTM(6, return_sequences=True, return_state=True)(inputs)
model = tf.keras.Model(inputs=inputs, outputs=outputs)
all_h, last_h, last_c = model.predict(x)
print("all h, last h, last c", all_h.shape, last_h.shape, last_c.shape)
print(all_h)
print(last_h)
print(last_c)

outputs = tf.keras.layers.LSTM(6, return_sequences=False, return_state=True)(inputs)
model = tf.keras.Model(inputs=inputs, outputs=outputs)
output, last_h, last_c = model.predict(x)
print("output, last h, last c", output.shape, last_h.shape, last_c.shape)
print(output)
print(last_h)
print(last_c)

outputs = tf.keras.layers.LSTM(6, return_sequences=True, return_state=False)(inputs)
model = tf.keras.Model(inputs=inputs, outputs=outputs)
all_h = model.predict(x)
print("all h", all_h.shape)
print(all_h)

outputs = tf.keras.layers.LSTM(6, return_sequences=False, return_state=False)(inputs)
model = tf.keras.Model(inputs=inputs, outputs=outputs)
last_h = model.predict(x)
print("last h", last_h.shape)
print(last_h)
