"""RNN: cells of a program's own, stacks, masks, state, dropout, training, streams, and what is refused."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import gatewise as gw
from gatewise import layers
from gatewise.base import release, structure
from gatewise.recurrent import DropoutWrapper, ResidualWrapper

X = np.random.default_rng(0).uniform(-1, 1, (3, 5, 4)).astype("float32")
MASK = np.array([[1, 0, 1, 0, 1], [0, 1, 0, 0, 1], [1, 1, 0, 1, 0]], bool)


class OwnGRU(layers.Layer):
    """A GRUCell hidden from the engine: it must compute what that computes."""

    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.inner = layers.GRUCell(units)

    @property
    def state_size(self) -> int:
        return self.units

    def build(self, input_shape: Any) -> None:
        self.inner.build(input_shape)

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        return self.inner(inputs, states, training=training)


def alike(**options: Any) -> tuple[Any, Any]:
    """The same recurrence by steps of a cell of its own, and on the engine."""
    own, known = layers.RNN(OwnGRU(), **options), layers.RNN(layers.GRUCell(3), **options)
    own.build(X.shape)
    known.build(X.shape)
    known.set_weights(own.get_weights())
    return own, known


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("mask", [None, MASK])
def test_steps_agree_with_the_engine(backwards: bool, sequences: bool, zero: bool, mask: Any) -> None:
    options = {"go_backwards": backwards, "return_sequences": sequences, "zero_output_for_mask": zero}
    own, known = alike(**options, return_state=True)
    for one, other in zip(own(X, mask=mask), known(X, mask=mask), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("unroll", [False, True])
def test_under_jax_the_steps_are_the_same(unroll: bool) -> None:
    own, _ = alike(return_sequences=True, unroll=unroll)
    weights = [v.numpy() for v in own.trainable_variables]
    traced = jax.jit(lambda w, x: own.stateless_call(w, [], x, mask=MASK)[0])(weights, X)
    np.testing.assert_allclose(traced, own(X, mask=MASK), atol=1e-6)


def test_a_plain_object_is_a_cell() -> None:
    class Counter:
        state_size = (2, 3)
        output_size = 1

        def get_initial_state(self, batch_size: int) -> list[Any]:
            return [np.ones((batch_size, 2), "float32"), np.zeros((batch_size, 3), "float32")]

        def call(self, inputs: Any, states: Any) -> Any:
            one, two = states
            return inputs[:, :1] * 0 + one[:, :1], [one + 1, two + 2]

    y, one, two = layers.RNN(Counter(), return_state=True)(X)
    assert y.tolist() == [[5.0]] * 3
    assert one.tolist() == [[6.0, 6.0]] * 3
    assert two.tolist() == [[10.0] * 3] * 3


def test_constants_reach_every_step() -> None:
    class Adds(layers.Layer):
        state_size = 4

        def call(self, inputs: Any, states: Any, constants: Any) -> Any:
            new = states[0] + inputs + constants[0]
            return new, [new]

    c = np.full((3, 4), 2.0, "float32")
    y = layers.RNN(Adds())(X, constants=c)
    np.testing.assert_allclose(y, X.sum(1) + 10, rtol=1e-6)
    with pytest.raises(ValueError, match=r"RNN 'plain'.*constants"):
        layers.RNN(layers.GRUCell(2), name="plain")(X, constants=c)


def test_a_stack_is_layers_one_above_the_other() -> None:
    stack = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True)
    low, high = layers.LSTM(3, return_sequences=True), layers.GRU(2, return_sequences=True)
    y = stack(X)
    low.build((None, None, 4))
    high.build((None, None, 3))
    low.set_weights(stack.get_weights()[:3])
    high.set_weights(stack.get_weights()[3:])
    np.testing.assert_array_equal(y, high(low(X)))


def test_the_cell_of_a_layer_steps_as_the_layer_does() -> None:
    for layer in (layers.LSTM(3), layers.GRU(3), layers.SimpleRNN(3), layers.CuDNNLSTM(3), layers.PeepholeLSTM(3)):
        y = layer(X)
        assert layer.cell.kernel is layer.kernel
        state = layer.get_initial_state(batch_size=3)
        for t in range(5):
            out, state = layer.cell(X[:, t], state)
        np.testing.assert_allclose(out, y, atol=1e-6)
        assert [s.shape for s in layer.get_initial_state(X)] == [(3, 3)] * len(layer.state_widths)


def test_dropout_holds_for_a_sequence_and_is_drawn_anew() -> None:
    class Ones(layers.Layer, layers.DropoutRNNCell):
        dropout, recurrent_dropout, seed = 0.5, 0.0, 1
        state_size = 4

        def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
            y = inputs * self.get_dropout_mask(inputs) if training else inputs
            return y, [y]

    layer = layers.RNN(Ones(), return_sequences=True)
    ones = np.ones((3, 5, 4), "float32")
    first, second = layer(ones, training=True), layer(ones, training=True)
    assert (first == first[:, :1]).all()
    assert (first != second).any()
    assert set(np.unique(first)) == {0.0, 2.0}
    key = jax.random.key(0)
    traced = jax.jit(lambda x: layer.stateless_call([], [], x, training=True, key=key)[0])(ones)
    assert (traced == traced[:, :1]).all()
    assert set(np.unique(traced)) == {0.0, 2.0}


def test_a_stateful_stack_goes_on_and_is_set_by_plain_arrays() -> None:
    model = gw.Sequential(
        [gw.Input(batch_shape=(3, 5, 4)), layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], stateful=True)]
    )
    start = model.get_states()
    first = model.predict(X)
    assert not np.allclose(model.predict(X), first)
    model.set_states(start)
    np.testing.assert_array_equal(model.predict(X), first)
    with pytest.raises(ValueError, match="states of the shapes"):
        model.set_states(start[:1])


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.RNN(OwnGRU()),
        lambda: layers.RNN([layers.LSTMCell(3, dropout=0.1, recurrent_dropout=0.1), OwnGRU()]),
        lambda: layers.Bidirectional(layers.RNN(layers.LSTMCell(3, dropout=0.2))),
        lambda: layers.RNN(ResidualWrapper(layers.GRUCell(4))),
        lambda: layers.RNN(DropoutWrapper(layers.GRUCell(4), output_keep_prob=0.9)),
    ],
)
def test_it_trains(make: Any) -> None:
    gw.random.set_seed(1)
    model = gw.Sequential([gw.Input((5, 4)), make(), layers.Dense(1)])
    model.compile("adam", "mse")
    history = model.fit(X, X[:, 0, :1], epochs=30, verbose=0).history["loss"]
    assert history[-1] < history[0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True),
        lambda: layers.RNN(layers.GRUCell(2)),
        lambda: layers.RNN(OwnGRU(), return_sequences=True),
    ],
)
def test_it_streams(make: Any) -> None:
    model = gw.Sequential([gw.Input((None, 4)), make()])
    stream = model.stream(batch_size=3)
    steps = [np.array(stream.push(X[:, t])) for t in range(5)]
    whole = model.predict(X)
    np.testing.assert_allclose(steps[-1], whole[:, -1] if whole.ndim == 3 else whole, atol=1e-6)


def test_wrong_cells_and_states_are_refused_by_name() -> None:
    class Short(layers.Layer):
        state_size = (2, 2)

        def call(self, inputs: Any, states: Any) -> Any:
            return states[0], [states[0]]

    class Alone(layers.Layer):
        state_size = 2

        def call(self, inputs: Any, states: Any) -> Any:
            return states[0]

    with pytest.raises(ValueError, match=r"RNN 'short': a step of the cell Short .* must return states"):
        layers.RNN(Short(), name="short")(X)
    with pytest.raises(ValueError, match=r"RNN 'alone': a step of the cell Alone .* must return its output"):
        layers.RNN(Alone(), name="alone")(X)
    with pytest.raises(ValueError, match="has no `state_size`"):
        layers.RNN(layers.Dense(2))
    with pytest.raises(TypeError, match=r"the class LSTMCell"):
        layers.RNN(layers.LSTMCell)
    with pytest.raises(ValueError, match=r"RNN 'states': initial_state needs 2 arrays"):
        layers.RNN(layers.LSTMCell(2), name="states")(X, initial_state=[np.zeros((3, 2))])
    with pytest.raises(ValueError, match="takes an input"):
        layers.LSTMCell(2)(X, [np.zeros((3, 2))] * 2)
    with pytest.raises(ValueError, match="refuses an LSTMCell"):
        DropoutWrapper(layers.LSTMCell(2))


def test_in_keras_3_a_stack_gives_the_one_state_of_a_cell_in_a_list() -> None:
    # As Keras 3.15 on TensorFlow gives it, to an array and to a symbolic tensor; tf_keras gives the state itself.
    def shapes(x: Any) -> Any:
        layer = layers.RNN(layers.StackedRNNCells([layers.GRUCell(2), layers.LSTMCell(3)]), return_state=True)
        return structure.map_structure(lambda leaf: leaf.shape, layer(x)[1:])

    assert shapes(np.zeros((1, 5, 4))) == [[(1, 2)], [(1, 3), (1, 3)]]
    assert shapes(gw.Input((5, 4))) == [[(None, 2)], [(None, 3), (None, 3)]]
    with release.meaning("tf2"):
        assert shapes(np.zeros((1, 5, 4))) == [(1, 2), [(1, 3), (1, 3)]]
