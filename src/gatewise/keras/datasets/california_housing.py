"""`tf.keras.datasets.california_housing`: prices of houses, and 8 numbers about each."""

from __future__ import annotations

from gatewise.arguments import one_of
from gatewise.base.absent import answer_for
from gatewise.utils import known_sets
from gatewise.utils.known_sets import Pair

__all__ = ["load_data"]


def load_data(
    version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Pair, Pair]:
    """((x, y), (x_test, y_test)): x (N, 8), y (N,), in an order drawn from `seed`; "small" has 600 rows."""
    rows = {"large": None, "small": 600}[one_of("large", "small")(version)]
    return known_sets.table(path, "california_housing.npz", test_split, seed, rows)


answer_for(__name__, "tf.keras.datasets.california_housing")
