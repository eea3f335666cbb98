"""After keras#4786 and keras#13176: a mask made inside TimeDistributed ends there. Numbers of Keras 3.15."""

import numpy as np
import tensorflow as tf
from small import close, cosines, with_sines

layers = tf.keras.layers
x = cosines(2, 3, 4, 2)
x[:, :, 2:] = 0
x[1, 2] = 0
ids = np.array([[[1, 2, 0, 0], [3, 4, 1, 0], [0, 0, 0, 0]], [[2, 0, 0, 0], [1, 1, 4, 3], [3, 2, 0, 0]]])


def each(layer):
    """The layer, on every part."""
    return layers.TimeDistributed(layer)


def said(data, *parts):
    """What a model of these parts says."""
    model = tf.keras.Sequential([tf.keras.Input(data.shape[1:]), *parts])
    return with_sines(model).predict(data)


def embedding():
    """Of ids, 0 for none."""
    return layers.Embedding(5, 2, mask_zero=True)


close(
    said(x, each(layers.Masking(0.0)), each(layers.LSTM(3)), layers.GRU(2)),
    [[0.369933, 0.110375], [0.371077, 0.107187]],
)
close(
    said(ids, each(embedding()), each(layers.LSTM(3)), layers.GRU(2)),
    [[-0.199216, -0.328967], [-0.195763, -0.324736]],
)
close(
    said(ids, embedding(), each(layers.LSTM(3)), layers.GRU(2)),
    [[-0.148469, -0.256757], [-0.202608, -0.329174]],
)
close(
    said(x, each(layers.Masking(0.0)), each(layers.LSTM(3, return_sequences=True)), each(layers.GRU(2)))[0, 0],
    [0.408276, 0.143053],
)
print("right")
