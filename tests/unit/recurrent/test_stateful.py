"""stateful=True: state carried from call to call, all or nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.layers import GRU, LSTM, Bidirectional, Dense, Lambda, SimpleRNN
from gatewise.models import plan

X = np.random.default_rng(0).standard_normal((2, 8, 3)).astype("float32")
KINDS = [LSTM, GRU, SimpleRNN]


def states(layer: Any) -> list[np.ndarray]:
    return [v.numpy() for v in layer.states]


def twin(layer: Any) -> Any:
    """The same layer without a memory."""
    made = type(layer).from_config({**layer.get_config(), "stateful": False, "return_state": True})
    made.build((None, None, 3))
    made.set_weights(layer.get_weights())
    return made


@pytest.mark.parametrize("cls", KINDS)
def test_calls_go_on_where_the_last_one_ended(cls: Any) -> None:
    layer = cls(4, stateful=True, return_sequences=True)
    pieces = [layer(X[:, :3]), layer(X[:, 3:4]), layer(X[:, 4:])]
    whole, *final = twin(layer)(X)
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, rtol=0, atol=1e-6)
    np.testing.assert_allclose(states(layer), np.asarray(final), rtol=0, atol=1e-6)
    layer.reset_states()
    np.testing.assert_array_equal(states(layer), np.zeros_like(final))
    np.testing.assert_allclose(layer(X), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cls", KINDS)
def test_an_initial_state_overrides_the_carried_one_and_is_followed(cls: Any) -> None:
    layer = cls(4, stateful=True)
    layer(X)
    start = [np.full((2, 4), 0.5, "float32")] * len(layer.states)
    y = layer(X, initial_state=start)
    wanted, *final = twin(layer)(X, initial_state=start)
    np.testing.assert_allclose(y, wanted, rtol=0, atol=1e-6)
    np.testing.assert_allclose(states(layer), np.asarray(final), rtol=0, atol=1e-6)


def test_reset_states_takes_arrays() -> None:
    layer = LSTM(4, stateful=True, name="memory")
    with pytest.raises(ValueError, match=r"shape \(2, 4\), got \(3, 4\)"):
        layer.reset_states([np.ones((2, 4)), np.ones((3, 4))])
    assert layer.states == []
    given = [np.ones((2, 4)), np.full((2, 4), 2.0)]
    layer.reset_states(given)  # Before any call, too.
    np.testing.assert_array_equal(states(layer), given)
    layer(X)
    kept = states(layer)
    for wrong, words in [
        ([np.ones((2, 4))], "LSTM 'memory': states needs 2 arrays"),
        ([np.ones((2, 4)), np.ones((2, 5))], r"shape \(2, 4\), got \(2, 5\)"),
        ([np.ones((3, 4)), np.ones((3, 4))], r"shape \(2, 4\), got \(3, 4\)"),
    ]:
        with pytest.raises(ValueError, match=words):
            layer.reset_states(wrong)
        np.testing.assert_array_equal(states(layer), kept)
    with pytest.raises(ValueError, match="stateful=False"):
        LSTM(4).reset_states()


def test_a_batch_of_another_size() -> None:
    layer = LSTM(4, stateful=True, name="memory")
    layer(X)
    kept = states(layer)
    with pytest.raises(
        ValueError, match=r"LSTM 'memory' is stateful and carries the state of 2 sequences.*batch of 1 came"
    ):
        layer(X[:1])
    np.testing.assert_array_equal(states(layer), kept)


def test_a_declared_batch_size_holds_from_the_start() -> None:
    model = gw.Sequential([LSTM(4, stateful=True, batch_input_shape=(2, 8, 3))])
    assert [v.shape for v in model.layers[0].states] == [(2, 4), (2, 4)]
    with pytest.raises(ValueError, match="2 sequences"):
        model.predict(X[:1])


def failing(x: Any) -> Any:
    if x.shape[0] and float(np.abs(x).max()) > 5:
        raise RuntimeError("later")
    return x


def test_nothing_moves_when_a_later_layer_fails() -> None:
    first, second = LSTM(4, stateful=True, return_sequences=True), GRU(3, stateful=True)
    model = gw.Sequential([gw.Input(batch_shape=(2, None, 3)), first, Lambda(lambda x: failing(x * 10)), second])
    first.reset_states()
    model.predict(0.01 * X)
    kept = [states(first), states(second)]
    with pytest.raises(RuntimeError, match="later"):
        model.predict(100 * X)
    with pytest.raises(RuntimeError, match="later"):
        model(100 * X)
    # The second batch fails: the first one's steps are taken back, too.
    with pytest.raises(RuntimeError, match="later"):
        model.predict(np.concatenate([0.01 * X, 100 * X]), batch_size=2)
    np.testing.assert_array_equal(states(first), kept[0])
    np.testing.assert_array_equal(states(second), kept[1])


def test_a_first_call_that_fails_does_not_fix_the_batch_size() -> None:
    layer = LSTM(4, stateful=True)

    class Own(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def call(self, x: Any) -> Any:
            return failing(100 * self.layer(x))

    with pytest.raises(RuntimeError, match="later"):
        Own()(X)
    assert layer.states == []
    assert layer(X[:1]).shape == (1, 4)


def test_predict_over_several_batches_carries_the_state_over_them() -> None:
    model = gw.Sequential([LSTM(4, stateful=True, batch_input_shape=(2, None, 3)), Dense(2)])
    y = model.predict(np.concatenate([X[:, :4], X[:, 4:]]), batch_size=2)
    model.reset_states()
    first = model.predict(X[:, :4])
    second = model.predict(X[:, 4:])
    np.testing.assert_allclose(y, np.concatenate([first, second]), rtol=0, atol=1e-6)
    assert not np.allclose(model.predict(X[:, 4:]), second)
    assert model.stateful
    assert plan.of(model) is None


def test_model_reset_states_reaches_nested_and_wrapped_layers() -> None:
    inner = gw.Sequential([LSTM(4, stateful=True, return_sequences=True, batch_input_shape=(2, 8, 3))])
    both = Bidirectional(GRU(2, stateful=True))
    model = gw.Sequential([inner, both])
    first = model.predict(X)
    assert not np.allclose(model.predict(X), first)
    model.reset_states()
    np.testing.assert_array_equal(model.predict(X), first)
    assert len(model.state_variables) == 4


def test_states_are_no_weights() -> None:
    layer = LSTM(4, stateful=True)
    layer(X)
    assert len(layer.weights) == len(layer.get_weights()) == 3
    assert len(layer.variables) == 5
    assert len(layer.non_trainable_variables) == 2
    assert layer.count_params() == 4 * (3 * 4 + 4 * 4 + 4)


def test_a_masked_sequence_keeps_its_state() -> None:
    layer = LSTM(4, stateful=True)
    layer(X)
    kept = states(layer)
    layer(X, mask=np.array([[True] * 8, [False] * 8]))
    for now, before in zip(states(layer), kept, strict=True):
        np.testing.assert_array_equal(now[1], before[1])
        assert not np.allclose(now[0], before[0])


def test_stateless_calls_return_the_state_and_leave_the_layer_alone() -> None:
    layer = LSTM(4, stateful=True)
    layer(X)
    kept = states(layer)
    weights, state = layer.get_weights(), kept
    y, state = layer.stateless_call(weights, state, X)
    np.testing.assert_array_equal(states(layer), kept)
    np.testing.assert_allclose(layer(X), y, rtol=0, atol=1e-6)
    np.testing.assert_allclose(states(layer), np.asarray(state), rtol=0, atol=1e-6)


def test_one_step_at_a_time_is_the_whole() -> None:
    model = gw.Sequential([LSTM(4, stateful=True, batch_input_shape=(2, 1, 3)), Dense(1)])
    steps = [model.predict(X[:, t : t + 1]) for t in range(8)]
    layer = model.layers[0]
    np.testing.assert_allclose(steps[-1], model.layers[1](twin(layer)(X)[0]), rtol=0, atol=1e-6)
