"""`keras.random`: distributions, seeds, and what a layer draws under `fit`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise import ops
from gatewise.keras import random

COUNT = 40_000
# What is drawn, its mean, and its variance.
DISTRIBUTIONS: dict[str, tuple[Any, float, float]] = {
    "normal": (lambda seed: random.normal((COUNT,), 1, 2, seed=seed), 1, 4),
    # Of a normal distribution cut at two deviations: 1 - 2 * 2 * phi(2) / (Phi(2) - Phi(-2)).
    "truncated_normal": (lambda seed: random.truncated_normal((COUNT,), 1, 2, seed=seed), 1, 4 * 0.7737413),
    "uniform": (lambda seed: random.uniform((COUNT,), -1, 2, seed=seed), 0.5, 9 / 12),
    "randint": (lambda seed: random.randint((COUNT,), 2, 5, seed=seed), 3, 2 / 3),
    "gamma": (lambda seed: random.gamma((COUNT,), 3.0, seed=seed), 3, 3),
    "beta": (lambda seed: random.beta((COUNT,), 2.0, 3.0, seed=seed), 0.4, 0.04),
    "binomial": (lambda seed: random.binomial((COUNT,), 5, 0.2, seed=seed), 1, 0.8),
    "dropout": (lambda seed: random.dropout(np.ones(COUNT, "float32"), 0.2, seed=seed), 1, 0.25),
    "categorical": (lambda seed: random.categorical(np.log([[0.5, 0.25, 0.25]]), COUNT, seed=seed), 0.75, 0.6875),
}
every = pytest.mark.parametrize("name", DISTRIBUTIONS)


def check(drawn: Any, mean: float, variance: float) -> None:
    x = np.asarray(drawn, "float64").ravel()
    # Five deviations of a mean of so many; the fourth moments here are below six variances squared, or nearly.
    assert abs(x.mean() - mean) < 5 * (variance / COUNT) ** 0.5
    assert abs(x.var() - variance) < 5 * variance * (9 / COUNT) ** 0.5


@every
def test_mean_and_variance(name: str) -> None:
    draw, mean, variance = DISTRIBUTIONS[name]
    check(draw(3), mean, variance)


@every
def test_in_a_traced_call(name: str) -> None:
    draw, mean, variance = DISTRIBUTIONS[name]

    class Drawing(gw.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return ops.cast(ops.reshape(draw(None), (-1,)), "float32")

    import jax

    layer = Drawing()
    layer(np.zeros((1, 1), "float32"))
    call = jax.jit(lambda key: layer.stateless_call([], [], np.zeros((1, 1), "float32"), key=key)[0])
    first, again, other = (call(jax.random.key(number)) for number in (1, 1, 2))
    check(first, mean, variance)
    assert (first == again).all()
    assert (first != other).any()


@every
def test_seeds(name: str) -> None:
    draw = DISTRIBUTIONS[name][0]
    assert (draw(3) == draw(3)).all()
    assert (draw(3) != draw(4)).any()
    stream, same = random.SeedGenerator(3), random.SeedGenerator.from_config(random.SeedGenerator(3).get_config())
    first, second = draw(stream), draw(stream)
    assert (first != second).any()
    assert (draw(same) == first).all()
    gw.utils.set_random_seed(5)
    first = draw(None)
    assert (draw(None) != first).any()
    gw.utils.set_random_seed(5)
    assert (draw(None) == first).all()


def test_dtypes() -> None:
    assert random.normal((2,)).dtype == "float32"
    assert random.uniform((2,), dtype="float64").dtype == "float64"
    assert random.randint((2,), 0, 9).dtype == "int32"
    assert random.randint((2,), 0, 9, dtype="uint8").dtype == "uint8"
    assert random.binomial((2,), 3, 0.5).dtype == "float32"
    assert random.categorical([[0.0, 1.0]], 2, dtype="int64").dtype == "int64"


def test_wrong_dtypes_are_refused() -> None:
    with pytest.raises(ValueError, match="a floating dtype"):
        random.uniform((2,), dtype="int32")
    with pytest.raises(ValueError, match="a dtype of integers"):
        random.randint((2,), 0, 5, dtype="float32")
    with pytest.raises(ValueError, match=r"\(B, C\)"):
        random.categorical([1.0, 2.0], 3)


def test_shuffle_along_an_axis() -> None:
    x = np.arange(12).reshape(3, 4)
    mixed = np.asarray(random.shuffle(x, axis=1, seed=1))
    order = mixed[0]
    assert sorted(order) == [0, 1, 2, 3]
    np.testing.assert_array_equal(mixed, x[:, order])


def test_noise_shape() -> None:
    kept = np.asarray(random.dropout(np.ones((50, 4, 3), "float32"), 0.5, noise_shape=(None, 1, 3), seed=1))
    assert (kept == kept[:, :1]).all()
    assert 0 < kept.mean() < 2


def test_a_layer_of_ones_own_draws_anew_in_each_step() -> None:
    class Noise(gw.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seeds = random.SeedGenerator(7)

        def call(self, inputs: Any, training: bool = False) -> Any:
            return inputs + random.normal(ops.shape(inputs), seed=self.seeds) if training else inputs

    model = gw.Sequential([gw.Input((3,)), Noise(), gw.layers.Dense(1, kernel_initializer="ones", trainable=False)])
    model.add(gw.layers.Dense(1, kernel_initializer="ones"))
    model.compile(gw.optimizers.SGD(0.0), "mse")
    x = np.zeros((4, 3), "float32")
    losses = [model.train_on_batch(x, np.zeros((4, 1))) for _ in range(3)]
    assert len(set(losses)) == 3
    assert model.predict(x, verbose=0).tolist() == [[0.0]] * 4
