"""TensorFlow's inside and TensorFlow 1's names, as programs import them; and what JAX traces, in TensorFlow's words."""

from __future__ import annotations

import numpy as np
import pytest
from test_compat import RUN, program, started

from gatewise.compat import rnn, rnn_cells
from gatewise.compat import tensorflow as tf

IMPORTS = """
from tensorflow.python.client import device_lib
print([device.device_type for device in device_lib.list_local_devices()])
import tensorflow as tf
import tensorflow.python.ops.math_ops as whole
from tensorflow.python.framework import dtypes, ops, tensor_shape, tensor_util
from tensorflow.python.framework.ops import convert_to_tensor, get_default_graph
from tensorflow.python.ops import array_ops, math_ops, nn_ops, rnn, rnn_cell, rnn_cell_impl, variable_scope
from tensorflow.python.util import nest
from tensorflow.python.keras import backend as K
from tensorflow.python.keras.layers import LSTM
from tensorflow.python.keras.layers.recurrent import GRU
from tensorflow.python.keras.utils import tf_utils
from tensorflow.python.keras.engine.base_layer import Layer
from tensorflow.python.platform import tf_logging as logging
assert whole is math_ops and LSTM is tf.keras.layers.LSTM and math_ops.reduce_mean is tf.reduce_mean
assert array_ops.expand_dims is tf.expand_dims and dtypes.float32 == tf.float32 and math_ops.tanh is tf.tanh
assert nn_ops.softmax is tf.nn.softmax and tensor_shape.TensorShape([1, 2]).as_list() == [1, 2]
assert nest.flatten(nest.map_structure(lambda x, y: x + y, [1, (2,)], [3, (4,)])) == [4, 6]
assert rnn_cell.LSTMCell is rnn_cell_impl.LSTMCell and callable(rnn.dynamic_rnn) and get_default_graph() is not None
from tensorflow.python.ops import gen_nn_ops
from tensorflow.python.ops.gen_nn_ops import some_kernel
try:
    some_kernel(1)
except AttributeError as error:
    print(error)
print(hasattr(math_ops, "nothing"))
"""


def test_the_inside_can_be_imported(tmp_path) -> None:
    done = started([*RUN, program(tmp_path, IMPORTS)], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['CPU']", "Gatewise has no `tf.python.ops.gen_nn_ops.some_kernel`.", "False"]


CONTRIB = """
import tensorflow as tf
import tensorflow.contrib.rnn as rnn
from tensorflow.contrib import rnn as other
from tensorflow.contrib.rnn import LSTMCell, static_rnn
assert rnn is other and rnn is tf.contrib.rnn and LSTMCell is tf.nn.rnn_cell.LSTMCell
outputs, state = tf.nn.dynamic_rnn(rnn.BasicLSTMCell(3), tf.ones((2, 5, 4)), dtype=tf.float32)
print(outputs.get_shape().as_list(), state.c.shape.as_list())
"""


def test_contrib_is_there_in_tensorflow_1_alone(tmp_path) -> None:
    path = program(tmp_path, CONTRIB)
    done = started([*RUN, "--tf", "1.14", path], tmp_path)
    assert (done.returncode, done.stdout) == (0, "[2, 5, 3] [2, 3]\n"), done.stderr
    done = started([*RUN, path], tmp_path)
    assert done.returncode == 1
    assert "Gatewise has no `tf.contrib" in done.stderr


TRACED = """
import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K

class Weighted(tf.keras.layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(name="w", shape=(shape[-1], 1))
        assert self.w.shape.as_list() == [3, 1]
    def call(self, x):
        batch, steps, width = x.shape.as_list()
        assert K.int_shape(x) == tuple(x.get_shape().as_list()) and x.shape[1:].as_list() == [5, 3]
        return tf.reshape(tf.matmul(tf.reshape(x, (-1, width)), self.w), (-1, steps))

def loss(y, p):
    return K.sum(K.square(y - p)) / p.shape.as_list()[-1]

model = tf.keras.Sequential([tf.keras.layers.LSTM(3, return_sequences=True, input_shape=(5, 2)), Weighted()])
model.compile("sgd", loss)
history = model.fit(np.ones((8, 5, 2)), np.ones((8, 5)), epochs=2, verbose=0)
print(history.history["loss"][0] > history.history["loss"][1], model.evaluate(np.ones((8, 5, 2)), np.ones((8, 5)), verbose=0) > 0, model.predict(np.ones((2, 5, 2))).shape)
"""


def test_what_fit_traces_has_tensorflows_shapes(tmp_path) -> None:
    done = started([*RUN, program(tmp_path, TRACED)], tmp_path)
    assert (done.returncode, done.stdout) == (0, "True True (2, 5)\n"), done.stderr


def test_a_tape_goes_through_dynamic_rnn() -> None:
    """The gradient is that of differences: of one weight, in float64."""
    cell = rnn_cells.LSTMCell(3, use_peepholes=True, dtype="float64")
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 4, 2)))

    def loss() -> object:
        outputs, state = rnn.dynamic_rnn(cell, x, [4, 2], dtype=tf.float64)
        return tf.reduce_sum(tf.square(outputs)) + tf.reduce_sum(state.c)

    loss()
    with tf.GradientTape() as tape:
        value = loss()
    (gradient,) = tape.gradient(value, [cell.weights[0]])
    kernel = cell.weights[0].numpy()
    around = []
    for step in (1e-6, -1e-6):
        moved = kernel.copy()
        moved[1, 2] += step
        cell.weights[0].assign(moved)
        around.append(float(loss()))
    # A central difference errs by step^2 and by rounding over step: 1e-12 and 1e-10.
    np.testing.assert_allclose(gradient[1, 2], (around[0] - around[1]) / 2e-6, rtol=0, atol=1e-8)


def test_dropout_of_an_lstms_state_leaves_c_alone() -> None:
    cell = rnn_cells.DropoutWrapper(rnn_cells.LSTMCell(64), state_keep_prob=0.5, seed=1)
    one = np.ones((4, 2), "float32")
    _, state = cell(one, cell.zero_state(4, tf.float32))
    assert isinstance(state, rnn_cells.LSTMStateTuple)
    assert np.all(np.asarray(state.c) != 0)
    assert 0.25 < np.mean(np.asarray(state.h) == 0) < 0.75


def test_what_does_not_fit_is_refused() -> None:
    cell, x = rnn_cells.GRUCell(3), np.ones((2, 5, 4), "float32")
    with pytest.raises(ValueError, match="say the state's dtype"):
        rnn.dynamic_rnn(cell, x)
    with pytest.raises(ValueError, match=r"sequence_length must have the shape \(2,\), got \(3,\)"):
        rnn.dynamic_rnn(cell, x, [1, 2, 3], dtype="float32")
    with pytest.raises(ValueError, match=r"must be \(batch, time, features\), got the shape \(2, 4\)"):
        rnn.dynamic_rnn(cell, x[:, 0], dtype="float32")
    with pytest.raises(TypeError, match="a list with an array for each step"):
        rnn.static_rnn(cell, x, dtype="float32")
    with pytest.raises(ValueError, match="expected a list of cells"):
        rnn_cells.MultiRNNCell([])
    with pytest.raises(ValueError, match="takes cells with one state"):
        rnn_cells.MultiRNNCell([rnn_cells.LSTMCell(3)], state_is_tuple=False)


@pytest.mark.parametrize(
    "make",
    [
        lambda: rnn_cells.BasicRNNCell(3),
        lambda: rnn_cells.GRUCell(3),
        lambda: rnn_cells.LSTMCell(3, use_peepholes=True),
        lambda: rnn_cells.MultiRNNCell([rnn_cells.LSTMCell(3), rnn_cells.GRUCell(2)]),
        lambda: rnn_cells.ResidualWrapper(rnn_cells.GRUCell(4)),
    ],
)
def test_keras_rnn_runs_and_trains_the_cells(make) -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    cell = make()
    layer = tf.keras.layers.RNN(cell)
    np.testing.assert_array_equal(layer(x), rnn.dynamic_rnn(cell, x, dtype=tf.float32)[0][:, -1])
    model = tf.keras.Sequential([layer, tf.keras.layers.Dense(1)])
    model.compile("adam", "mse")
    before = [weight.numpy() for weight in cell.weights]
    model.fit(x, x[:, 0, :1], verbose=0)
    assert not any(np.array_equal(*pair) for pair in zip(before, (w.numpy() for w in cell.weights), strict=True))
