"""Bidirectional and TimeDistributed; and sequences of no steps through every layer that takes sequences."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import numpy as np
import pytest

from gatewise import layers, models
from gatewise.base import release
from gatewise.layer.serialization import deserialize_layer, serialize_layer

X = np.random.default_rng(0).uniform(-1, 1, (2, 5, 3)).astype("float32")
H = [np.random.default_rng(k).uniform(-1, 1, (2, 4)).astype("float32") for k in range(4)]


@pytest.mark.parametrize(
    ("cell", "mode", "sequences", "state"),
    list(
        itertools.product(
            ("LSTM", "GRU", "SimpleRNN"), ("concat", "sum", "mul", "ave", None), (False, True), (False, True)
        )
    ),
)
def test_bidirectional_is_two_layers_merged(cell: str, mode: str | None, sequences: bool, state: bool) -> None:
    """By its parts: the same layer on the sequence and on the reversed sequence."""
    pattern = getattr(layers, cell)(4, return_sequences=sequences, return_state=state)
    layer = layers.Bidirectional(pattern, merge_mode=mode)
    found = layer(X)
    one = deserialize_layer(serialize_layer(pattern))
    one(X)
    half = len(layer.get_weights()) // 2
    one.set_weights(layer.get_weights()[:half])
    forward = one(X)
    one.set_weights(layer.get_weights()[half:])
    backward = one(X[:, ::-1])
    y, *finals = forward if state else [forward]
    z, *finals_back = backward if state else [backward]
    z = z[:, ::-1] if sequences else z
    merged = {
        "concat": lambda: [np.concatenate([y, z], -1)],
        "sum": lambda: [y + z],
        "mul": lambda: [y * z],
        "ave": lambda: [(y + z) / 2],
        None: lambda: [y, z],
    }[mode]()
    expected = [*merged, *finals, *finals_back]
    found = found if isinstance(found, list) else [found]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_bidirectional_names_and_weights() -> None:
    layer = layers.Bidirectional(layers.LSTM(4, name="words"))
    layer(X)
    assert [layer.forward_layer.name, layer.backward_layer.name] == ["forward_words", "backward_words"]
    assert [w.shape for w in layer.get_weights()] == [(3, 16), (4, 16), (16,)] * 2
    assert layer.count_params() == 2 * (3 * 16 + 4 * 16 + 16)
    again = deserialize_layer(serialize_layer(layer))
    assert [again.forward_layer.name, again.backward_layer.name] == ["forward_words", "backward_words"]


def test_bidirectional_leaves_its_pattern_alone() -> None:
    pattern = layers.LSTM(4)
    before = pattern(X)
    layers.Bidirectional(pattern)(X)
    np.testing.assert_array_equal(pattern(X), before)


def test_bidirectional_with_its_own_backward_layer() -> None:
    layer = layers.Bidirectional(
        layers.LSTM(4, return_sequences=True), backward_layer=layers.GRU(2, return_sequences=True, go_backwards=True)
    )
    assert layer(X).shape == (2, 5, 6)
    assert layer.compute_output_shape((None, 5, 3)) == (None, 5, 6)
    again = deserialize_layer(serialize_layer(layer))
    again(X)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(X), layer(X))


def test_bidirectional_takes_first_weights_and_states() -> None:
    source = layers.Bidirectional(layers.LSTM(4))
    source(X)
    layer = layers.Bidirectional(layers.LSTM(4), weights=source.get_weights())
    np.testing.assert_array_equal(layer(X), source(X))
    found = layer(X, initial_state=H)
    np.testing.assert_allclose(found[:, :4], layer.forward_layer(X, initial_state=H[:2]), atol=1e-6)
    np.testing.assert_allclose(found[:, 4:], layer.backward_layer(X, initial_state=H[2:]), atol=1e-6)
    np.testing.assert_array_equal(layer([X, *H]), found)


def test_bidirectional_states_can_be_symbolic() -> None:
    x, states = layers.Input((5, 3)), [layers.Input((4,)) for _ in range(4)]
    layer = layers.Bidirectional(layers.LSTM(4, return_state=True))
    model = models.Model([x, *states], layer(x, initial_state=states))
    for ours, theirs in zip(model.predict([X, *H], verbose=0), layer(X, initial_state=H), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    again = models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again.predict([X, *H], verbose=0)[0], model.predict([X, *H], verbose=0)[0], atol=1e-6)


def test_stateful_bidirectional_carries_both_states() -> None:
    layer = layers.Bidirectional(layers.GRU(4, stateful=True))
    layer(X)
    states = [state.numpy() for state in layer.states]
    second = layer(X)
    np.testing.assert_allclose(second[:, :4], layer.forward_layer(X, initial_state=[states[0]]), atol=1e-6)
    np.testing.assert_allclose(second[:, 4:], layer.backward_layer(X, initial_state=[states[1]]), atol=1e-6)
    layer.reset_states(H[:2])
    np.testing.assert_array_equal(layer.states[1].numpy(), H[1])
    with pytest.raises(ValueError, match="backward"):
        layer.reset_states([H[0] * 0, H[1][:, :3]])
    np.testing.assert_array_equal(layer.states[0].numpy(), H[0])  # not the first half either
    layer.reset_states()
    assert not layer.states[0].numpy().any()


def test_bidirectional_reads_keras2_and_keras3() -> None:
    inner = {"units": 4, "name": "lstm_3", "return_sequences": True, "implementation": 1}
    keras2 = {"name": "b", "merge_mode": "sum", "layer": {"class_name": "LSTM", "config": inner}, "num_constants": 0}
    keras3 = {
        "name": "b",
        "dtype": {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": "float32"},
            "registered_name": None,
        },
        "merge_mode": "sum",
        "layer": {"module": "keras.layers", "class_name": "LSTM", "config": inner, "registered_name": None},
        "backward_layer": {
            "module": "keras.layers",
            "class_name": "LSTM",
            "config": {**inner, "go_backwards": True, "name": "backward_lstm_3"},
            "registered_name": None,
        },
    }
    for config in (keras2, keras3):
        layer = layers.Bidirectional.from_config(config)
        assert layer(X).shape == (2, 5, 4)
        assert layer.backward_layer.name == "backward_lstm_3"
        assert layer.backward_layer.go_backwards


def test_bidirectional_takes_its_patterns_input_shape() -> None:
    model = models.Sequential([layers.Bidirectional(layers.LSTM(4, input_shape=(5, 3)))])
    assert model.output_shape == (None, 8)
    model = models.Sequential([layers.Bidirectional(layers.LSTM(4), input_shape=(5, 3))])
    assert model.output_shape == (None, 8)


def test_bidirectional_time_major() -> None:
    layer = layers.Bidirectional(layers.LSTM(4, return_sequences=True, time_major=True))
    y = layer(np.swapaxes(X, 0, 1))
    plain = layers.Bidirectional(layers.LSTM(4, return_sequences=True), weights=layer.get_weights())
    np.testing.assert_allclose(np.swapaxes(y, 0, 1), plain(X), atol=1e-6)


def test_time_distributed_is_the_layer_at_each_step() -> None:
    inner = layers.Conv1D(2, 3)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 4, 6, 3)).astype("float32")
    layer = layers.TimeDistributed(inner)
    y = layer(x)
    assert layer.weights == inner.weights
    for k in range(4):
        np.testing.assert_allclose(y[:, k], inner(x[:, k]), atol=1e-6)


def test_time_distributed_models_and_ids() -> None:
    model = models.Sequential([layers.Embedding(9, 4, mask_zero=True), layers.GRU(3)])
    ids = np.array([[[1, 2, 0], [3, 0, 0]]])
    y = layers.TimeDistributed(model)(ids)
    np.testing.assert_allclose(y[:, 1], model(ids[:, 1]), atol=1e-6)


def test_time_distributed_stateful_sees_the_steps_in_turn() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4, 5)).astype("float32")
    layer = layers.TimeDistributed(layers.GRU(3, stateful=True))
    y = layer(x)
    whole = layers.GRU(3, return_sequences=True, weights=layer.get_weights())
    joined = whole(x.reshape(2, 12, 5))
    np.testing.assert_allclose(y, joined[:, 3::4], atol=1e-6)


def test_embedding_gives_a_sequential_its_shape_in_keras2_only() -> None:
    assert layers.Embedding(5, 2, input_length=7).declared_input_shape == (None, 7)
    assert layers.Embedding(5, 2).declared_input_shape is None
    with release.meaning("tf2"):
        assert layers.Embedding(5, 2).declared_input_shape == (None, None)


def test_json_keeps_what_generation_an_embedding_is_of() -> None:
    with release.meaning("tf2"):
        old = layers.Embedding(5, 2)
        drawn = models.Sequential([layers.Dense(2), old])
    assert deserialize_layer(serialize_layer(old)).declared_input_shape == (None, None)
    again = models.model_from_json(drawn.to_json())
    assert models.Sequential([again.layers[1]]).built
    assert deserialize_layer(serialize_layer(layers.Embedding(5, 2))).declared_input_shape is None


def test_old_names_of_arguments() -> None:
    assert layers.LeakyReLU(alpha=0.2).negative_slope == 0.2
    assert layers.LeakyReLU.from_config({"alpha": {"type": "ndarray", "value": 0.25}}).negative_slope == 0.25
    assert layers.BatchNormalization.from_config({"axis": [2], "fused": None}).axis == 2
    wrapped = {"class_name": "ListWrapper", "items": [3]}
    assert layers.BatchNormalization.from_config({"axis": wrapped}).axis == 3
    assert (
        layers.Dropout.from_config({"rate": 0.5, "seed": {"class_name": "SeedGenerator", "config": {"seed": 4}}}).seed
        == 4
    )
    assert layers.Embedding.from_config({"input_dim": 3, "output_dim": 2, "dropout": 0.0}).input_dim == 3
    assert (
        layers.Conv1D.from_config({"filters": 3, "kernel_size": [2], "data_format": None}).data_format
        == "channels_last"
    )
    assert layers.MaxPool1D is layers.MaxPooling1D
    assert type(deserialize_layer({"class_name": "GlobalAvgPool1D", "config": {}})) is layers.GlobalAveragePooling1D


SEQUENCES: list[tuple[Any, tuple[int, ...]]] = [
    (layers.Dense(4), (2, 0, 4)),
    (layers.Conv1D(4, 3), (2, 0, 4)),
    (layers.Conv1D(4, 3, padding="same", strides=2), (2, 0, 4)),
    (layers.Conv1D(4, 3, padding="causal"), (2, 0, 4)),
    (layers.MaxPooling1D(), (2, 0, 3)),
    (layers.AveragePooling1D(padding="same"), (2, 0, 3)),
    (layers.GlobalMaxPooling1D(), (2, 3)),
    (layers.GlobalAveragePooling1D(), (2, 3)),
    (layers.Masking(), (2, 0, 3)),
    (layers.Flatten(), (2, 0)),
    (layers.Permute((2, 1)), (2, 3, 0)),
    (layers.LayerNormalization(), (2, 0, 3)),
    (layers.BatchNormalization(), (2, 0, 3)),
    (layers.Softmax(), (2, 0, 3)),
    (layers.UpSampling1D(), (2, 0, 3)),
    (layers.ZeroPadding1D(), (2, 2, 3)),
    (layers.TimeDistributed(layers.Dense(4)), (2, 0, 4)),
    (layers.Bidirectional(layers.LSTM(4)), (2, 8)),
    (layers.Bidirectional(layers.LSTM(4, return_sequences=True)), (2, 0, 8)),
]


@pytest.mark.parametrize(("layer", "shape"), SEQUENCES, ids=lambda v: getattr(v, "name", None))
def test_a_sequence_of_no_steps(layer: Any, shape: tuple[int, ...]) -> None:
    x = np.zeros((2, 0, 3), "float32")
    assert layer(x).shape == shape
    weights = [[v.value for v in part] for part in (layer.trainable_variables, layer.non_trainable_variables)]
    assert jax.jit(lambda t, n: layer.stateless_call(t, n, x)[0])(*weights).shape == shape


def test_pooling_of_no_steps_says_so_in_numbers() -> None:
    assert (layers.GlobalMaxPooling1D()(X[:, :0]) == -np.inf).all()
    assert np.isnan(layers.GlobalAveragePooling1D()(X[:, :0])).all()


def test_nan_and_infinity_come_out() -> None:
    x = X.copy()
    x[0, 1, 2], x[1, 4, 0] = np.nan, np.inf
    with np.errstate(invalid="ignore"):  # NumPy warns of infinity minus infinity
        assert np.isnan(layers.Dense(2)(x)[0, 1]).all()
        assert np.isnan(layers.Conv1D(2, 3)(x)[0, :2]).all()
    assert np.isnan(layers.MaxPooling1D(2)(x)[0, 0, 2])
    assert layers.GlobalMaxPooling1D()(x)[1, 0] == np.inf
    assert np.isnan(layers.GlobalMaxPooling1D()(x)[0, 2])
    assert np.isnan(layers.PReLU()(x)[0, 1, 2])
