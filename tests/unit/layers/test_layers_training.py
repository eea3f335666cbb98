"""What layers do in training alone: dropout, noise, moving averages; on NumPy and as pure functions on JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatewise import layers
from gatewise import random as gw_random
from gatewise.layer import Layer

ONES = np.ones((200, 10, 20), "float32")


def trained(layer: Layer, x: Any, key: int | None = None, mask: Any = None) -> tuple[np.ndarray, list[np.ndarray]]:
    """Output and new statistics in training: on NumPy, or with a key under `jax.jit`."""
    layer(x[:1])
    given = {} if mask is None else {"mask": mask}
    if key is None:
        y = layer(x, training=True, **given)
        return y, [v.numpy() for v in layer.non_trainable_variables]

    def run(t: Any, n: Any, x: Any, k: Any) -> Any:
        return layer.stateless_call(t, n, x, training=True, key=k, **given)

    t = [v.value for v in layer.trainable_variables]
    n = [v.value for v in layer.non_trainable_variables]
    y, new = jax.jit(run)(t, n, x, jax.random.key(key))
    return np.asarray(y), [np.asarray(value) for value in new]


both = pytest.mark.parametrize("key", [None, 3], ids=["numpy", "jax"])


@both
def test_dropout_drops_the_rate_and_scales_the_rest(key: int | None) -> None:
    y, _ = trained(layers.Dropout(0.25), ONES, key)
    assert set(np.unique(y).tolist()) == {0.0, np.float32(1 / 0.75).item()}
    # 40000 draws: the standard deviation of their mean is 0.0022.
    assert abs((y == 0).mean() - 0.25) < 0.011


@both
def test_dropout_of_nothing_and_of_everything(key: int | None) -> None:
    np.testing.assert_array_equal(trained(layers.Dropout(0.0), ONES, key)[0], ONES)
    assert not trained(layers.Dropout(1.0), ONES, key)[0].any()


@both
def test_noise_shape_shares_the_mask(key: int | None) -> None:
    y, _ = trained(layers.Dropout(0.5, noise_shape=(None, 1, None)), ONES, key)
    assert (y == y[:, :1]).all()
    assert 0 < (y == 0).mean() < 1
    spatial, _ = trained(layers.SpatialDropout1D(0.5), ONES, key)
    assert (spatial == spatial[:, :1]).all()
    assert not (spatial == spatial[:, :, :1]).all()


@both
def test_gaussian_layers_have_the_right_moments(key: int | None) -> None:
    noise = trained(layers.GaussianNoise(0.5), ONES, key)[0] - 1
    assert abs(noise.mean()) < 0.0125  # 5 standard deviations of the mean: 0.5 / sqrt(40000) each
    assert abs(noise.std() - 0.5) < 0.01
    factor = trained(layers.GaussianDropout(0.2), ONES, key)[0]
    assert abs(factor.mean() - 1) < 0.0125
    assert abs(factor.std() - 0.5) < 0.01  # sqrt(0.2 / 0.8)


@both
def test_alpha_dropout_keeps_mean_and_variance(key: int | None) -> None:
    x = np.random.default_rng(0).normal(size=(200, 10, 100)).astype("float32")
    y, _ = trained(layers.AlphaDropout(0.3), x, key)
    assert abs(y.mean()) < 0.02
    assert abs(y.std() - 1) < 0.02


@pytest.mark.parametrize(
    "layer",
    [layers.Dropout(0.5), layers.GaussianNoise(0.5), layers.GaussianDropout(0.5), layers.AlphaDropout(0.5)],
    ids=lambda layer: layer.name,
)
def test_nothing_happens_outside_training(layer: Layer) -> None:
    np.testing.assert_array_equal(layer(ONES), ONES)
    np.testing.assert_array_equal(layer(ONES, training=False), ONES)


def test_seeds_repeat_and_calls_differ() -> None:
    first, second = layers.Dropout(0.5, seed=7), layers.Dropout(0.5, seed=7)
    a, b = first(ONES, training=True), first(ONES, training=True)
    np.testing.assert_array_equal(a, second(ONES, training=True))
    assert (a != b).any()
    gw_random.set_seed(5)
    c = layers.Dropout(0.5)(ONES, training=True)
    gw_random.set_seed(5)
    np.testing.assert_array_equal(layers.Dropout(0.5)(ONES, training=True), c)


def test_jax_keys_decide_and_layers_draw_apart() -> None:
    layer = layers.Dropout(0.5)
    a, b = (trained(layer, ONES, key)[0] for key in (1, 2))
    np.testing.assert_array_equal(a, trained(layer, ONES, 1)[0])
    assert (a != b).any()


@both
def test_batch_normalization_uses_and_moves_statistics(key: int | None) -> None:
    x = np.random.default_rng(0).normal(2.0, 3.0, (8, 5, 4)).astype("float32")
    layer = layers.BatchNormalization(momentum=0.9, epsilon=0.1)
    y, (mean, variance) = trained(layer, x, key)
    np.testing.assert_allclose(y, (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + 0.1), atol=1e-5)
    np.testing.assert_allclose(mean, 0.1 * x.mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * x.var((0, 1)), rtol=1e-5)
    before = layer.get_weights()
    layer(x)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@both
def test_batch_normalization_passes_masked_steps_over(key: int | None) -> None:
    x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")
    mask = np.random.default_rng(1).random((4, 5)) < 0.6
    x[~mask] = 1e3
    layer = layers.BatchNormalization(momentum=0.0)
    _, (mean, variance) = trained(layer, x, key, mask)
    np.testing.assert_allclose(mean, x[mask].mean(0), atol=1e-5)
    np.testing.assert_allclose(variance, x[mask].var(0), atol=1e-5)


def test_frozen_batch_normalization_infers() -> None:
    layer = layers.BatchNormalization(trainable=False)
    x = ONES[:2] * 5
    np.testing.assert_array_equal(layer(x, training=True), layer(x))
    assert layer.moving_mean.numpy().tolist() == [0.0] * 20


@both
def test_batch_renormalization(key: int | None) -> None:
    """One step of Ioffe's equations: r and d from the slow statistics, which then move."""
    x = np.random.default_rng(0).normal(0.5, 2.0, (16, 3)).astype("float32")
    limits = {"rmin": 0.5, "rmax": 1.5, "dmax": 0.3}
    layer = layers.BatchNormalization(renorm=True, renorm_clipping=limits, momentum=0.9, renorm_momentum=0.8)
    y, (moving_mean, moving_variance, moving_stddev, renorm_mean, renorm_stddev) = trained(layer, x, key)
    mean, stddev = x.mean(0), np.sqrt(x.var(0) + 1e-3)
    r, d = np.clip(stddev, 0.5, 1.5), np.clip(mean, -0.3, 0.3)
    np.testing.assert_allclose(y, (x - mean) / stddev * r + d, atol=1e-5)
    np.testing.assert_allclose(moving_mean, 0.1 * mean, atol=1e-6)
    np.testing.assert_allclose(moving_stddev, 0.9 + 0.1 * stddev, atol=1e-6)
    np.testing.assert_allclose(moving_variance, (0.9 + 0.1 * stddev) ** 2 - 1e-3, atol=1e-5)
    np.testing.assert_allclose(renorm_mean, 0.2 * mean, atol=1e-6)
    np.testing.assert_allclose(renorm_stddev, 0.8 + 0.2 * stddev, atol=1e-6)


def test_half_precision_statistics_do_not_overflow() -> None:
    layer = layers.BatchNormalization(dtype="float16")
    y = layer(np.full((64, 100, 2), 300.0, "float16"), training=True)
    assert y.dtype == np.float16
    assert np.isfinite(y).all()


def test_a_failed_call_moves_nothing() -> None:
    """A model's statistics move together or not at all."""
    from gatewise import models

    normal = layers.BatchNormalization()

    def broken(x: Any) -> Any:
        if np.max(x) > 0.5:
            raise RuntimeError("stop")
        return x

    model = models.Sequential([layers.Input((2,)), normal, layers.Lambda(broken)])
    before = normal.get_weights()
    with pytest.raises(RuntimeError, match="stop"):
        model(np.arange(6.0).reshape(3, 2), training=True)  # normalised, its largest number is 1.2
    for old, new in zip(before, normal.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_training_reaches_layers_inside_wrappers() -> None:
    layer = layers.TimeDistributed(layers.Dropout(0.5))
    assert (layer(ONES, training=True) == 0).any()
    assert not (layer(ONES) == 0).any()
    both_ways = layers.Bidirectional(layers.LSTM(3, dropout=0.9, seed=1))
    assert (both_ways(ONES[:2], training=True) != both_ways(ONES[:2])).any()


def test_activity_regularization_is_set() -> None:
    layer = layers.ActivityRegularization(l1=0.1, l2=0.2)
    penalty = layer.activity_regularizer(jnp.asarray([1.0, -2.0]))
    np.testing.assert_allclose(penalty, 0.1 * 3 + 0.2 * 5, rtol=1e-6)
    assert "activity_regularizer" not in layer.get_config()
