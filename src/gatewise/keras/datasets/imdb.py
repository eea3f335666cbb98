"""`tf.keras.datasets.imdb`: reviews of films as numbers of words, and whether they are good."""

from __future__ import annotations

import numpy as np

from gatewise.base.absent import answer_for
from gatewise.utils import known_sets
from gatewise.utils.known_sets import Pair

__all__ = ["get_word_index", "load_data"]


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
    nb_words: int | None = None,
) -> tuple[Pair, Pair]:
    """((x, y), (x_test, y_test)): x lists of numbers (N,), y 1 for a good one (N,).

    Args:
        path: the file's name in the cache.
        num_words: numbers from this on are of rare words.
        skip_top: numbers below this are of words that are too frequent.
        maxlen: only reviews shorter than this.
        seed: of the order of reviews.
        start_char: what each begins with.
        oov_char: what stands for rare and too frequent words; None to leave them out.
        index_from: added to the numbers in the file.
        nb_words: Keras 1's `num_words`.
    """
    kept = known_sets.arrays(path, "imdb.npz")
    rng, parts = np.random.RandomState(seed), []
    for part in ("train", "test"):
        x, y = known_sets.mixed(rng, kept[f"x_{part}"], kept[f"y_{part}"])
        sequences = known_sets.shifted(x, start_char, index_from)
        parts.append(known_sets.short_ones(sequences, y, maxlen) if maxlen else (sequences, y))
    (train, y_train), (test, y_test) = parts
    every = known_sets.common_ones(train + test, num_words or nb_words, skip_top, oov_char)
    x_train, x_test = known_sets.of_lists(every[: len(train)]), known_sets.of_lists(every[len(train) :])
    return (x_train, y_train), (x_test, y_test)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """The numbers of the words, before `index_from` is added."""
    return known_sets.word_index(path, "imdb_word_index.json")


answer_for(__name__, "tf.keras.datasets.imdb")
