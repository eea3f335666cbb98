"""What training keeps between calls: JAX's values for the next `train_on_batch`, and one compiled step a length."""

from __future__ import annotations

import numpy as np

import gatewise as gw
from gatewise.random import set_seed
from gatewise.training.data.sequences import Sequences
from gatewise.training.segments import Mixed, segments

X = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(4, 1)).astype("float32")


def made() -> gw.Model:
    set_seed(0)
    model = gw.Sequential([gw.Input((6, 3)), gw.layers.LSTM(5), gw.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def test_what_the_program_sets_between_two_batches_counts() -> None:
    model = made()
    model.train_on_batch(X, Y)
    model.set_weights([weight + 0.5 for weight in model.get_weights()])
    model.fit(X, Y, verbose=0, shuffle=False)
    after_fit = model.get_weights()
    model.optimizer.learning_rate = 0.0
    model.train_on_batch(X, Y)
    for now, before in zip(model.get_weights(), after_fit, strict=True):
        np.testing.assert_array_equal(now, before)  # Not the weights of before `fit`, and not moved by a rate of 0.


def test_steps_on_kept_values_are_those_of_fit() -> None:
    by_batch, by_fit = made(), made()
    for _ in range(3):
        by_batch.train_on_batch(X, Y)
    by_fit.fit(X, Y, batch_size=4, epochs=3, verbose=0, shuffle=False)
    for one, other in zip(by_batch.get_weights(), by_fit.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_batches_of_unequal_lengths_have_one_size() -> None:
    lengths = [3, 3, 3, *[5] * 9, 8]
    rows = [np.ones((length, 2), "float32") for length in lengths]
    source = Sequences(rows, np.ones((len(rows), 1), "float32"), None, 4)
    (segment,) = segments(source, True, False)
    assert isinstance(segment.data, Mixed)
    # The first batch is the rest of its bucket, and filled up like the others.
    assert {batches.x.shape[1] for batches in segment.data.batches} == {4}
    assert sorted(segment.real.tolist()) == [1, 1, 3, 4, 4]
