"""`tf.keras.datasets.cifar10`: small pictures of ten kinds."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.utils import known_sets
from gatewise.utils.known_sets import Pair

__all__ = ["load_data"]


def load_data() -> tuple[Pair, Pair]:
    """((x, y), (x_test, y_test)): x uint8 (N, 32, 32, 3), y uint8 (N, 1)."""
    return known_sets.cifar([f"data_batch_{number}" for number in range(1, 6)]), known_sets.cifar(["test_batch"])


answer_for(__name__, "tf.keras.datasets.cifar10")
