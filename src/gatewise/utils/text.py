"""Words as numbers, as Keras 1 and 2 did it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import numpy as np

from gatewise.arguments import one_of
from gatewise.base.typing import Config

FILTERS: Final = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def text_to_word_sequence(input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text.

    Args:
        input_text: a text.
        filters: characters that part words as `split` does.
        lower: whether to make it lower case.
        split: what stands between words.

    >>> text_to_word_sequence("To be, or not!")
    ['to', 'be', 'or', 'not']
    """
    text = input_text.lower() if lower else input_text
    return [word for word in text.translate(dict.fromkeys(map(ord, filters), split)).split(split) if word]


def hashing_trick(
    text: str,
    n: int,
    hash_function: Callable[[str], int] | str | None = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], Iterable[str]] | None = None,
) -> list[int]:
    """The words of a text as numbers from 1 to n - 1, by their hash; words may share one.

    Args:
        text, filters, lower, split: see `text_to_word_sequence`.
        n: one more than the largest number.
        hash_function: "md5" for numbers that stay; by default Python's `hash`, which is another in every process.
        analyzer: finds the words in place of `text_to_word_sequence`.

    >>> hashing_trick("to be or not to be", 10, "md5")
    [5, 3, 5, 3, 5, 3]
    """
    number = _md5 if hash_function == "md5" else hash if hash_function is None else hash_function
    if not callable(number):
        raise ValueError(f"hashing_trick: hash_function must be 'md5', a function or None, got {hash_function!r}.")
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    return [number(word) % (n - 1) + 1 for word in words]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


def one_hot(
    input_text: str, n: int, filters: str = FILTERS, lower: bool = True, split: str = " ", analyzer: Any = None
) -> list[int]:
    """`hashing_trick` with Python's `hash`.

    >>> len(one_hot("to be or not to be", 10))
    6
    """
    return hashing_trick(input_text, n, None, filters, lower, split, analyzer)


class Tokenizer:
    """Texts as sequences of numbers: 1 for the most frequent word, and so on. 0 is no word.

    Args:
        num_words: words with this number or more are left out; None for none. All are counted nevertheless.
        filters, lower, split: see `text_to_word_sequence`.
        char_level: whether characters are the words.
        oov_token: a word with the number 1 that stands for all unknown ones; None to leave those out.
        analyzer: finds the words in a text.
        document_count: texts counted before.

    Source: Keras's class of this name, whose JSON it reads and writes.

    >>> tokenizer = Tokenizer(oov_token="?")
    >>> tokenizer.fit_on_texts(["to be or not to be"])
    >>> tokenizer.texts_to_sequences(["not to see"])
    [[5, 2, 1]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[str], Iterable[str]] | None = None,
        document_count: int = 0,
        **kwargs: Any,
    ) -> None:
        num_words = kwargs.pop("nb_words", num_words)
        if kwargs:
            raise TypeError(f"Tokenizer has no argument {next(iter(kwargs))!r}.")
        self.num_words, self.filters, self.lower, self.split = num_words, filters, lower, split
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer
        self.document_count = document_count
        self.word_counts: dict[str, int] = OrderedDict()
        self.word_docs: dict[str, int] = {}
        self.index_docs: dict[int, int] = {}
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    # -- Learning ---------------------------------------------------------------------------------------------------

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Count the words of texts, or of lists of words, and number all words by how often they came."""
        for text in texts:
            self.document_count += 1
            words = list(self._words(text))
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in dict.fromkeys(words):
                self.word_docs[word] = self.word_docs.get(word, 0) + 1
        ordered = sorted(self.word_counts, key=lambda word: -self.word_counts[word])
        vocabulary = ordered if self.oov_token is None else [self.oov_token, *ordered]
        self.word_index = {word: number for number, word in enumerate(vocabulary, 1)}
        self.index_word = {number: word for word, number in self.word_index.items()}
        self.index_docs |= {self.word_index[word]: count for word, count in self.word_docs.items()}

    def fit_on_sequences(self, sequences: Iterable[Iterable[int]]) -> None:
        """Count in how many sequences each number is, for "tfidf"."""
        for sequence in sequences:
            self.document_count += 1
            for number in set(sequence):
                self.index_docs[number] = self.index_docs.get(number, 0) + 1

    def _words(self, text: Any) -> Iterable[str]:
        if isinstance(text, list):
            return [word.lower() if self.lower else word for word in text]
        if self.char_level:
            return str(text).lower() if self.lower else str(text)
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    # -- There and back ---------------------------------------------------------------------------------------------

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """The numbers of the words of each text."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """As `texts_to_sequences`, one after the other."""
        for text in texts:
            numbers = (self.word_index.get(word) for word in self._words(text))
            yield self._known(numbers)

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of each sequence, with spaces between."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """As `sequences_to_texts`, one after the other."""
        for sequence in sequences:
            numbers = (number if number in self.index_word else None for number in sequence)
            yield " ".join(self.index_word[number] for number in self._known(numbers))

    def _known(self, numbers: Iterable[int | None]) -> list[int]:
        """The numbers below `num_words`; in place of others that of `oov_token`, if there is one."""
        unknown = None if self.oov_token is None else self.word_index.get(self.oov_token)
        checked = (None if n is None or (self.num_words and n >= self.num_words) else n for n in numbers)
        return [n for n in (unknown if n is None else n for n in checked) if n is not None]

    # -- Matrices ---------------------------------------------------------------------------------------------------

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> np.ndarray:
        """`sequences_to_matrix` of `texts_to_sequences`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Any, mode: str = "binary") -> np.ndarray:
        """A row a sequence and a column a word.

        Args:
            sequences: N lists of numbers.
            mode: what stands there: "binary" for 1 where the word is; "count"; "freq", the count by the length;
                "tfidf", (1 + log count) log(1 + D / (1 + d)) for a word in d of D texts.

        Returns:
            float64 (N, num_words), or with one column more than words.

        Raises:
            ValueError: an unknown mode, or nothing known yet.
        """
        one_of("binary", "count", "freq", "tfidf")(mode)
        if not self.num_words and not self.word_index:
            raise ValueError("Tokenizer: give num_words, or call fit_on_texts first: nothing says how many words.")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("Tokenizer: 'tfidf' needs texts that were counted: call fit_on_texts first.")
        width = self.num_words or len(self.word_index) + 1
        matrix = np.zeros((len(sequences), width))
        for row, sequence in zip(matrix, sequences, strict=True):
            for number, count in Counter(n for n in sequence if n < width).items():
                row[number] = self._weight(number, count, len(sequence), mode)
        return matrix

    def _weight(self, number: int, count: int, length: int, mode: str) -> float:
        if mode == "tfidf":
            rarity = np.log(1 + self.document_count / (1 + self.index_docs.get(number, 0)))
            return float((1 + np.log(count)) * rarity)
        return {"binary": 1.0, "count": float(count), "freq": count / length}[mode]

    # -- Config -----------------------------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """The arguments but for `analyzer`, and what was counted, as JSON in strings, as Keras has it."""
        plain = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        return {name: getattr(self, name) for name in plain} | {
            name: json.dumps(getattr(self, name)) for name in (*_BY_WORD, *_BY_NUMBER)
        }

    def to_json(self, **kwargs: Any) -> str:
        """The class and the config; `kwargs` are `json.dumps`'s."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


_BY_WORD: Final = ("word_counts", "word_docs", "word_index")
_BY_NUMBER: Final = ("index_docs", "index_word")


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The tokenizer whose `to_json` this is, Keras's too.

    >>> tokenizer = Tokenizer(); tokenizer.fit_on_texts(["to be"])
    >>> tokenizer_from_json(tokenizer.to_json()).word_index
    {'to': 1, 'be': 2}
    """
    config = dict(json.loads(json_string)["config"])
    counted = {name: json.loads(config.pop(name)) for name in (*_BY_WORD, *_BY_NUMBER)}
    made = Tokenizer(**config)
    for name, value in counted.items():
        setattr(made, name, {int(key): each for key, each in value.items()} if name in _BY_NUMBER else value)
    return made
