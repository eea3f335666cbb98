"""Layers and models as pure functions of their weights, on JAX."""

from __future__ import annotations

import numpy as np

import gatewise as gw
from gatewise.layers import GRU, LSTM, BatchNormalization, Dense, Dropout

X = np.random.default_rng(0).standard_normal((4, 6, 3)).astype("float32")


def test_a_model_under_jit_agrees_and_changes_nothing() -> None:
    import jax

    model = gw.Sequential([gw.Input((6, 3)), LSTM(4, return_sequences=True), Dropout(0.5), GRU(2), Dense(2)])
    weights, wanted = model.get_weights(), model.predict(X)
    versions = [v.version for v in model.variables]
    run = jax.jit(lambda weights, x: model.stateless_call(weights, [], x)[0])
    np.testing.assert_allclose(run(weights, X), wanted, rtol=0, atol=1e-6)
    np.testing.assert_allclose(run([2 * w for w in weights], X), run([2 * w for w in weights], X))
    assert not np.allclose(run([2 * w for w in weights], X), wanted)
    assert [v.version for v in model.variables] == versions
    np.testing.assert_array_equal(model.predict(X), wanted)


def test_training_returns_what_changed() -> None:
    import jax

    model = gw.Sequential([gw.Input((3,)), BatchNormalization(), Dropout(0.5), Dense(2)])
    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]

    @jax.jit
    def run(key: jax.Array) -> tuple:  # type: ignore[type-arg]
        return model.stateless_call(trainable, others, X[:, 0], training=True, key=key)

    first, second = jax.random.split(jax.random.key(0))
    y, after = run(first)
    assert any(not np.allclose(a, b) for a, b in zip(after, others, strict=True))
    for variable, before in zip(model.non_trainable_variables, others, strict=True):
        np.testing.assert_array_equal(variable.value, before)
    assert not np.array_equal(run(second)[0], y)


def test_a_seeded_layer_still_depends_on_the_key() -> None:
    import jax

    layer = Dropout(0.5, seed=3)
    first, second = (layer.stateless_call([], [], X, training=True, key=jax.random.key(n))[0] for n in (0, 1))
    assert not np.array_equal(first, second)


def test_two_layers_draw_different_numbers_from_one_key() -> None:
    import jax

    x = gw.Input((6, 3))
    model = gw.Model(x, [Dropout(0.5)(x), Dropout(0.5)(x)])
    first, second = model.stateless_call([], [], X, training=True, key=jax.random.key(0))[0]
    assert not np.array_equal(first == 0, second == 0)
