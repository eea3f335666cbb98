"""`lengths=`: a mask in other words, for every recurrent layer, on NumPy and under JAX."""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gatewise as gw
from gatewise.engine import compiled, scan
from gatewise.engine.op import Traversal
from gatewise.layers import GRU, LSTM, RNN, Bidirectional, ConvLSTM1D, GRUCell, LSTMCell, Masking, SimpleRNN

LENGTHS = [7, 3, 0, 5]
MASK = np.arange(7) < np.array(LENGTHS)[:, None]
LAYERS: dict[str, Any] = {
    "LSTM": lambda: LSTM(5, return_sequences=True),
    "GRU, last": lambda: GRU(5),
    "SimpleRNN, backwards": lambda: SimpleRNN(5, return_sequences=True, go_backwards=True),
    "states": lambda: LSTM(5, return_state=True, zero_output_for_mask=True),
    "unrolled": lambda: GRU(5, return_sequences=True, go_backwards=True, unroll=True, zero_output_for_mask=True),
    "Bidirectional": lambda: Bidirectional(GRU(5, return_sequences=True)),
    "Bidirectional, last": lambda: Bidirectional(LSTM(5), merge_mode="sum"),
    "RNN": lambda: RNN([LSTMCell(5), GRUCell(3)], return_sequences=True, go_backwards=True),
}


def numbers(*shape: int) -> Any:
    return np.random.default_rng(0).standard_normal(shape).astype("float32")


def same(found: Any, wanted: Any) -> None:
    for got, want in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", LAYERS)
def test_they_are_the_mask(name: str) -> None:
    layer, x = LAYERS[name](), numbers(4, 7, 3)
    wanted = layer(x, mask=MASK)
    same(layer(x, lengths=LENGTHS), wanted)
    same(layer(x, lengths=np.array(LENGTHS, "int64")), wanted)
    run = jax.jit(lambda x, lengths: layer.stateless_call(layer.get_weights(), [], x, lengths=lengths)[0])
    masked = jax.jit(lambda x, mask: layer.stateless_call(layer.get_weights(), [], x, mask=mask)[0])
    same(run(x, jnp.asarray(LENGTHS)), masked(x, MASK))


@pytest.mark.parametrize("name", ["LSTM", "GRU, last", "Bidirectional", "Bidirectional, last"])
def test_a_sequence_gives_what_it_gives_alone(name: str) -> None:
    """But for rounding: few sequences and many may be divided otherwise on tiles."""
    layer, x = LAYERS[name](), numbers(4, 7, 3)
    together = np.asarray(layer(x, lengths=LENGTHS))
    np.testing.assert_array_equal(together[2], 0)
    for row in (0, 1, 3):
        alone = np.asarray(layer(x[row : row + 1, : LENGTHS[row]]))[0]
        found = together[row, : LENGTHS[row]] if together.ndim == 3 else together[row]
        np.testing.assert_allclose(found, alone, rtol=0, atol=1e-6)


def test_time_first() -> None:
    layer, x = GRU(5, time_major=True, return_sequences=True), numbers(4, 7, 3)
    same(layer(x.swapaxes(0, 1), lengths=LENGTHS), layer(x.swapaxes(0, 1), mask=MASK.T))


def test_layers_that_go_step_by_step() -> None:
    layer, x = ConvLSTM1D(2, 3, return_sequences=True), numbers(4, 7, 6, 2)
    same(layer(x, lengths=LENGTHS), layer(x, mask=MASK))


def test_the_mask_travels_on() -> None:
    hidden = LSTM(5, return_sequences=True)(numbers(4, 7, 3), lengths=LENGTHS)
    upper = GRU(4)
    same(upper(hidden), upper(hidden, mask=MASK))


def test_states_are_carried_and_given() -> None:
    layer, state = LSTM(5, stateful=True, return_state=True), [numbers(4, 5), -numbers(4, 5)]
    x = numbers(4, 7, 3)
    _, *first = layer(x, initial_state=state, lengths=LENGTHS)
    same([s[2] for s in first], [s[2] for s in state])  # A sequence without steps leaves its state as it was.
    second = layer(x[:, :2], lengths=[2, 0, 1, 2])
    other = LSTM(5, return_state=True)
    other.build((4, 7, 3))
    other.set_weights(layer.get_weights())
    same(second, other(x[:, :2], initial_state=list(first), lengths=[2, 0, 1, 2]))


def test_an_input_of_a_model() -> None:
    x, lengths = gw.Input((7, 3)), gw.Input((), dtype="int32")
    layer = LSTM(5)
    model = gw.Model([x, lengths], layer(x, lengths=lengths))
    again = gw.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    given = numbers(4, 7, 3), np.array(LENGTHS, "int32")
    for each in (model, again):
        same(each.predict(list(given), verbose=0), layer(given[0], mask=MASK))


def test_a_model_of_the_programs_own_trains() -> None:
    class Reader(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.read, self.say = Bidirectional(GRU(4)), gw.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.say(self.read(inputs["x"], lengths=inputs["lengths"]))

    model = Reader()
    model.compile("sgd", "mse")
    x = np.where(MASK[..., None], numbers(4, 7, 3), np.float32("nan"))  # Padding has no say.
    loss = model.train_on_batch({"x": x, "lengths": np.array(LENGTHS)}, numbers(4, 1))
    assert np.isfinite(loss)
    assert all(np.isfinite(w).all() for w in model.get_weights())


@pytest.mark.parametrize(
    ("lengths", "error", "words"),
    [
        ([1, 2], ValueError, r"'tester': lengths must have the shape \(4,\), one for each sequence, got \(2,\)"),
        ([[1, 2, 3, 4]], ValueError, r"must have the shape \(4,\)"),
        ([1, 2, 8, 4], ValueError, "'tester': lengths must be from 0 to 7, the steps .* got 8 at place 2"),
        ([1, -2, 3, 4], ValueError, "'tester': lengths must be from 0 to 7, .* got -2 at place 1"),
        ([1.0, 2.0, 3.0, 4.0], TypeError, "'tester': lengths must be integers, .* got float64"),
        ([True, True, False, True], TypeError, "'tester': lengths must be integers, .* got bool"),
    ],
)
@pytest.mark.parametrize("make", [LSTM, lambda n, **options: Bidirectional(GRU(n), **options)])
def test_what_they_must_not_be(make: Any, lengths: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make(5, name="tester")(numbers(4, 7, 3), lengths=lengths)


def test_not_both() -> None:
    with pytest.raises(ValueError, match="'tester': lengths and a mask came"):
        LSTM(5, name="tester")(numbers(4, 7, 3), lengths=LENGTHS, mask=MASK)


def test_they_stand_before_a_mask_that_travels() -> None:
    x = numbers(4, 7, 3)
    x[:, 0] = 0
    layer = LSTM(5)
    same(layer(Masking()(x), lengths=LENGTHS), layer(x, mask=MASK))


def test_a_layer_with_lengths_of_its_own() -> None:
    class Scaled(LSTM):
        def call(self, inputs: Any, lengths: Any = None) -> Any:
            return super().call(inputs) * lengths

    x, plain = numbers(4, 7, 3), LSTM(5)
    layer = Scaled(5)
    layer.build((4, 7, 3))
    plain.build((4, 7, 3))
    plain.set_weights(layer.get_weights())
    same(layer(x, lengths=2.0), 2 * plain(x))


# -- gradients --------------------------------------------------------------------------------------------------------


@cache
def gradients_of(make: Any, way: Any, traversal: Traversal) -> Any:
    """A layer, and what gives the gradients of its weights and of x: of a sum of the outputs times `dy` and of the final
    state. It is compiled once for all masks and factors, which come as `arrays`.
    """
    gw.utils.set_random_seed(1)
    layer = make(9)
    layer.build((None, None, 4))
    op = layer.current_op()

    def scalar(weights: Any, x: Any, dy: Any, arrays: Any) -> Any:
        same_op = type(op)(op.cell, weights, op.activation, op.recurrent_activation, names=op.names)
        y, final = way.forward(same_op, x, None, traversal._replace(**arrays))
        return (y * dy).sum() + sum(s.sum() for s in final)

    return layer, jax.jit(jax.grad(scalar, argnums=(0, 1)))


@pytest.mark.parametrize("how", ["behind", "in front", "backwards", "last", "zeros", "dropout"])
@pytest.mark.parametrize("make", [LSTM, GRU, SimpleRNN, gw.layers.PeepholeLSTM])
def test_gradients_are_those_of_scan(make: Any, how: str) -> None:
    """Sums of at most B T = 200 and 4 H = 36 products: some hundred roundings of float32's 6e-8 in both stay below 1e-5
    of the largest number, which dropout's factors of 2 let grow from step to step. What is wrong differs by as much as
    the numbers themselves.
    """
    way = Traversal(go_backwards=how == "backwards", sequences=how != "last", zero_masked=how == "zeros")
    layer, gradient = gradients_of(make, compiled, way)
    rng = np.random.default_rng(1)
    x = numbers(20, 10, 4)
    mask = np.arange(10) < rng.integers(0, 11, 20)[:, None]
    if how == "in front":
        mask = mask[:, ::-1]
    gates, weights = len(layer.current_op().cell.gates), dict(layer.current_op().weights)
    # For the engine nothing stands where nothing is dropped; for the scan, factors of 1, as its program is the same then.
    drops = {"dropout": np.ones((gates, 20, 1, 4), "float32"), "recurrent_dropout": np.ones((gates, 20, 9), "float32")}
    if how == "dropout":
        drops = {name: (rng.random(ones.shape) < 0.5).astype("float32") * 2 for name, ones in drops.items()}
    dy = rng.standard_normal((20, 10, 9) if way.sequences else (20, 9)).astype("float32")
    found = jax.block_until_ready(gradient(weights, x, dy, {"mask": mask, **(drops if how == "dropout" else {})}))
    wanted = gradients_of(make, scan, way)[1](weights, x, dy, {"mask": mask, **drops})
    for got, want in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * max(1, np.abs(want).max()))
    np.testing.assert_array_equal(np.where(mask[..., None], 0, found[1]), 0)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("make", [LSTM, GRU])
def test_gradients_have_the_bits_of_the_mask(make: Any, backwards: bool, threads: int) -> None:
    """A row whose mask has a hole sends all the way of the mask; it has no gradient of its own."""
    layer = make(33)
    layer.build((None, None, 16))
    rng = np.random.default_rng(2)
    x = numbers(41, 30, 16)
    mask = np.arange(30) < rng.integers(0, 31, 41)[:, None]
    mask[40] = np.arange(30) % 2 == 0
    dy = rng.standard_normal((41, 30, 33)).astype("float32")
    dy[40] = 0
    way = Traversal(go_backwards=backwards)

    def of(rows: int) -> Any:
        weights, op = dict(layer.current_op().weights), layer.current_op()

        def scalar(weights: Any, x: Any) -> Any:
            same_op = type(op)(op.cell, weights, op.activation, op.recurrent_activation, names=op.names)
            return (compiled.forward(same_op, x, None, way._replace(mask=mask[:rows]))[0] * dy[:rows]).sum()

        return jax.block_until_ready(jax.jit(jax.grad(scalar, argnums=(0, 1)))(weights, x[:rows]))

    gw.config.threads = threads
    try:
        (found, dx), (wanted, whole) = of(40), of(41)
    finally:
        gw.config.threads = 0
    same(found, wanted)
    np.testing.assert_array_equal(dx, whole[:40])


def test_mapped_lengths() -> None:
    layer = GRU(5)
    layer.build((None, None, 3))
    x, lengths = numbers(3, 4, 7, 3), jnp.array([[7, 3, 0, 5], [1, 1, 2, 7], [0, 0, 0, 4]])

    def loss(weights: Any, x: Any, lengths: Any) -> Any:
        return (layer.stateless_call(weights, [], x, lengths=lengths)[0] ** 2).sum()

    weights = [jnp.asarray(w) for w in layer.get_weights()]
    together = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0, 0)))(weights, x, lengths)
    alone = jax.jit(jax.grad(loss))
    for place in range(3):
        for got, want in zip(together, alone(weights, x[place], lengths[place]), strict=True):
            np.testing.assert_allclose(got[place], want, rtol=0, atol=1e-5)


def test_nobody_meets_a_hole_where_nan_is_looked_for() -> None:
    layer = LSTM(5, return_sequences=True)
    layer.build((None, None, 3))
    weights, x = [jnp.asarray(w) for w in layer.get_weights()], numbers(4, 7, 3)

    def loss(weights: Any) -> Any:
        return layer.stateless_call(weights, [], x, lengths=np.array(LENGTHS))[0].sum()

    jax.config.update("jax_debug_nans", True)
    try:
        assert all(np.isfinite(g).all() for g in jax.grad(loss)(weights))
    finally:
        jax.config.update("jax_debug_nans", False)
