"""`tf.keras.datasets.boston_housing`: prices of houses, and 13 numbers about each."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.utils import known_sets
from gatewise.utils.known_sets import Pair

__all__ = ["load_data"]


def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> tuple[Pair, Pair]:
    """((x, y), (x_test, y_test)): x float64 (N, 13), y (N,), in an order drawn from `seed`."""
    return known_sets.table(path, "boston_housing.npz", test_split, seed)


answer_for(__name__, "tf.keras.datasets.boston_housing")
