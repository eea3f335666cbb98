"""`tf.keras.datasets.mnist`: pictures of ten digits."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.utils import known_sets
from gatewise.utils.known_sets import Pair

__all__ = ["load_data"]


def load_data(path: str = "mnist.npz") -> tuple[Pair, Pair]:
    """((x, y), (x_test, y_test)): x uint8 (N, 28, 28), y uint8 (N,)."""
    kept = known_sets.arrays(path, "mnist.npz")
    return (kept["x_train"], kept["y_train"]), (kept["x_test"], kept["y_test"])


answer_for(__name__, "tf.keras.datasets.mnist")
