"""Seeds and streams of random numbers."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise import random
from gatewise.random import SeedGenerator


def test_the_process_wide_stream_repeats_with_its_seed() -> None:
    def made() -> list[Any]:
        random.set_seed(5)
        layer = gw.layers.LSTM(3, dropout=0.5)
        y = layer(np.ones((2, 4, 3)), training=True)
        return [*layer.get_weights(), y]

    for one, other in zip(made(), made(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert random.generator(None).random() != random.generator(None).random()
    assert random.generator(3).random() == random.generator(3).random()


@pytest.mark.parametrize("seed", [-1, 2.5, "a", True, None])
def test_seeds_that_are_none(seed: Any) -> None:
    with pytest.raises(ValueError, match="non-negative integer"):
        random.set_seed(seed)


def test_kept_numbers_are_scaled_and_the_rest_zero() -> None:
    mask = SeedGenerator(0).keep(np, (500, 400), 0.2, np.float32)
    assert mask.dtype == np.float32
    assert set(np.unique(mask)) == {0, np.float32(1 / 0.8)}
    assert abs((mask == 0).mean() - 0.2) < 6 * np.sqrt(0.2 * 0.8 / mask.size)


def test_a_stream_is_safe_to_share_between_threads() -> None:
    seeds = SeedGenerator(0)
    drawn: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: drawn.append(seeds.uniform(np, (1000,)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = SeedGenerator(0)
    wanted = sorted(tuple(alone.uniform(np, (1000,))) for _ in range(8))
    assert sorted(map(tuple, drawn)) == wanted
