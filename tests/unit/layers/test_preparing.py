"""Layers that prepare data: what they refuse, configs, JAX, streams, and inside models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import gatewise as gw
from gatewise import layers
from gatewise.layer.serialization import deserialize_layer, serialize_layer

IDS = np.array([[1, 4, 0], [6, 2, 2]])
X3 = np.random.default_rng(0).uniform(-1.0, 1.0, (3, 6, 4)).astype("float32")
WORDS = np.array([["b", "a", "z"], ["c", "", "a"]])
ABC = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.StringLookup()(WORDS), "'string_lookup.*' has no vocabulary: call adapt"),
        (lambda: layers.StringLookup(vocabulary=ABC, num_oov_indices=0)(WORDS), "'z' is not in the vocabulary"),
        (lambda: layers.StringLookup(vocabulary=["a", "a"]), "'a' is in the vocabulary twice"),
        (lambda: layers.StringLookup(vocabulary=[]), "the vocabulary is empty"),
        (lambda: layers.StringLookup(vocabulary=ABC, max_tokens=3), "3 words, but max_tokens=3 leaves room for 2"),
        (lambda: layers.StringLookup(vocabulary=["b", ""], mask_token=""), "'' is among the words"),
        (lambda: layers.StringLookup(vocabulary=ABC, output_mode="tf_idf"), "needs one a word"),
        (lambda: layers.StringLookup(idf_weights=[1.0]), "none came"),
        (lambda: layers.StringLookup(invert=True, output_mode="count"), "invert=True is for output_mode='int'"),
        (lambda: layers.StringLookup(pad_to_max_tokens=True), "needs max_tokens"),
        (lambda: layers.StringLookup(sparse=True), "sparse: expected False, got True: Gatewise gives dense"),
        (lambda: layers.StringLookup(output_mode="hot"), "output_mode: expected one of"),
        (lambda: layers.StringLookup().adapt([]), "nothing to learn"),
        (lambda: layers.IntegerLookup(vocabulary=[1], salt=3), "salt is for oov_method='farmhash'"),
        (lambda: layers.IntegerLookup(max_tokens=1), "max_tokens: expected an integer above 1, got 1"),
        (lambda: layers.IntegerLookup(num_oov_indices=-1), "num_oov_indices: expected an integer of at least 0"),
        (layers.Discretization, "either bin_boundaries or num_bins, but neither came"),
        (lambda: layers.Discretization([1.0], num_bins=2), "both came"),
        (lambda: layers.Discretization(num_bins=2)(X3), "has no boundaries: call adapt"),
        (lambda: layers.Discretization([1.0]).adapt(X3), "was given bin_boundaries"),
        (lambda: layers.Discretization(num_bins=-1), "num_bins: expected an integer of at least 0, got -1"),
        (lambda: layers.CategoryEncoding(5)(IDS, count_weights=IDS), "count_weights are for output_mode='count'"),
        (
            lambda: layers.CategoryEncoding(5, output_mode="count")(IDS, count_weights=[1.0]),
            r"count_weights must have the input's shape \(2, 3\), got \(1,\)",
        ),
        (lambda: layers.Normalization(mean=1.0), "both mean and variance"),
        (lambda: layers.Normalization(axis=3)(X3), "the input has no axis 3"),
        (lambda: layers.Normalization(axis=1)(layers.Input((None, 4))), "sizes on the axes 1 must be known"),
        (lambda: layers.Normalization(mean=[1.0] * 3, variance=[1.0] * 3)(X3), r"shape \(3,\), but the input has"),
        (lambda: layers.Normalization(mean=1.0, variance=1.0).adapt(X3), "was given its mean and variance"),
        (lambda: adapted(layers.Normalization(), X3).adapt(X3[..., :2]), r"the data must have the sizes \(1, 1, 4\)"),
        (lambda: layers.Rescaling(np.ones((2, 1, 1, 1)))(X3), "scale and offset must stretch to the input's shape"),
        (lambda: layers.HashedCrossing(3)([IDS, IDS]), "must have one shape"),
        (lambda: layers.HashedCrossing(3)(IDS), "a list of at least 2 inputs"),
        (lambda: layers.HashedCrossing(3)([X3[0, 0], X3[0, 0]]), "words or whole numbers, but an input of float32"),
        (lambda: layers.EinsumDense("ab,bc", 3)(IDS), "expected an equation such as"),
        (lambda: layers.EinsumDense("ab,bc->ad", 3)(IDS), "'d' of the output stands neither"),
        (lambda: layers.EinsumDense("ab,bcx->ac", 3)(IDS), "'x' of the kernel stands neither"),
        (lambda: layers.EinsumDense("abc,cd->abd", (6, 3))(IDS), "must have 3 axes"),
        (lambda: layers.EinsumDense("abc,cd->abd", 3)(X3), "another number of axes"),
        (lambda: layers.EinsumDense("abc,cd->abd", (5, 3))(X3), "'b' has the size 6 in the input, and 5"),
        (lambda: layers.EinsumDense("ab,bc->ac", 3, bias_axes="z")(IDS), "'z' of bias_axes"),
        (lambda: layers.EinsumDense("ab,bc->ac", None)(IDS), "output_shape"),
        (lambda: layers.ReLU(max_value=-1.0), "max_value: expected a number of at least 0, got -1.0"),
    ],
)
def test_what_is_refused_in_words(make: Callable[[], Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        make()


def adapted(layer: Any, data: Any) -> Any:
    layer.adapt(data)
    return layer


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (adapted(layers.StringLookup(mask_token=""), WORDS), WORDS),
        (adapted(layers.StringLookup(output_mode="tf_idf"), WORDS), WORDS),
        (layers.StringLookup(vocabulary=ABC, num_oov_indices=3, salt=[1, 2]), WORDS),
        (layers.IntegerLookup(vocabulary=[4, 2], invert=True, mask_token=0), IDS),
        (adapted(layers.Discretization(num_bins=3), X3), X3),
        (layers.Hashing(5, mask_value="a", salt=7), WORDS),
        (layers.Normalization(axis=None, mean=0.5, variance=4.0), X3),
        (layers.Rescaling([1.0, 2.0, 3.0, 4.0]), X3),
    ],
)
def test_a_config_makes_the_same_layer(layer: Any, inputs: Any) -> None:
    again = deserialize_layer(json.loads(json.dumps(serialize_layer(layer))))
    np.testing.assert_array_equal(again(inputs), layer(inputs))


def test_lookups_of_numbers_agree_under_jax() -> None:
    for layer in (
        layers.IntegerLookup(vocabulary=[4, 2], mask_token=0, num_oov_indices=2),
        layers.IntegerLookup(vocabulary=[4, 2], output_mode="multi_hot"),
        layers.IntegerLookup(vocabulary=[4, 2], invert=True),
    ):
        found = jax.jit(lambda x, layer=layer: layer.stateless_call([], [], x)[0])(IDS.astype("int32"))
        np.testing.assert_array_equal(found, layer(IDS))


def test_learning_in_batches_is_learning_at_once() -> None:
    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(X3)
    parts.adapt(iter([X3[:1], X3[1:]]))
    # Two ways to sum 18 numbers below 1 in float64, kept in float32.
    np.testing.assert_allclose(parts.adapt_mean.numpy(), whole.adapt_mean.numpy(), atol=1e-7)
    np.testing.assert_allclose(parts.adapt_variance.numpy(), whole.adapt_variance.numpy(), atol=1e-7)
    words = layers.StringLookup()
    words.adapt(iter([WORDS[:1], WORDS[1:]]))
    assert words.get_vocabulary() == adapted(layers.StringLookup(), WORDS).get_vocabulary()


def test_a_vocabulary_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("a\nb\nc\n")
    layer = layers.StringLookup(vocabulary=str(path))
    assert layer.get_vocabulary() == ["[UNK]", "a", "b", "c"]
    assert layer.get_vocabulary(include_special_tokens=False) == ABC


def test_learned_numbers_count_in_a_model_that_trains_and_is_saved(tmp_path: Path) -> None:
    words, numbers = layers.Input((3,), dtype="string"), layers.Input((4,))
    found = layers.StringLookup(vocabulary=ABC, output_mode="count")(words)
    scaled = adapted(layers.Normalization(), X3[:, 0])(numbers)
    y = layers.Dense(1)(
        layers.Concatenate()([found, scaled, layers.Discretization([0.0], output_mode="count")(numbers)])
    )
    model = gw.Model([words, numbers], y)
    model.compile("sgd", "mse")
    inputs = [WORDS, X3[:2, 0]]
    model.fit(inputs, np.ones((2, 1)), verbose=0)
    model.save(tmp_path / "model.keras")
    again = gw.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(inputs), model.predict(inputs))


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Rescaling([1.0, 2.0, 0.5, -1.0]),
        lambda: adapted(layers.Normalization(), X3),
        lambda: layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d"),
        lambda: layers.EinsumDense("...c,cd->...d", (3,)),
    ],
)
def test_streams_give_what_the_whole_gives(make: Callable[[], Any]) -> None:
    model = gw.Sequential([layers.Input((None, 4)), make(), layers.LSTM(2, return_sequences=True)])
    stream = model.stream(3)
    steps = [np.asarray(stream.push(X3[:, t])) for t in range(6)]
    # float32 sums of at most 5 products of numbers below 4, six steps: 2e-6.
    np.testing.assert_allclose(np.stack(steps, 1), model.predict(X3), atol=2e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.Rescaling(np.ones((6, 4))), "factors that may differ over time"),
        (lambda: layers.Normalization(axis=(1, 2)), "a mean for each time step"),
        (lambda: layers.EinsumDense("abc,cd->abd", (6, 3), bias_axes="b"), "weights for each of them"),
        (lambda: layers.EinsumDense("abc,bd->adc", (3, 4)), "multiplies time steps with each other"),
    ],
)
def test_what_cannot_stream_says_why(make: Callable[[], Any], words: str) -> None:
    model = gw.Sequential([layers.Input((6, 4)), make(), layers.LSTM(2, return_sequences=True)])
    with pytest.raises(ValueError, match=words):
        model.stream()
