"""Weights, masks and reductions: what Keras cannot show, because it fails or differs from itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.base import masks
from gatewise.base.release import meaning

RNG = np.random.default_rng(3)
Y, P = RNG.standard_normal((2, 3, 5, 2))
MASK = np.array([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], bool)
ERRORS = ((Y - P) ** 2).mean(-1)


def masked(p: np.ndarray, mask: np.ndarray = MASK) -> np.ndarray:
    p = p.copy()
    masks.attach(p, mask)
    return p


def test_a_weight_for_each_sample_holds_for_all_its_steps() -> None:
    weights = np.array([1.0, 2.0, 0.0])
    found = gw.losses.MeanSquaredError(dtype="float64")(Y, P, weights)
    np.testing.assert_allclose(found, (ERRORS * weights[:, None]).mean(), rtol=1e-14)
    square = slice(None), slice(0, 3)  # as many steps as samples, where Keras 3 weighs the steps
    found = gw.losses.MeanSquaredError(dtype="float64")(Y[square], P[square], weights)
    np.testing.assert_allclose(found, (ERRORS[:, :3] * weights[:, None]).mean(), rtol=1e-14)


@pytest.mark.parametrize("weights", [None, np.abs(RNG.standard_normal((3, 5)))])
def test_targets_without_the_last_axis_can_be_masked_and_weighed_by_step(weights: np.ndarray | None) -> None:
    """A unit a step, targets (B, T): the commonest sequence model, on which both Kerases fail."""
    y, p = Y[..., 0], P[..., :1]
    found = gw.losses.MeanSquaredError(dtype="float64")(y, masked(p), weights)
    weighed = (y - p[..., 0]) ** 2 * (1.0 if weights is None else weights)
    wanted = weighed[MASK].sum() / MASK.sum()
    np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_masked_steps_count_in_the_mean_of_tensorflow_1_alone() -> None:
    sums = (ERRORS * MASK).sum()
    with meaning("tf1"):
        found = gw.losses.MeanSquaredError(dtype="float64")(Y, masked(P))
    np.testing.assert_allclose(found, sums / MASK.size, rtol=1e-14)
    np.testing.assert_allclose(gw.losses.MeanSquaredError(dtype="float64")(Y, masked(P)), sums / MASK.sum(), rtol=1e-14)


def test_where_nothing_counts_the_loss_is_0() -> None:
    for release in ("keras3", "tf2", "tf1"):
        with meaning(release):
            assert gw.losses.MeanSquaredError(dtype="float64")(Y, masked(P, np.zeros_like(MASK))) == 0


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.ones(4), r"sample_weight of shape \(4,\) does not fit losses of shape \(3, 5\)"),
        (np.ones((3, 4)), r"sample_weight of shape \(3, 4\)"),
        (np.ones((3, 5, 2)), r"sample_weight of shape \(3, 5, 2\)"),
        ("abc", "sample_weight must be an array of numbers"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights: Any, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        gw.losses.MeanSquaredError(dtype="float64")(Y, P, weights)


def test_a_mask_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"The mask of the predictions of shape \(3, 4\)"):
        gw.losses.MeanSquaredError(dtype="float64")(Y, masked(P, MASK[:, :4]))


def test_reductions() -> None:
    for name in ("auto", "mean", "sum_over_batch_size"):
        np.testing.assert_allclose(gw.losses.MeanSquaredError(name, dtype="float64")(Y, P), ERRORS.mean(), rtol=1e-14)
    assert gw.losses.MeanSquaredError("auto").reduction == gw.losses.Reduction.SUM_OVER_BATCH_SIZE
    for none in ("none", None):
        assert gw.losses.MeanSquaredError(none)(Y, P).shape == (3, 5)
    with pytest.raises(ValueError, match=r"Unknown reduction 'summ': .* Did you mean 'sum'"):
        gw.losses.MeanSquaredError("summ")


def test_dtypes() -> None:
    """float32 whatever comes, unless the loss says otherwise; before Keras 3 float64 stays."""
    loss = gw.losses.MeanSquaredError()
    assert loss(Y, P).dtype == np.float32
    with meaning("tf2"):
        assert loss(Y, P).dtype == np.float64
    assert loss(Y, P.astype("float32")).dtype == np.float32
    assert loss(Y, P.astype("float16")).dtype == np.float32
    assert loss([[1, 2]], [[1, 2]]).dtype == np.float32
    assert gw.losses.MeanSquaredError(dtype="float64")(Y, P).dtype == np.float64
    assert gw.losses.MeanSquaredError(dtype="bfloat16")(Y, P).dtype.name == "bfloat16"
    assert float(loss([[1.0]], [[3.0]]).numpy()) == 4.0


def test_ids_keep_their_digits() -> None:
    """Keras 3 casts ids to float32, which cannot hold 2**24 + 1."""
    p = np.zeros((1, 2**24 + 2), "float16")
    p[0, -1] = 20
    loss = gw.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float16")
    assert loss(np.array([2**24 + 1]), p) < loss(np.array([2**24]), p)
