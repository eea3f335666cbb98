"""Pairs of words that stand near each other, as word2vec is trained on."""

from __future__ import annotations

import random
from typing import Any

import numpy as np


def make_sampling_table(size: int, sampling_factor: float = 1e-05) -> np.ndarray:
    """The chance to keep the word of each rank, so that frequent ones do not prevail.

    A word of rank r has about the frequency 1 / (r (log r + 0.577) + 1/2 - 1 / 12r) (Zipf's law), and is kept with the
    chance min(1, sqrt(sampling_factor / frequency)). Source: Mikolov et al., 2013; Keras's function of this name.

    Returns:
        float64 (size,).

    >>> make_sampling_table(3).round(4).tolist()
    [0.0032, 0.0032, 0.0055]
    """
    rank = np.arange(size)
    rank[:1] = 1
    inverse = rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank)
    kept = sampling_factor * inverse
    return np.minimum(1.0, kept / np.sqrt(kept))


def skipgrams(
    sequence: Any,
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Pairs of a word and one near it, and of a word and one by chance.

    Args:
        sequence: numbers of words; 0 is no word.
        vocabulary_size: one more than the largest number.
        window_size: how far apart words are near.
        negative_samples: pairs by chance for each true one.
        shuffle: whether to mix the pairs.
        categorical: labels [0, 1] and [1, 0] in place of 1 and 0.
        sampling_table: see `make_sampling_table`.
        seed: of the mixing. All is drawn from Python's `random`, in Keras's order.

    Returns:
        The pairs, and a label for each: 1 for a true one.

    >>> skipgrams([1, 2], 3, negative_samples=0, shuffle=False)
    ([[1, 2], [2, 1]], [1, 1])
    """
    near, chance = ([0, 1], [1, 0]) if categorical else (1, 0)
    pairs = [
        [word, sequence[j]]
        for i, word in enumerate(sequence)
        if word and not (sampling_table is not None and sampling_table[word] < random.random())
        for j in range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        if j != i and sequence[j]
    ]
    labels: list[Any] = [near for _ in pairs]
    if negative_samples > 0:
        words = [word for word, _ in pairs]
        random.shuffle(words)
        more = int(len(labels) * negative_samples)
        pairs += [[words[k % len(words)], random.randint(1, vocabulary_size - 1)] for k in range(more)]
        labels += [chance] * more
    if shuffle:
        chosen = random.randint(0, 10_000_000) if seed is None else seed
        for each in (pairs, labels):
            random.seed(chosen)  # The same order for both.
            random.shuffle(each)
    return pairs, labels
