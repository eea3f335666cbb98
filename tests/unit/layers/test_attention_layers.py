"""Attention: what holds for any weights, what files keep, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise import layers
from gatewise.base.release import meaning


def values(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, shape).astype(np.float32)


X, V = values(2, 5, 4), values(2, 6, 4, seed=1)


def called(layer: Any, query: Any, value: Any, key: Any = None, **options: Any) -> Any:
    """The layer on query, value and key, however it takes them."""
    if isinstance(layer, layers.Attention):
        return layer([query, value] if key is None else [query, value, key], **options)
    return layer(query, value, **({} if key is None else {"key": key}), **options)


KINDS = {
    "dot": lambda **options: layers.Attention(use_scale=True, **options),
    "concat": lambda **options: layers.Attention(score_mode="concat", **options),
    "additive": layers.AdditiveAttention,
    "heads": lambda **options: layers.MultiHeadAttention(2, 3, value_dim=2, **options),
    "grouped": lambda **options: layers.GroupQueryAttention(3, 4, 2, **options),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_the_order_of_keys_does_not_matter(kind: str) -> None:
    layer, order = KINDS[kind](), [3, 0, 5, 1, 4, 2]
    np.testing.assert_allclose(called(layer, X, V[:, order]), called(layer, X, V), atol=2e-6)


@every_kind
def test_queries_are_answered_each_for_itself(kind: str) -> None:
    layer, order = KINDS[kind](), [3, 0, 1, 4, 2]
    np.testing.assert_allclose(called(layer, X[:, order], V), called(layer, X, V)[:, order], atol=2e-6)


@every_kind
def test_a_causal_mask_hides_the_future(kind: str) -> None:
    layer, changed = KINDS[kind](), X.copy()
    before = called(layer, X, X, use_causal_mask=True)
    changed[:, 3:] += 1.0
    after = called(layer, changed, changed, use_causal_mask=True)
    np.testing.assert_array_equal(after[:, :3], before[:, :3])
    assert abs(after[:, 3:] - before[:, 3:]).max() > 1e-4


@every_kind
def test_a_window_is_the_attention_to_its_steps_alone(kind: str) -> None:
    layer = KINDS[kind](sliding_window=2)
    y = called(layer, X, X, use_causal_mask=True)
    layer.sliding_window = None
    for t in range(1, 5):
        alone = called(layer, X[:, t : t + 1], X[:, t - 1 : t + 1])
        np.testing.assert_allclose(y[:, t : t + 1], alone, atol=2e-6)


@every_kind
def test_a_window_is_in_the_config_where_it_is_set(kind: str) -> None:
    assert "sliding_window" not in KINDS[kind]().get_config()
    config = KINDS[kind](sliding_window=2).get_config()
    assert config["sliding_window"] == 2


@every_kind
def test_weights_sum_to_one_and_dropout_takes_some(kind: str) -> None:
    layer = KINDS[kind](dropout=0.5, seed=3)
    _, weights = called(layer, X, V, return_attention_scores=True)
    np.testing.assert_allclose(weights.sum(-1), 1.0, atol=1e-6)
    idle, dropped = called(layer, X, V), called(layer, X, V, training=True)
    assert abs(idle - dropped).max() > 1e-3


def test_heads_may_be_in_any_order() -> None:
    layer = layers.MultiHeadAttention(3, 2, use_gate=True)
    y = layer(X, V)
    order = [2, 0, 1]
    for inner in (layer.query_dense, layer.key_dense, layer.value_dense, layer._gate_dense):
        inner.set_weights([inner.get_weights()[0][:, order], inner.get_weights()[1][order]])
    layer.output_dense.set_weights([layer.output_dense.get_weights()[0][order], layer.output_dense.get_weights()[1]])
    np.testing.assert_allclose(layer(X, V), y, atol=2e-6)


def test_as_many_groups_as_heads_are_many_heads() -> None:
    grouped, heads = layers.GroupQueryAttention(3, 2, 2), layers.MultiHeadAttention(2, 3)
    y = grouped(X, V)
    heads.build(X.shape, V.shape)
    heads.set_weights(grouped.get_weights())
    np.testing.assert_array_equal(heads(X, V), y)


def test_tensorflows_causal_argument() -> None:
    np.testing.assert_array_equal(
        layers.Attention(causal=True)([X, X]), layers.Attention()([X, X], use_causal_mask=True)
    )


@pytest.mark.parametrize("release", ["keras3", "tf2"])
def test_many_heads_take_their_inputs_masks_away_in_keras_3_alone(release: Any) -> None:
    with meaning(release):
        x = gw.Input((5,), dtype="int32")
        embedded = layers.Embedding(7, 4, mask_zero=True)(x)
        attended = layers.MultiHeadAttention(2, 3)(embedded, embedded)
        model = gw.Model(x, [attended, layers.LSTM(3, return_sequences=True)(embedded)])
    ids = np.array([[1, 2, 3, 0, 0]])
    states = model(ids)[1]
    assert np.array_equal(states[:, 3], states[:, 2]) == (release == "tf2")


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("release", ["keras3", "tf2"])
def test_files_keep_attention(ending: str, release: Any, tmp_path: Path) -> None:
    x = gw.Input((5, 4))
    y = layers.MultiHeadAttention(2, 3, output_shape=4)(x, x, use_causal_mask=True)
    y = layers.AdditiveAttention()([layers.Attention(use_scale=True)([y, x]), y])
    model = gw.Model(x, layers.GroupNormalization(2)(y))
    model.save(tmp_path / f"m.{ending}", release=release)
    again = gw.models.load_model(tmp_path / f"m.{ending}")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_tf_keras_has_no_words_for_a_window(tmp_path: Path) -> None:
    x = gw.Input((5, 4))
    model = gw.Model(x, layers.MultiHeadAttention(2, 3, sliding_window=2)(x, x))
    with pytest.raises(ValueError, match="tf_keras has no words for sliding_window=2"):
        model.save(tmp_path / "m.keras", release="tf2")


@every_kind
def test_fit_trains_it(kind: str) -> None:
    gw.keras.utils.set_random_seed(0)
    x = gw.Input((5, 4))
    model = gw.Model(x, layers.Dense(1)(called(KINDS[kind](dropout=0.1), x, x, use_causal_mask=True)))
    model.compile(gw.optimizers.Adam(0.05), "mse")
    losses = model.fit(X, X.sum(-1, keepdims=True), epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


class Crossed(layers.Layer):
    """A program's own layer in Keras 3's style: shapes and masks of two inputs by their names."""

    def build(self, left_shape: Any, right_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(left_shape[-1], right_shape[-1]), initializer="ones")

    def call(self, left: Any, right: Any, right_mask: Any = None) -> Any:
        self.came = right.dtype.name, right_mask
        return left @ self.kernel.value @ np.swapaxes(right, 1, 2)


def test_a_programs_layer_gets_shapes_dtypes_and_masks_of_all_inputs() -> None:
    layer, right = Crossed(), layers.Masking()(np.zeros((2, 3, 6)))
    assert layer(X, right).shape == (2, 5, 3)
    dtype, mask = layer.came
    assert dtype == "float32"
    assert mask is not None
    assert not mask.any()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: layers.Attention(name="a")(X), r"Attention 'a': expected a list of inputs"),
        (lambda: layers.Attention(name="a")([X]), r"but 1 arrays came"),
        (lambda: layers.Attention(name="a")([X, values(2, 6, 3)]), r"as many features, got 4 and 3"),
        (lambda: layers.Attention(name="a")([X, V, X]), r"a value for each key"),
        (lambda: layers.Attention(name="a")([X, V], mask=X[..., 0]), r"a list of masks"),
        (lambda: layers.Attention(score_mode="cosine"), r"score_mode"),
        (lambda: layers.Attention(sliding_window=0), r"sliding_window"),
        (lambda: layers.MultiHeadAttention(0, 3), r"num_heads"),
        (lambda: layers.MultiHeadAttention(2, 3, output_shape=8.0), r"output_shape"),
        (lambda: layers.MultiHeadAttention(2, 3, attention_axes=3, name="m")(X, V), r"'m': attention_axes=\(3,\)"),
        (lambda: layers.MultiHeadAttention(2, 3, name="m")(X, V, key=X), r"'m': there must be a value for each key"),
        (lambda: layers.MultiHeadAttention(2, 3, name="m")(X, V, attention_mask=X), r"'m': a mask of the shape"),
        (lambda: layers.MultiHeadAttention(2, 3, dropout=0.1, flash_attention=True), r"flash_attention"),
        (lambda: layers.GroupQueryAttention(3, 4, 3), r"multiple of num_key_value_heads, got 4 and 3"),
        (lambda: layers.GroupQueryAttention(3, 4, 2, name="g")(X, values(2, 6, 3)), r"'g': a query and a value"),
        (lambda: layers.GroupNormalization(3, name="n")(X), r"'n': the 4 features cannot be divided into 3 groups"),
        (lambda: layers.GroupNormalization(0), r"groups"),
        (lambda: layers.SpectralNormalization(layers.ReLU(), name="s")(X), r"'s': ReLU .* neither a kernel"),
        (lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"rmin": 2, "rmax": 1}), r"renorm_clipping"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_streams_say_what_they_need() -> None:
    x = gw.Input((None, 4))
    with pytest.raises(ValueError, match="attends to later steps too"):
        gw.Model(x, layers.Attention(name="a")([x, x])).stream()
    with pytest.raises(ValueError, match="made with sliding_window=N it attends to the last N"):
        gw.Model(x, layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True)).stream()


def test_layer_normalization_takes_other_ranks_than_it_was_built_for() -> None:
    layer = layers.LayerNormalization()
    y = layer(X)
    np.testing.assert_allclose(layer(X[None]), y[None], atol=1e-6)
