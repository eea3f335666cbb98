"""Both directions as one call of the engine: the bits of the two layers called one after the other."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gatewise as gw
from gatewise.engine import native, recurrence
from gatewise.layers import GRU, LSTM, Bidirectional, SimpleRNN

RNG = np.random.default_rng(3)
X = RNG.standard_normal((4, 9, 5)).astype("float32")
MASK = RNG.random((4, 9)) > 0.3
STATE = [RNG.standard_normal((4, 6)).astype("float32") for _ in range(4)]


def built(layer: Any, **arguments: Any) -> Bidirectional:
    both = Bidirectional(layer, **arguments)
    both.build((None, None, 5))
    return both


def merged(both: Bidirectional, y: Any, z: Any) -> Any:
    z = z[:, ::-1] if both.return_sequences else z
    merges = {
        "concat": lambda: np.concatenate([y, z], axis=-1),
        "sum": lambda: y + z,
        "mul": lambda: y * z,
        "ave": lambda: (y + z) / 2,
        None: lambda: [y, z],
    }
    return merges[both.merge_mode]()


def assert_same(given: Any, expected: Any) -> None:
    jax.tree_util.tree_map(np.testing.assert_array_equal, jax.tree_util.tree_map(np.asarray, given), expected)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("array", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("sequences", [True, False])
def test_outputs_are_those_of_both_layers(merge_mode, sequences, array, threads) -> None:
    both = built(LSTM(6, return_sequences=sequences), merge_mode=merge_mode)
    x = array(X)
    try:
        gw.config.threads = threads
        for mask in (None, array(MASK)):
            y, z = (np.asarray(layer(x, mask=mask)) for layer in (both.forward_layer, both.backward_layer))
            assert_same(both(x, mask=mask), merged(both, y, z))
    finally:
        gw.config.threads = 0


@pytest.mark.parametrize("array", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_states_go_in_and_come_out(array) -> None:
    both = built(LSTM(6, return_state=True, return_sequences=True))
    x, state = array(X), [array(s) for s in STATE]
    y, *final = both.forward_layer(x, initial_state=state[:2])
    z, *final_back = both.backward_layer(x, initial_state=state[2:])
    expected = [merged(both, np.asarray(y), np.asarray(z)), *map(np.asarray, (*final, *final_back))]
    assert_same(both(x, initial_state=state), expected)


def test_layers_of_two_kinds_and_the_short_way() -> None:
    both = built(GRU(6, return_sequences=True), backward_layer=LSTM(7, return_sequences=True, go_backwards=True))
    model = gw.Sequential([gw.Input((None, 5)), both])
    y, z = (np.asarray(layer(X)) for layer in (both.forward_layer, both.backward_layer))
    assert both.inference() is not None
    np.testing.assert_array_equal(model.predict(X, verbose=0), merged(both, y, z))


@pytest.mark.parametrize("array", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_both_directions_are_one_call(monkeypatch, array) -> None:
    both = built(LSTM(6))
    calls = []
    kept = recurrence._BOTH
    spies = {name: lambda *a, f=f, n=name: calls.append(n) or f(*a) for name, f in kept.items()}
    monkeypatch.setattr(recurrence, "_BOTH", spies)
    both(array(X))
    assert calls == ["native" if array is np.asarray else "compiled"]


def test_a_layer_of_ones_own_is_called_itself() -> None:
    class Doubled(LSTM):
        def call(self, inputs: Any, **arguments: Any) -> Any:
            return 2 * super().call(inputs, **arguments)

    both = built(Doubled(6), merge_mode="sum")
    assert both.inference() is None
    y, z = (np.asarray(layer(X)) for layer in (both.forward_layer, both.backward_layer))
    np.testing.assert_array_equal(both(X), y + z)


def test_stateful_layers_carry_their_states() -> None:
    both = Bidirectional(SimpleRNN(6, stateful=True), batch_input_shape=(4, None, 5))
    both.build((4, None, 5))
    both(X)
    first = [np.asarray(state.value) for state in both.states]
    again = both(X)
    both.reset_states(first)
    assert_same(both(X), np.asarray(again))


def test_training_drops_alike(monkeypatch) -> None:
    """With dropout, both layers draw their masks in the order in which two calls would."""
    outputs = []
    for one_call in (True, False):
        gw.utils.set_random_seed(5)
        both = built(LSTM(6, dropout=0.3, recurrent_dropout=0.4, seed=1))
        if not one_call:
            monkeypatch.setattr("gatewise.recurrent.wrappers.can_run_both", lambda *_: False)
        outputs.append(np.asarray(both(jnp.asarray(X), training=True)))
    np.testing.assert_array_equal(*outputs)


def test_the_engine_refuses_two_dtypes() -> None:
    ops = [built(LSTM(6, dtype=dtype)).forward_layer.current_op() for dtype in ("float32", "float64")]
    calls = [(op, X.astype(op.kernel.dtype), None, recurrence.Traversal()) for op in ops]
    with pytest.raises(TypeError, match="both recurrences must be float32, or both float64"):
        native.forward_both(*calls)
    (y, _), (z, _) = recurrence.forward_both(*calls)
    assert (y.dtype, z.dtype) == (np.float32, np.float64)
