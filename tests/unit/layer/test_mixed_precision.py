"""Mixed precision around layers: models, files, training; and float64."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import gatewise as gw
from gatewise.base.release import meaning

X = np.random.default_rng(0).standard_normal((8, 5, 3)).astype("float32")
Y = np.ones((8, 1), "float32")


@pytest.fixture
def mixed():
    gw.mixed_precision.set_global_policy("mixed_float16")
    yield
    gw.mixed_precision.set_global_policy(None)


def small_model(**last):
    layers = [gw.Input((5, 3)), gw.layers.Bidirectional(gw.layers.LSTM(4)), gw.layers.Dense(1, **last)]
    return gw.Sequential(layers)


@pytest.mark.usefixtures("mixed")
def test_a_models_outputs_have_the_dtype_of_its_last_layer():
    half, single = small_model(), small_model(dtype="float32")
    assert half.predict(X).dtype == half(X).dtype == np.float16
    assert half.output.dtype == "float16"
    assert single.predict(X).dtype == np.float32
    assert {weight.dtype.name for weight in half.get_weights()} == {"float32"}


@pytest.mark.usefixtures("mixed")
def test_compile_scales_the_loss_and_training_goes_down():
    model = small_model(dtype="float32")
    model.compile(gw.optimizers.SGD(0.1), "mse")
    assert isinstance(model.optimizer, gw.mixed_precision.LossScaleOptimizer)
    losses = model.fit(X, Y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.compile("sgd", "mse", auto_scale_loss=False)
    assert isinstance(model.optimizer, gw.optimizers.SGD)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("release", ["keras3", "tf2"])
def test_files_keep_the_policy(tmp_path, mixed, ending, release):
    model = small_model()
    model.compile("adam", "mse")
    model.save(tmp_path / f"model{ending}", release=release)
    gw.mixed_precision.set_global_policy(None)
    again = gw.models.load_model(tmp_path / f"model{ending}")
    assert again.layers[-1].dtype_policy == gw.keras.DTypePolicy("mixed_float16")
    assert again.predict(X).dtype == np.float16
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert isinstance(again.optimizer, gw.optimizers.LossScaleOptimizer)


def test_policies_by_name_object_and_config():
    for policy in ("mixed_bfloat16", gw.keras.DTypePolicy("mixed_bfloat16"), {"config": {"name": "mixed_bfloat16"}}):
        layer = gw.layers.Dense(2, dtype=policy)
        assert (layer.dtype, layer.compute_dtype) == ("float32", "bfloat16")
        assert layer(X).dtype.name == "bfloat16"
        assert gw.layers.Dense.from_config(layer.get_config()).dtype_policy == layer.dtype_policy
    with pytest.raises(ValueError, match="mixed_float16"):
        gw.keras.DTypePolicy("mixed_float8")


def test_a_fixed_scale_stays():
    with pytest.raises(ValueError, match="give the inner optimizer loss_scale_factor"):
        gw.mixed_precision.LossScaleOptimizer(gw.optimizers.SGD(0.5), dynamic=False)
    with meaning("tf2"):
        optimizer = gw.mixed_precision.LossScaleOptimizer(gw.optimizers.SGD(0.5), dynamic=False, initial_scale=128.0)
    weight = gw.Variable(np.float32(1.0), name="weight")
    optimizer.build([weight])
    for gradient, want in ((128.0, 0.5), (np.inf, 0.5), (-128.0, 1.0)):
        optimizer.apply([np.float32(gradient)], [weight])
        assert float(weight) == want
        assert float(optimizer.loss_scale) == 128.0
    assert float(optimizer.get_scaled_loss(2.0)) == 256.0


def slope(model, place, index, size):
    """The slope of the loss along one weight, by a central difference in float64."""
    losses = []
    for sign in (1, -1):
        weights = model.get_weights()
        weights[place][index] += sign * size
        model.set_weights(weights)
        losses.append(float(np.mean((np.asarray(model(X.astype("float64"))) - Y) ** 2)))
        weights[place][index] -= sign * size
        model.set_weights(weights)
    return (losses[0] - losses[1]) / (2 * size)


def test_float64_models_train_in_float64_and_jax_stays_as_it_was():
    # A central difference with h = 1e-5 has an error of h^2 = 1e-10 of the third derivative, and of u/h = 1e-11 by
    # rounding; a gradient in float32 would be off by 1e-8 or more.
    layers = [
        gw.Input((5, 3), dtype="float64"),
        gw.layers.LSTM(4, dtype="float64"),
        gw.layers.Dense(1, dtype="float64"),
    ]
    model = gw.Sequential(layers)
    gw.config.floatx = "float64"  # The loss's dtype.
    try:
        model.compile(gw.optimizers.SGD(1.0), "mse")
        want = slope(model, 1, (2, 3), 1e-5)
        before = model.get_weights()[1][2, 3]
        model.train_on_batch(X.astype("float64"), Y)
    finally:
        gw.config.floatx = "float32"
    after = model.get_weights()[1]
    assert after.dtype == np.float64
    assert abs((before - after[2, 3]) - want) < 1e-9
    assert jax.numpy.ones(1, float).dtype == np.float32
