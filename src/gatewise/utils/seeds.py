"""One seed for all random numbers of a program."""

from __future__ import annotations

import random

import numpy as np

from gatewise.random import set_seed


def set_random_seed(seed: int) -> None:
    """Seed Gatewise, NumPy's global generator and Python's `random`: the same program then gives the same numbers.

    Args:
        seed: a non-negative integer.

    Raises:
        ValueError: anything else.

    >>> set_random_seed(7); first = np.random.rand()
    >>> set_random_seed(7); bool(first == np.random.rand())
    True
    """
    set_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
