"""`tf.keras.datasets.reuters`: news as numbers of words, and their 46 topics."""

from __future__ import annotations

from typing import Final

import numpy as np

from gatewise.base.absent import answer_for
from gatewise.utils import known_sets
from gatewise.utils.known_sets import Pair

__all__ = ["get_label_names", "get_word_index", "load_data"]


LABELS: Final = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass "
    "crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi "
    "iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
)


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
    nb_words: int | None = None,
) -> tuple[Pair, Pair]:
    """((x, y), (x_test, y_test)): x lists of numbers (N,), y numbers of topics (N,).

    Args:
        test_split: the share that is kept for a test.
        path, num_words, skip_top, maxlen, seed, start_char, oov_char, index_from, nb_words: as for `imdb.load_data`.
    """
    kept = known_sets.arrays(path, "reuters.npz")
    x, labels = known_sets.mixed(np.random.RandomState(seed), kept["x"], kept["y"])
    # Keras adds nothing without a `start_char` and `index_from`.
    sequences = known_sets.shifted(x, start_char, index_from)
    if maxlen:
        sequences, labels = known_sets.short_ones(sequences, labels, maxlen)
    sequences = known_sets.common_ones(sequences, num_words or nb_words, skip_top, oov_char)
    stop = int(len(sequences) * (1 - test_split))
    train, test = known_sets.of_lists(sequences[:stop]), known_sets.of_lists(sequences[stop:])
    return (train, labels[:stop]), (test, labels[stop:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """The numbers of the words, before `index_from` is added."""
    return known_sets.word_index(path, "reuters_word_index.json")


def get_label_names() -> tuple[str, ...]:
    """The topics, by their numbers."""
    return tuple(LABELS.split())


answer_for(__name__, "tf.keras.datasets.reuters")
