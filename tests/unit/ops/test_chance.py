"""`keras.random`: what is drawn, whence, and what is refused."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import gatewise as gw
from gatewise.keras import random

DRAWS = {
    "normal": {"mean": 2.0, "stddev": 3.0},
    "truncated_normal": {"mean": 2.0, "stddev": 3.0},
    "uniform": {"minval": 1.0, "maxval": 3.0},
    "randint": {"minval": 0, "maxval": 5},
    "gamma": {"alpha": 4.0},
    "beta": {"alpha": 2.0, "beta": 2.0},
    "binomial": {"counts": 10.0, "probabilities": 0.5},
}
# Mean and deviation of each: the equations of the distributions.
MOMENTS = {
    "normal": (2.0, 3.0),
    "truncated_normal": (2.0, 3.0 * 0.87962566103423978),
    "uniform": (2.0, 2 / 12**0.5),
    "randint": (2.0, 2**0.5),
    "gamma": (4.0, 2.0),
    "beta": (0.5, (1 / 20) ** 0.5),
    "binomial": (5.0, 2.5**0.5),
}


class Drawing(gw.layers.Layer):
    """A layer that draws in its call."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.drawn = name

    def call(self, inputs):
        return inputs + gw.keras.ops.cast(getattr(random, self.drawn)((40_000,), **DRAWS[self.drawn]), "float32")


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("on_jax", [False, True])
def test_moments(name, on_jax):
    """Within 6 standard errors of the distribution's mean, and as near to its deviation."""
    layer = Drawing(name)
    x = np.zeros(40_000, "float32")
    key = jax.random.key(3)
    found = layer.stateless_call([], [], jax.numpy.asarray(x), key=key)[0] if on_jax else layer(x)
    mean, deviation = MOMENTS[name]
    assert abs(float(np.mean(found)) - mean) < 6 * deviation / 200
    assert abs(float(np.std(found)) / deviation - 1) < 0.03


def test_an_int_repeats_and_a_generator_goes_on():
    assert np.array_equal(random.normal((4,), seed=3), random.normal((4,), seed=3))
    assert not np.array_equal(random.normal((4,)), random.normal((4,)))
    seeds = random.SeedGenerator(3)
    first, second = random.normal((4,), seed=seeds), random.normal((4,), seed=seeds)
    assert np.array_equal(first, random.normal((4,), seed=random.SeedGenerator(3)))
    assert not np.array_equal(first, second)
    assert seeds.next().shape == (2,)
    assert random.SeedGenerator.from_config(seeds.get_config()).seed == 3


def test_shuffles_and_classes_and_dropout():
    x = np.arange(12).reshape(3, 4)
    shuffled = random.shuffle(x, axis=1, seed=1)
    assert sorted(map(tuple, np.asarray(shuffled).T)) == sorted(map(tuple, x.T))
    assert random.categorical(np.log([[0.0, 1.0], [1.0, 0.0]], where=[[False, True], [True, False]],
                                     out=np.full((2, 2), -1e9)), 3).tolist() == [[1, 1, 1], [0, 0, 0]]  # fmt: skip
    dropped = np.asarray(random.dropout(np.ones((50, 40), "float32"), 0.25, noise_shape=(None, 1), seed=2))
    assert set(np.unique(dropped)) == {0.0, np.float32(1 / 0.75)}
    assert (dropped == dropped[:, :1]).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: random.normal((2,), seed="a"), "seed: expected an int, a SeedGenerator or None"),
        (lambda: random.uniform((2,), dtype="int32"), "expected a floating dtype"),
        (lambda: random.randint((2,), 0, 3, dtype="float32"), "expected a dtype of integers"),
        (lambda: random.dropout([1.0], 1.5), "a number from 0 to 1"),
        (lambda: random.categorical([0.0], 1), r"logits of shape \(B, C\)"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
