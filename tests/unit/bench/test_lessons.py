"""What the benchmarks of training hold every system against."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import cases, lessons
from benchmarks.cases import LOSS_TOLERANCE, Case, inputs, lengths, mask, weights
from benchmarks.lessons import Parameters, gradients, head, loss, targets

SMALL = [Case(kind, cell, 3, 5, 2, 4) for kind in ("train", "epoch", "unequal") for cell in ("lstm", "gru")]


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr(cases, "WINDOWS", 6)
    monkeypatch.setattr(cases, "SEQUENCES", 6)


def start(case):
    weight = weights(case)
    given = (weight.kernel, weight.recurrent_kernel, np.atleast_2d(weight.bias), *head(case))
    parameters = Parameters(*(np.asarray(each, np.float64) for each in given))
    x, y = (array.astype(np.float64) for array in (inputs(case), targets(case)))
    return parameters, x, y, mask(case)


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_the_gradients_are_those_of_the_loss(case):
    parameters, *data = start(case)
    found = gradients(case, parameters, *data)
    random, step = np.random.default_rng(0), 1e-5
    for name, value in vars(parameters).items():
        direction = random.standard_normal(value.shape)
        ends = [loss(case, replace(parameters, **{name: value + sign * step * direction}), *data) for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step)
        # The third derivative is of the size of 1, so that the slope is wrong by about step ** 2.
        assert slope == pytest.approx((vars(found)[name] * direction).sum(), abs=1e-9), name


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_outputs_are_those_of_inference(case):
    parameters, x, y, real = start(case)
    if case.kind == "train":
        off = cases.expected(replace(case, kind="forward")) - y
        # Inputs are drawn alike for both kinds.
        assert loss(case, parameters, x, y, real) == pytest.approx(float((off**2).mean()), rel=1e-12)
    else:
        assert loss(case, parameters, x, y, real) > 0


def test_a_step_that_does_not_count_changes_nothing():
    case = SMALL[4]
    parameters, x, y, real = start(case)
    assert not real.all()
    noisy = np.where(real[:, :, None], x, 7.0)
    assert loss(case, parameters, x, y, real) == loss(case, parameters, noisy, y, real)


@pytest.mark.parametrize("case", cases.training_cases(), ids=lambda case: case.name)
def test_the_second_loss_tells_of_the_gradients(case):
    """At smaller batches, for the test's sake: the means are over fewer numbers, and of the same size."""
    before, after = lessons.expected_losses(replace(case, batch=min(case.batch, 2), time=10))
    assert before - after > 100 * LOSS_TOLERANCE


def test_training_makes_each_product_three_times():
    forward, train = (Case(kind, "gru", 32, 100, 256, 512) for kind in ("forward", "train"))
    assert train.operations() == 3 * forward.operations()
    assert forward.operations() == 2 * 32 * 100 * (256 + 512) * 3 * 512


def test_an_epoch_counts_the_steps_that_are_real():
    case = SMALL[4]
    steps = int(lengths(case).sum())
    assert case.operations() == 3 * steps * 2 * (2 + 4) * 4 * 4
    assert inputs(case)[~mask(case)].any() == np.False_


def test_the_first_batch_of_unequal_lengths_stays_one():
    from gatewise.training.data.sequences import rounded_up

    case = Case("unequal", "lstm", *cases.UNEQUAL_SHAPE)
    cases.SEQUENCES = 1000
    counts = lengths(case)
    assert len({rounded_up(int(count)) for count in counts[: case.batch]}) == 1
    assert len(set(counts[: case.batch])) > 1
    assert (counts.min(), counts.max()) == (1, case.time)
