"""The recurrent layers: returns, masks, states, dropout, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.base import masks
from gatewise.engine.recurrence import executor
from gatewise.layers import GRU, LSTM, Activation, Bidirectional, Dense, Dropout, Embedding, Lambda, Masking, SimpleRNN
from gatewise.models import plan
from gatewise.recurrent.dropout import masks_of

DRAW = np.random.default_rng(0)
X = DRAW.standard_normal((3, 6, 4)).astype("float32")
MASK = np.array([[0, 0, 1, 1, 0, 1], [1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]], bool)
KINDS = [LSTM, GRU, SimpleRNN]


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("cls", KINDS)
def test_what_is_returned(cls: Any, sequences: bool, state: bool) -> None:
    outputs = cls(5, return_sequences=sequences, return_state=state)(X)
    first = (3, 6, 5) if sequences else (3, 5)
    if not state:
        assert outputs.shape == first
        return
    assert isinstance(outputs, list)
    count = 2 if cls is LSTM else 1
    assert [part.shape for part in outputs] == [first] + [(3, 5)] * count
    last = outputs[0][:, -1] if sequences else outputs[0]
    np.testing.assert_array_equal(last, outputs[1])


def test_an_lstm_by_hand() -> None:
    layer = LSTM(1, unit_forget_bias=False)
    layer.build((None, None, 1))
    layer.set_weights([np.array([[0.1, 0.2, 0.3, 0.4]]), np.array([[0.5, 0.6, 0.7, 0.8]]), np.array([1.0, 2, 3, 4])])

    def sigma(z: float) -> float:
        return 1 / (1 + np.exp(-z))

    h = c = 0.0
    for x in (1.0, -2.0):
        z = [
            k * x + u * h + b for k, u, b in zip((0.1, 0.2, 0.3, 0.4), (0.5, 0.6, 0.7, 0.8), (1, 2, 3, 4), strict=True)
        ]
        c = sigma(z[1]) * c + sigma(z[0]) * np.tanh(z[2])
        h = sigma(z[3]) * np.tanh(c)
    np.testing.assert_allclose(layer(np.array([[[1.0], [-2.0]]])), [[h]], rtol=0, atol=1e-6)


def test_the_forget_gate_starts_with_a_bias_of_one() -> None:
    layer = LSTM(3, bias_initializer="ones")
    layer.build((None, None, 2))
    np.testing.assert_array_equal(layer.bias, np.ones(12))
    layer = LSTM(3)
    layer.build((None, None, 2))
    np.testing.assert_array_equal(layer.bias, [0] * 3 + [1] * 3 + [0] * 6)


# -- masks --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", KINDS)
def test_masked_steps_keep_the_state_and_repeat_the_output(cls: Any) -> None:
    layer = cls(5, return_sequences=True, return_state=True)
    count = 2 if cls is LSTM else 1
    start = [DRAW.standard_normal((3, 5)).astype("float32") for _ in range(count)]
    y, *state = layer(X, mask=MASK, initial_state=start)
    np.testing.assert_array_equal(y[0, :2], 0)  # Nothing came out yet, whatever the initial state.
    np.testing.assert_array_equal(y[0, 4], y[0, 3])
    np.testing.assert_array_equal(y[2], 0)
    for part, first in zip(state, start, strict=True):
        np.testing.assert_array_equal(part[2], first[2])
    alone, *end = layer(X[:1, [2, 3, 5]], initial_state=[part[:1] for part in start])
    np.testing.assert_allclose(y[0, [2, 3, 5]], alone[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(state[0][0], end[0][0], rtol=0, atol=1e-6)


def test_masks_pass_through_stacked_layers() -> None:
    first, second = LSTM(5, return_sequences=True), GRU(2)
    masked = np.where(MASK[..., None], X, 0)
    model = gw.Sequential([gw.Input((6, 4)), Masking(), Dropout(0.5), first, Activation("linear"), second])
    wanted = second(first(masked, mask=MASK), mask=MASK)
    np.testing.assert_allclose(model.predict(masked), wanted, rtol=0, atol=1e-6)
    np.testing.assert_allclose(model(masked), wanted, rtol=0, atol=1e-6)
    assert not np.allclose(second(first(masked, mask=MASK), mask=np.ones_like(MASK)), wanted)


def test_masks_travel_between_eager_calls_and_end_without_time() -> None:
    layer = LSTM(5, return_sequences=True)
    y = layer(Masking()(np.where(MASK[..., None], X, 0)))
    np.testing.assert_array_equal(masks.of(y), MASK)
    assert masks.of(LSTM(2)(y)) is None
    assert masks.of(Lambda(lambda x: x)(y)) is None
    np.testing.assert_array_equal(masks.of(y), MASK)  # What another layer did with it is not y's business.


@pytest.mark.parametrize("layer", [Dropout(0.5), Activation("linear"), Masking(), LSTM(3)])
def test_a_mask_does_not_stay_on_the_callers_array(layer: Any) -> None:
    x = X.copy()
    layer(x, mask=MASK)
    assert masks.of(x) is None
    model = gw.Sequential([gw.Input((6, 4)), LSTM(3)])
    plain = model.predict(x)
    masked = model(x, mask=MASK)
    assert masks.of(x) is None
    np.testing.assert_array_equal(model.predict(x), plain)
    assert not np.allclose(masked, plain)


@pytest.mark.parametrize("form", ["sequential", "functional", "nested", "shared", "subclass"])
def test_masks_of_embeddings_in_every_kind_of_model(form: str) -> None:
    ids = np.array([[1, 2, 3, 0, 0, 0], [4, 0, 0, 0, 0, 0]])
    embedding, lstm = Embedding(9, 4, mask_zero=True), LSTM(3)
    wanted = lstm(embedding(ids), mask=ids != 0)
    assert not np.allclose(lstm(np.asarray(embedding(ids))), wanted)
    x = gw.Input((6,), dtype="int32")
    model: Any
    if form == "sequential":
        model = gw.Sequential([embedding, lstm])
    elif form == "functional":
        model = gw.Model(x, lstm(embedding(x)))
    elif form == "nested":
        model = gw.Model(x, lstm(gw.Model(x, embedding(x))(x)))
    elif form == "shared":
        other = gw.Input((6,), dtype="int32")
        both = gw.Model([x, other], [lstm(embedding(x)), lstm(embedding(other))])
        first, second = both.predict([ids, ids[::-1]])
        np.testing.assert_allclose(first, second[::-1], rtol=0, atol=1e-6)
        model = gw.Model(x, both([x, x])[0])
    else:

        class Own(gw.Model):
            def __init__(self) -> None:
                super().__init__()
                self.embedding, self.lstm = embedding, lstm

            def call(self, inputs: Any) -> Any:
                return self.lstm(self.embedding(inputs))

        model = Own()
    for _ in range(2):
        np.testing.assert_allclose(model.predict(ids), wanted, rtol=0, atol=1e-6)
        np.testing.assert_allclose(model(ids), wanted, rtol=0, atol=1e-6)
    assert plan.of(model) is None  # The short way knows no masks.


def test_masks_under_jit() -> None:
    import jax

    model = gw.Sequential([Embedding(9, 4, mask_zero=True), LSTM(3, return_sequences=True), GRU(2)])
    ids = np.array([[1, 2, 3, 0, 0, 0], [0, 4, 0, 0, 5, 0]])
    wanted = model.predict(ids)
    found = jax.jit(lambda w, x: model.stateless_call(w, [], x)[0])(model.get_weights(), ids)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)
    assert not masks._masks  # No tracer stays behind.


def test_time_major_masks_are_time_major_even_in_a_square() -> None:
    layer = LSTM(5, return_sequences=True, time_major=True)
    plain = LSTM(5, return_sequences=True)
    x, mask = X[:, :3], MASK[:, 1:4]
    y = layer(x.swapaxes(0, 1), mask=mask.T)
    plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(y.swapaxes(0, 1), plain(x, mask=mask), rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match=r"mask must have the shape \(time, batch\) = \(6, 3\), got \(3, 6\)"):
        layer(X.swapaxes(0, 1), mask=MASK)


@pytest.mark.parametrize("cls", KINDS)
def test_zero_output_for_mask(cls: Any) -> None:
    layer = cls(5, return_sequences=True, zero_output_for_mask=True)
    y = layer(X, mask=MASK)
    np.testing.assert_array_equal(y[~MASK], 0)
    assert np.all(np.abs(y[MASK]).max(axis=-1) > 0)


# -- states -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["keyword", "position", "list"])
@pytest.mark.parametrize("cls", KINDS)
def test_initial_states_come_in_three_ways(cls: Any, how: str) -> None:
    layer = cls(5)
    state = [DRAW.standard_normal((3, 5)).astype("float32") for _ in range(2 if cls is LSTM else 1)]
    plain = layer(X)
    wanted = layer(X, initial_state=state)
    assert not np.allclose(plain, wanted)
    if how == "position":
        np.testing.assert_array_equal(layer(X, state), wanted)
        np.testing.assert_array_equal(layer(X, state, MASK), layer(X, initial_state=state, mask=MASK))
    elif how == "list":
        np.testing.assert_array_equal(layer([X, *state]), wanted)
        with pytest.raises(ValueError, match="twice"):
            layer([X, *state], initial_state=state)
    x, *symbols = gw.Input((6, 4)), *(gw.Input((5,)) for _ in state)
    drawn = layer([x, *symbols]) if how == "list" else layer(x, initial_state=symbols)
    model = gw.Model([x, *symbols], drawn)
    np.testing.assert_allclose(model.predict([X, *state]), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ([np.zeros((3, 5))], r"needs 2 arrays \(h, c\), each \(batch, 5\), but 1 came"),
        ([np.zeros((3, 5))] * 3, "but 3 came"),
        ([np.zeros((3, 5)), np.zeros((3, 4))], r"must have the shape \(3, 5\), got \(3, 4\)"),
        ([np.zeros((2, 5)), np.zeros((3, 5))], r"must have the shape \(3, 5\), got \(2, 5\)"),
        ([np.zeros(5), np.zeros(5)], r"got \(5,\)"),
    ],
)
def test_initial_states_that_do_not_fit(state: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"LSTM 'encoder'.*{words}"):
        LSTM(5, name="encoder")(X, initial_state=state)


@pytest.mark.parametrize("cls", KINDS)
def test_nothing_to_read_gives_the_initial_state(cls: Any) -> None:
    layer = cls(5, return_state=True)
    start = [np.ones((3, 5), "float32") for _ in range(2 if cls is LSTM else 1)]
    y, *state = layer(X[:, :0], initial_state=start)
    np.testing.assert_array_equal(y, start[0])
    np.testing.assert_array_equal(state, start)
    assert cls(5, return_sequences=True)(X[:, :0]).shape == (3, 0, 5)
    assert cls(5)(X[:0]).shape == (0, 5)


# -- dropout ------------------------------------------------------------------------------------------------------------


def drawn(layer: Any, x: np.ndarray) -> dict[str, np.ndarray | None]:
    return masks_of(layer, np, x)


@pytest.mark.parametrize(("implementation", "gates"), [(0, 4), (1, 4), (2, 1)])
def test_one_dropout_mask_a_sequence_and_one_a_gate_where_asked(implementation: int, gates: int) -> None:
    x = np.ones((40, 9, 50), "float32")
    made = drawn(LSTM(60, dropout=0.25, implementation=implementation), x)
    mask = made["dropout"]
    assert made["recurrent_dropout"] is None
    assert mask is not None
    assert mask.shape == (gates, 40, 1, 50)
    assert set(np.unique(mask)) == {0, np.float32(1 / 0.75)}
    # The share of n independent zeros has the deviation sqrt(p (1 - p) / n): six of them are beyond chance.
    assert abs((mask == 0).mean() - 0.25) < 6 * np.sqrt(0.25 * 0.75 / mask.size)
    assert gates == 1 or (mask[0] != mask[1]).any()


def test_recurrent_dropout_draws_one_mask_a_gate_whatever_the_implementation() -> None:
    for implementation in (1, 2):
        made = drawn(GRU(60, recurrent_dropout=0.5, dropout=0.5, implementation=implementation), X)
        assert made["recurrent_dropout"] is not None
        assert made["dropout"] is not None
        assert made["recurrent_dropout"].shape == (3, 3, 60)
        assert made["dropout"].shape == (3, 3, 1, 4)


@pytest.mark.parametrize("implementation", [1, 2])
@pytest.mark.parametrize("cls", [LSTM, GRU])
def test_dropout_is_the_input_times_its_mask(cls: Any, implementation: int) -> None:
    layer = cls(5, dropout=0.5, implementation=implementation, seed=3)
    twin = cls(5, dropout=0.5, implementation=implementation, seed=3)
    plain = cls(5)
    y = layer(X, training=True)
    mask = drawn(twin, X)["dropout"]
    assert mask is not None
    if implementation == 2:
        plain.build(X.shape)
        plain.set_weights(layer.get_weights())
        np.testing.assert_allclose(y, plain(X * mask[0]), rtol=0, atol=1e-6)
    else:  # The masks by gate are masks of the kernel's rows, for one sample.
        plain.build(X.shape)
        for sample in range(3):
            kernel, *others = layer.get_weights()
            by_gate = np.concatenate(
                [kernel[:, 5 * g : 5 * g + 5] * mask[g, sample, 0, :, None] for g in range(len(mask))], 1
            )
            plain.set_weights([by_gate, *others])
            np.testing.assert_allclose(y[sample], plain(X[sample : sample + 1])[0], rtol=0, atol=1e-6)


def test_recurrent_dropout_masks_the_state_for_the_whole_sequence() -> None:
    layer, twin = SimpleRNN(5, recurrent_dropout=0.5, seed=1), SimpleRNN(5, recurrent_dropout=0.5, seed=1)
    y = layer(X, training=True)
    mask = drawn(twin, X)["recurrent_dropout"]
    assert mask is not None
    kernel, recurrent, bias = layer.get_weights()
    h = np.zeros((3, 5), "float32")
    for t in range(6):
        h = np.tanh(X[:, t] @ kernel + (h * mask[0]) @ recurrent + bias)
    np.testing.assert_allclose(y, h, rtol=0, atol=1e-6)


@pytest.mark.parametrize("reset_after", [True, False])
def test_recurrent_dropout_of_a_gru_leaves_the_carried_state_alone(reset_after: bool) -> None:
    layer = GRU(5, recurrent_dropout=0.5, recurrent_activation=lambda z: z * 0 + 1, reset_after=reset_after)
    start = np.ones((3, 5), "float32")
    # An update gate of one carries the whole state on.
    np.testing.assert_array_equal(layer(X, initial_state=start, training=True), start)


def test_seeds_repeat_dropout_and_inference_has_none() -> None:
    options: dict[str, Any] = {"dropout": 0.5, "recurrent_dropout": 0.3}
    layer, twin, other = LSTM(5, seed=7, **options), LSTM(5, seed=7, **options), LSTM(5, seed=8, **options)
    plain = LSTM(5)
    for each in (layer, twin, other, plain):
        each.build(X.shape)
        each.set_weights([0.3 * np.ones(w.shape) for w in each.weights])
    np.testing.assert_array_equal(layer(X, training=True), twin(X, training=True))
    np.testing.assert_array_equal(layer(X, training=True), twin(X, training=True))  # The next masks, too.
    assert not np.array_equal(layer(X, training=True), other(X, training=True))
    assert not np.array_equal(layer(X, training=True), layer(X, training=True))
    for _ in range(2):
        np.testing.assert_array_equal(layer(X), plain(X))


def test_dropout_on_jax_takes_a_key() -> None:
    import jax

    layer = LSTM(5, dropout=0.5, recurrent_dropout=0.5)
    layer.build(X.shape)
    weights = layer.get_weights()
    run = jax.jit(lambda key: layer.stateless_call(weights, [], X, training=True, key=key)[0])
    keys = jax.random.split(jax.random.key(0), 2)
    np.testing.assert_array_equal(run(keys[0]), run(keys[0]))
    assert not np.array_equal(run(keys[0]), run(keys[1]))
    with pytest.raises(ValueError, match="key"):
        jax.jit(lambda: layer.stateless_call(weights, [], X, training=True)[0])()


# -- arguments ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", KINDS)
@pytest.mark.parametrize("units", [0, -1, 2.5, "a", None, True])
def test_units_that_are_none(cls: Any, units: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=f"{cls.__name__}.*units.*positive integer"):
        cls(units)


def test_a_known_width_is_held() -> None:
    layer = LSTM(3, name="encoder")
    layer(X)
    with pytest.raises(ValueError, match="LSTM 'encoder': expected size 4 on axis -1 of the input, got 5"):
        layer(np.zeros((1, 2, 5)))
    with pytest.raises(
        ValueError, match=r"LSTM 'encoder': expected an input with 3 axes .batch, time, features., got 2"
    ):
        layer(np.zeros((1, 4)))


def test_weights_by_argument_and_in_order() -> None:
    kernel, recurrent, bias = np.ones((4, 9)), np.zeros((3, 9)), np.full((2, 9), 2.0)
    layer = GRU(3, weights=[kernel, recurrent, bias])
    layer(X)
    assert [w.name for w in layer.weights] == ["kernel", "recurrent_kernel", "bias"]
    np.testing.assert_array_equal(layer.bias, bias)
    layer = GRU(3, weights=[kernel, recurrent, bias])
    layer.build((None, None, 4))
    np.testing.assert_array_equal(layer.kernel, kernel)
    with pytest.raises(ValueError, match="3 weights, but 2 arrays"):
        GRU(3, weights=[kernel, recurrent])(X)


def test_unrolling_and_use_cudnn_change_nothing() -> None:
    wanted = LSTM(3, weights=(weights := [0.1 * np.ones(s) for s in ((4, 12), (3, 12), (12,))]))(X)
    for options in ({"unroll": True}, {"use_cudnn": False}, {"use_cudnn": True}, {"implementation": 0}):
        np.testing.assert_array_equal(LSTM(3, weights=weights, **options)(X), wanted)


def test_any_activation_runs_without_the_native_engine() -> None:
    layer = LSTM(3, activation=np.sin, recurrent_activation="elu")
    assert layer(X).shape == (3, 3)
    assert executor(layer.current_op(), X) == "reference"


def test_bidirectional_is_two_layers() -> None:
    layer = Bidirectional(LSTM(3, return_sequences=True))
    y = layer(X)
    forward, backward = layer.forward_layer, layer.backward_layer
    np.testing.assert_array_equal(y[..., :3], forward(X))
    np.testing.assert_array_equal(y[..., 3:], backward(X)[:, ::-1])
    assert len(layer.weights) == 6


def test_a_model_of_recurrent_layers_agrees_with_its_layers() -> None:
    layers = [LSTM(5, return_sequences=True), GRU(4, return_sequences=True, go_backwards=True), SimpleRNN(3), Dense(2)]
    model = gw.Sequential([gw.Input((6, 4)), *layers])
    y: Any = X
    for layer in layers:
        y = layer(y)
    np.testing.assert_allclose(model.predict(X), y, rtol=0, atol=1e-6)


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("cls", [LSTM, GRU])
def test_a_state_in_a_list_of_its_own_is_refused_as_in_keras(cls: Any, symbolic: bool) -> None:
    layer, count = cls(4), {LSTM: 2, GRU: 1}[cls]
    x, *state = [gw.Input((5, 3)), *(gw.Input((4,)) for _ in range(count))] if symbolic else [
        np.zeros((2, 5, 3)), *np.zeros((count, 2, 4))
    ]  # fmt: skip
    for call in (lambda: layer([x, state]), lambda: layer(x, initial_state=[state])):
        with pytest.raises(ValueError, match="but a list in a list came"):
            call()
    assert layer([x, *state]).shape[1:] == (4,)
    if not symbolic:  # numbers and rows are no states: lists of them are arrays
        rows = [list(part) for part in state]
        np.testing.assert_array_equal(layer(x, initial_state=rows), layer([x, *state]))
