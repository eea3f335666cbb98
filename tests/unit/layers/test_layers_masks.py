"""Masks: which layers make, pass on, use and end them, in each generation of Keras."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise import layers
from gatewise.base import masks, registry, release
from gatewise.layer import Layer

X = np.random.default_rng(0).uniform(-1, 1, (2, 4, 3)).astype("float32")
M = np.array([[1, 1, 0, 0], [1, 0, 1, 1]], bool)
N = np.array([[1, 0, 1, 0], [1, 1, 1, 0]], bool)


def masked(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    fresh = x.copy()
    masks.attach(fresh, mask)
    return fresh


def mask_after(layer: Layer, inputs: Any, **kwargs: Any) -> Any:
    return masks.of(layer(inputs, **kwargs))


PASSING = [
    layers.Dense(2),
    layers.Activation("tanh"),
    layers.Dropout(0.5),
    layers.ReLU(),
    layers.BatchNormalization(),
    layers.LayerNormalization(),
    layers.ActivityRegularization(0.1),
    layers.TimeDistributed(layers.Dense(2)),
    layers.LSTM(2, return_sequences=True),
    layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
]
ENDING = [
    layers.Conv1D(2, 2),
    layers.MaxPooling1D(),
    layers.Flatten(),
    layers.Reshape((3, 4)),
    layers.Permute((2, 1)),
    layers.GlobalAveragePooling1D(),
    layers.GlobalMaxPooling1D(),
    layers.ZeroPadding1D(),
    layers.LSTM(2),
    layers.Bidirectional(layers.LSTM(2)),
    layers.Lambda(lambda x: x + 1),
]


@pytest.mark.parametrize("layer", PASSING, ids=lambda layer: layer.name)
def test_mask_travels_on(layer: Layer) -> None:
    np.testing.assert_array_equal(mask_after(layer, masked(X, M)), M)
    assert mask_after(layer, X) is None


@pytest.mark.parametrize("layer", ENDING, ids=lambda layer: layer.name)
def test_mask_ends(layer: Layer) -> None:
    assert mask_after(layer, masked(X, M)) is None


def test_masking_makes_a_mask_and_zeros() -> None:
    x = X.copy()
    x[0, 1] = x[1, 3] = 9.0
    x[0, 2, 0] = 9.0  # one feature is not enough
    y = layers.Masking(9.0)(x)
    assert masks.of(y).tolist() == [[True, False, True, True], [True, True, True, False]]
    assert not y[0, 1].any()
    np.testing.assert_array_equal(y[0, 2], x[0, 2])


def test_embedding_makes_a_mask_only_when_asked() -> None:
    ids = np.array([[3, 0, 1]])
    assert mask_after(layers.Embedding(4, 2, mask_zero=True), ids).tolist() == [[True, False, True]]
    assert mask_after(layers.Embedding(4, 2), ids) is None


def test_global_average_counts_real_steps() -> None:
    y = layers.GlobalAveragePooling1D()(masked(X, M))
    np.testing.assert_allclose(y[0], X[0, :2].mean(0), rtol=1e-6)
    first = layers.GlobalAveragePooling1D("channels_first")(np.swapaxes(X, 1, 2), mask=M)
    np.testing.assert_allclose(first, y, rtol=1e-6)


def test_global_average_of_no_steps_is_nan_and_masked_nan_is_passed_over() -> None:
    x = X.copy()
    x[0, 3] = np.nan
    y = layers.GlobalAveragePooling1D()(x, mask=np.array([[1, 1, 1, 0], [0, 0, 0, 0]], bool))
    assert np.isfinite(y[0]).all()
    assert np.isnan(y[1]).all()


def test_softmax_gives_masked_numbers_nothing() -> None:
    y = layers.Softmax(axis=1)(masked(X, M))
    assert not y[~M].any()
    np.testing.assert_allclose(y.sum(1), 1.0, rtol=1e-6)
    assert not layers.Softmax()(X, mask=np.zeros((2, 4), bool)).any()


@pytest.mark.parametrize(("generation", "rule"), [("keras3", np.logical_or), ("tf2", np.logical_and)])
def test_merged_masks_follow_the_generation(generation: release.Release, rule: Any) -> None:
    with release.meaning(generation):
        made = [layers.Add(), layers.Multiply(), layers.Maximum(), layers.Concatenate()]
    for layer in made:
        np.testing.assert_array_equal(mask_after(layer, [masked(X, M), masked(X, N)]), rule(M, N))


@pytest.mark.parametrize(("generation", "kept"), [("keras3", False), ("tf2", True)])
def test_a_merge_of_masked_and_unmasked(generation: release.Release, kept: bool) -> None:
    with release.meaning(generation):
        layer = layers.Add()
    found = mask_after(layer, [masked(X, M), X])
    if kept:
        np.testing.assert_array_equal(found, M)
    else:
        assert found is None


def test_concatenation_in_time_joins_masks() -> None:
    found = mask_after(layers.Concatenate(axis=1), [masked(X, M), X])
    np.testing.assert_array_equal(found, np.concatenate([M, np.ones_like(M)], axis=1))


def test_multiply_and_maximum_pass_masked_steps_over_in_keras3_only() -> None:
    a, b = masked(X, M), masked(X + 1, N)
    wide_m, wide_n = M[..., None], N[..., None]
    product = np.where(wide_m, X, 1) * np.where(wide_n, X + 1, 1) * (wide_m | wide_n)
    np.testing.assert_allclose(layers.Multiply()([a, b]), product, rtol=1e-6)
    smaller = layers.Minimum()([a, b])
    np.testing.assert_array_equal(smaller[N & ~M], (X + 1)[N & ~M])
    np.testing.assert_array_equal(smaller[M & N], X[M & N])
    with release.meaning("tf2"):
        np.testing.assert_allclose(layers.Multiply()([a, b]), X * (X + 1), rtol=1e-6)


def test_bidirectional_masks_are_one_for_each_output() -> None:
    layer = layers.Bidirectional(layers.LSTM(2, return_sequences=True, return_state=True), merge_mode=None)
    outputs = layer(masked(X, M))
    assert [masks.of(y) is not None for y in outputs] == [True, True, False, False, False, False]
    assert not outputs[0][~M].any()  # Keras zeroes masked steps here


def test_time_distributed_passes_masks_inside() -> None:
    x = np.random.default_rng(1).uniform(-1, 1, (2, 3, 4, 5)).astype("float32")
    inner = np.ones((2, 3, 4), bool)
    inner[0, 1, 2:] = inner[1, 2] = False
    layer = layers.TimeDistributed(layers.LSTM(2))
    y = layer(masked(x, inner))
    np.testing.assert_array_equal(masks.of(y), inner.any(-1))
    step = layer.layer(x[:, 1], mask=inner[:, 1])
    np.testing.assert_allclose(y[:, 1], step, atol=1e-6)
    flat = layer(x, mask=np.ones((2, 3), bool))  # of whole steps: not the inner layer's kind
    np.testing.assert_allclose(flat[:, 0], layer.layer(x[:, 0]), atol=1e-6)


def test_masks_travel_through_drawn_models_under_jit() -> None:
    import jax

    from gatewise import models

    ids = layers.Input((5,), dtype="int32")
    h = layers.Embedding(6, 4, mask_zero=True)(ids)
    h = layers.Dropout(0.5)(layers.Dense(3, activation="tanh")(h))
    model = models.Model(ids, layers.GlobalAveragePooling1D()(h))
    x = np.array([[1, 2, 0, 0, 0], [3, 4, 5, 1, 0]])
    ours = model(x)
    run = jax.jit(lambda t, v: model.stateless_call(t, [], v)[0])
    np.testing.assert_allclose(run([v.value for v in model.trainable_variables], x), ours, atol=1e-6)
    embedded = model.layers[1].embeddings.numpy()[x[0, :2]]
    by_hand = np.tanh(embedded @ model.layers[2].kernel.numpy()).mean(0)
    np.testing.assert_allclose(ours[0], by_hand, atol=1e-6)


def test_merges_refuse_masks_that_do_not_fit_the_inputs() -> None:
    a, b = gw.Input((4, 5)), gw.Input((4, 5))
    for inputs, mask in (([a, b], np.ones((2, 4))), (a, [None, None]), ([a, b], [None])):
        with pytest.raises(ValueError, match="expected a list of"):
            layers.Add().compute_mask(inputs, mask)


def test_a_reversible_embedding_gives_logits_no_mask() -> None:
    layer = layers.ReversibleEmbedding(3, 2, mask_zero=True)
    np.testing.assert_array_equal(masks.of(layer(np.array([2, 1, 0]))), [True, True, False])
    assert masks.of(layer(np.array([[1.0, 2.0], [0.0, 0.0]]), reverse=True)) is None


def test_a_mask_of_numbers_travels_through_the_config_of_a_lambda() -> None:
    def same(x: Any) -> Any:
        return x

    mask = np.array([[True, False, True]])
    config = json.loads(json.dumps(layers.Lambda(same, mask=mask).get_config()))
    with registry.custom_object_scope({"same": same}):
        again = layers.Lambda.from_config(config)
    assert again.supports_masking
    np.testing.assert_array_equal(masks.of(again(np.ones((1, 3, 2)))), mask)


def test_an_embedding_takes_its_table_as_it_is() -> None:
    table = np.arange(12.0).reshape(3, 4)
    for weights in (table, [table]):
        np.testing.assert_array_equal(layers.Embedding(3, 4, weights=weights)(np.array([1])), table[[1]])


@pytest.mark.parametrize("wrong", [4.0, 3.7, "3", None, True, 0])
def test_the_sizes_of_an_embedding_are_whole_numbers(wrong: Any) -> None:
    with pytest.raises(ValueError, match="expected a positive integer"):
        layers.Embedding(wrong, 8)


def test_an_old_config_may_have_an_embeddings_sizes_as_floats() -> None:
    assert layers.Embedding.from_config({"input_dim": 3.0, "output_dim": 4.0}).input_dim == 3
