"""ScheduleFreeAdamW: where the weights stand, by the paper's definition."""

from __future__ import annotations

import numpy as np
import pytest

import gatewise as gw
from gatewise.optimizers import ScheduleFreeAdamW


@pytest.mark.parametrize("warmup", [0, 4])
def test_weights_stand_between_z_and_the_mean_of_all_z(warmup: int) -> None:
    """Which is no recursion, where the optimizer has one. 16 operations a step that round once, in float64."""
    rng = np.random.default_rng(5)
    weight = gw.Variable(rng.normal(size=(3, 2)), name="kernel")
    optimizer = ScheduleFreeAdamW(0.1, beta_1=0.7, warmup_steps=warmup)
    optimizer.build([weight])
    (z,) = [variable for variable in optimizer.variables if "momentum" in variable.path]
    np.testing.assert_array_equal(z.numpy(), weight.numpy())
    begin, seen, sizes = z.numpy(), [], []
    for _ in range(6):
        optimizer.apply([rng.normal(size=(3, 2))], [weight])
        sizes.append(np.abs(z.numpy() - (seen or [begin])[-1]).max())
        seen.append(z.numpy())
        wanted = 0.3 * seen[-1] + 0.7 * np.mean(seen, axis=0)
        np.testing.assert_allclose(weight.numpy(), wanted, rtol=0, atol=6 * 16 * 2.0**-52)
    # The first step is of the rate's size, as Adam's is; under warm-up of its share.
    np.testing.assert_allclose(sizes[0], 0.1 / (warmup or 1), rtol=1e-6)
