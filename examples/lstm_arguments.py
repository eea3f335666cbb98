"""One LSTM with every argument written out."""

import numpy as np

import gatewise as tf

model = tf.keras.Sequential()
model.add(
    tf.keras.layers.LSTM(
        input_shape=(10, 2),  # 10 steps with 2 features each
        units=3,  # the size of the hidden state and of the cell state
        activation="tanh",
        recurrent_activation="sigmoid",  # of the gates
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        unit_forget_bias=True,  # the forget gate's bias starts at 1
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,  # of the inputs, in training
        recurrent_dropout=0.0,  # of the state, in training
        implementation=1,  # one dropout mask a gate
        return_sequences=True,  # the hidden state of every step
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
    )
)
model.summary()

x = np.linspace(-1, 1, 20).reshape(1, 10, 2)
y = model.predict(x)
print("input", x.shape, x.dtype)
print("output", y.shape, y.dtype)
print(y)
