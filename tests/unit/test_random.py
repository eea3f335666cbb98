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


def test_the_stream_of_the_process_goes_on_from_a_state():
    for seed in (7, 2**100 + 3):
        random.set_seed(seed)
        random.generator(None)
        state = random.stream_state()
        wanted = [random.generator(None).random() for _ in range(3)]
        random.set_seed(0)
        random.set_stream_state(state)
        assert [random.generator(None).random() for _ in range(3)] == wanted


def test_a_layers_stream_goes_on_from_a_state():
    seeds = random.SeedGenerator(3)
    seeds.uniform(np, (3,))  # float32: half of a 64-bit number is left over.
    state = seeds.state()
    wanted = seeds.uniform(np, (5,)).tolist()
    other = random.SeedGenerator(4)
    other.set_state(state)
    assert other.uniform(np, (5,)).tolist() == wanted
    beginning = random.SeedGenerator()
    random.set_seed(1)
    before = random.stream_state()
    other.set_state(beginning.state())
    other.set_state(state)
    assert random.stream_state().tolist() == before.tolist()  # No place of the process's stream is taken.
    assert other.uniform(np, (5,)).tolist() == wanted
    for wrong in (state[:2], state.astype("float64"), random.stream_state()):
        with pytest.raises(ValueError, match="The state of a random stream is uint64 numbers of shape"):
            other.set_state(wrong)
