"""The layer that turns text into numbers of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

import numpy as np

from gatewise.arguments import one_of
from gatewise.base.arrays import NUMBER_KINDS, as_text, is_array
from gatewise.base.registry import get_registered_name, get_registered_object
from gatewise.base.typing import Array, Config, Shape
from gatewise.layer import registered
from gatewise.layers.lookup import HasVocabulary

_PUNCTUATION: Final = b"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
_UNKNOWN: Final = "[UNK]"
_STANDARDIZE: Final = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_MODES: Final = {"binary": "multi_hot", "tf-idf": "tf_idf"}
"""Older names of output modes."""

Text = Callable[[Any], Any]


@registered.register("TextVectorization")
class TextVectorization(HasVocabulary):
    """Text (B,) or (B, 1) as numbers of words (B, T), or as a row of numbers for all words (B, V).

    The vocabulary is given, or learned by `adapt`. It is no weight: it stands in the config.

    Args:
        max_tokens: V at most, with the numbers for padding and for unknown words; None for no limit.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation", None, or a function of an array of
            text that returns one. ASCII letters alone are made lower case.
        split: "whitespace", "character", None for whole texts, or a function of an array of text (B,) that returns a
            list of words for each.
        ngrams: words in a run that also counts as one: 2 for words and pairs, (2,) for pairs alone.
        output_mode: "int", numbers of words: 0 is padding and 1 an unknown word; "multi_hot", 1 for the words that
            are there; "count"; "tf_idf", the count times log(1 + N / (1 + n)) for a word in n of N texts. In these
            column 0 is for unknown words.
        output_sequence_length: T; None for that of the longest text of a batch.
        pad_to_max_tokens: whether V is `max_tokens` even where there are fewer words.
        vocabulary: a list of words, or the path of a file with one a line.
        idf_weights: of the words in `vocabulary`, for "tf_idf".
        sparse, ragged: accepted as False: there are dense arrays only.
        encoding: accepted as "utf-8".
        **kwargs: see `Layer`.

    Raises:
        ValueError: an argument that is not known, or a call without a vocabulary.

    As the first layer of a model it reads what `predict`, `fit` and `evaluate` are given. Source: Keras 3's layer.

    >>> vectorize = TextVectorization(output_sequence_length=4)
    >>> vectorize.adapt(["To be, or not to be.", "To see."])
    >>> vectorize.get_vocabulary()[:4], vectorize(["to see or be seen"]).tolist()
    (['', '[UNK]', 'to', 'be'], [[2, 4, 5, 3]])
    """

    weighed_at = ("vars", "_lookup_layer/vars")
    autocast = False
    reads_text = True
    why_whole_sequence = "reads whole texts, and a stream takes numbers"

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Text | None = "lower_and_strip_punctuation",
        split: str | Text | None = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        **kwargs: Any,
    ) -> None:
        kwargs.pop("has_input_vocabulary", None)
        self._expected_size: int | None = kwargs.pop("vocabulary_size", None)  # Of a vocabulary beside the config.
        super().__init__(**kwargs)
        self.max_tokens = max_tokens
        self.standardize = self._choice("standardize", standardize, _STANDARDIZE)
        self.split = self._choice("split", split, ("whitespace", "character"))
        self.ngrams = tuple(ngrams) if isinstance(ngrams, list) else ngrams
        self.output_mode = self._one_of("output_mode", _MODES.get(output_mode, output_mode), "int", *_ROWS)
        self.output_sequence_length = output_sequence_length
        self.pad_to_max_tokens = pad_to_max_tokens
        for name, given, wanted in (
            ("sparse", sparse, False),
            ("ragged", ragged, False),
            ("encoding", encoding, "utf-8"),
        ):
            if given != wanted:
                raise ValueError(
                    f"{self.label}: {name}={given!r} is not supported: Gatewise gives dense arrays, padded with 0, and "
                    "reads UTF-8."
                )
        if self.output_mode != "int" and output_sequence_length is not None:
            raise ValueError(f"{self.label}: output_sequence_length is for output_mode='int', not {output_mode!r}.")
        self._words, self._idf = None, None
        self._numbers: dict[bytes, int] = {}
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    def _one_of(self, name: str, value: Any, *choices: str) -> str:
        try:
            return str(one_of(*choices)(value))
        except ValueError as error:
            raise ValueError(f"{self.label}: {name}: {error}") from None

    def _choice(self, name: str, value: Any, choices: tuple[str, ...]) -> Any:
        return value if value is None or callable(value) else self._one_of(name, value, *choices)

    # -- The vocabulary ---------------------------------------------------------------------------------------------

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary: the words of the data, the most frequent first.

        Args:
            data: texts, an array of them, or what gives batches of them, such as a `Dataset`.
            batch_size: accepted.
            steps: so many batches.
        """
        gives_batches = not is_array(data) and not isinstance(data, (list, tuple, str))
        batches = islice(iter(data), steps) if gives_batches else [data]
        counts: Counter[bytes] = Counter()
        texts: Counter[bytes] = Counter()
        total = 0
        for batch in batches:
            for words in self._split_up(self._as_text(batch)):
                total += 1
                counts.update(words)
                texts.update(set(words))
        if not total:
            raise ValueError(f"{self.label}: there are no texts to learn the vocabulary from.")
        for special in (b"", _UNKNOWN.encode()):
            counts.pop(special, None)
        ordered = sorted(counts, key=lambda word: (counts[word], word), reverse=True)
        if self.max_tokens is not None:
            ordered = ordered[: max(0, self.max_tokens - len(self._special()))]
        rarity = [float(np.log(1 + total / (1 + texts[word]))) for word in ordered]
        self._take([word.decode() for word in ordered], rarity if self.output_mode == "tf_idf" else None)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary: words in the order of their numbers, with or without those for padding and unknown words.

        Raises:
            ValueError: more words than `max_tokens`, words that come twice, or no `idf_weights` for "tf_idf".
        """
        if isinstance(vocabulary, str):
            with open(vocabulary, encoding="utf-8") as file:
                vocabulary = file.read().splitlines()
        words = [word.decode() if isinstance(word, bytes) else str(word) for word in vocabulary]
        weights = None if idf_weights is None else [float(weight) for weight in idf_weights]
        special = self._special()
        if words[: len(special)] == special:
            words = words[len(special) :]
            weights = weights if weights is None or len(weights) == len(words) else weights[len(special) :]
        twice = [word for word, count in Counter([*special, *words]).items() if count > 1]
        if twice:
            raise ValueError(f"{self.label}: the word {twice[0]!r} is in the vocabulary twice.")
        if self.max_tokens is not None and len(words) + len(special) > self.max_tokens:
            raise ValueError(
                f"{self.label}: the vocabulary has {len(words)} words, but max_tokens={self.max_tokens} leaves room "
                f"for {self.max_tokens - len(special)}."
            )
        if (self.output_mode == "tf_idf") != (weights is not None) or (weights and len(weights) != len(words)):
            raise ValueError(f"{self.label}: idf_weights are for output_mode='tf_idf' alone, which needs one a word.")
        self._take(words, weights)

    def _take(self, words: list[str], weights: list[float] | None) -> None:
        self._words = words
        self._numbers = {word.encode(): number for number, word in enumerate(words, len(self._special()))}
        if weights is not None:  # An unknown word counts as an average one.
            self._idf = np.array([np.mean(weights) if weights else 0.0, *weights], "float32")

    def _special(self) -> list[str]:
        return ["", _UNKNOWN] if self.output_mode == "int" else [_UNKNOWN]

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The words in the order of their numbers."""
        return [*(self._special() if include_special_tokens else ()), *(self._words or ())]

    def vocabulary_size(self) -> int:
        """The number of words, with those for padding and unknown words."""
        return len(self.get_vocabulary())

    # -- Text -------------------------------------------------------------------------------------------------------

    def _converted(self, inputs: Any) -> Any:
        if is_array(inputs) and getattr(inputs, "dtype", np.dtype(object)).kind in NUMBER_KINDS:
            return inputs  # It was read before: see `training.data.reading`.
        return self._as_text(inputs)

    def _as_text(self, data: Any) -> np.ndarray:
        try:
            return as_text(np.asarray(data.to_numpy() if hasattr(data, "to_numpy") else data))
        except TypeError as error:
            raise TypeError(f"{self.label} reads text: {error}") from None

    def _split_up(self, texts: np.ndarray) -> Iterator[list[bytes]]:
        """The words of each text."""
        if callable(self.standardize):
            decoded = np.array([text.decode() for text in texts.ravel()], str).reshape(texts.shape)
            texts = self._as_text(self.standardize(decoded))
        if self.split is not None or texts.ndim < 2:
            if texts.ndim > 1 and texts.shape[-1] != 1:
                raise ValueError(f"{self.label}: texts must come as (B,) or (B, 1), but {texts.shape} came.")
            texts = texts.reshape(-1, 1)
        rows = texts.reshape(len(texts), -1) if texts.size else texts
        standard = [[_standard(text, self.standardize) for text in row] for row in rows]
        for words in self._words_of(standard):
            yield list(words) if self.ngrams is None else list(_runs(list(words), self.ngrams))

    def _words_of(self, rows: list[list[bytes]]) -> Iterable[Iterable[bytes]]:
        if self.split is None:
            return rows
        texts = [row[0] for row in rows]
        if callable(self.split):
            given = self.split(np.array([text.decode() for text in texts], str))
            return ([w if isinstance(w, bytes) else str(w).encode() for w in words] for words in given)
        if self.split == "character":
            return ([letter.encode() for letter in text.decode()] for text in texts)
        return (text.split() for text in texts)

    # -- The layer --------------------------------------------------------------------------------------------------

    def build(self, input_shape: Shape) -> None:
        """Nothing: the vocabulary is no weight."""

    def call(self, inputs: Array) -> Array:
        """int64; for "tf_idf" float32."""
        if inputs.dtype.kind in NUMBER_KINDS:
            return inputs
        if self._words is None:
            raise ValueError(f"{self.label} has no vocabulary: call adapt(texts) or set_vocabulary(words) first.")
        numbers = [[self._number(word) for word in words] for words in self._split_up(inputs)]
        made = self._padded(numbers, inputs) if self.output_mode == "int" else self._rows(numbers)
        return made[0] if inputs.ndim == 0 else made

    def _number(self, word: bytes) -> int:
        if not word and self.output_mode == "int":
            return 0
        return self._numbers.get(word, len(self._special()) - 1)

    def _padded(self, numbers: list[list[int]], inputs: np.ndarray) -> np.ndarray:
        if self.split is None and self.ngrams is None and self.output_sequence_length is None:
            return np.array(numbers, "int64").reshape(inputs.shape or (1,))
        length = self.output_sequence_length
        length = max(map(len, numbers), default=0) if length is None else length
        whole = np.zeros((len(numbers), length), "int64")
        for row, words in zip(whole, numbers, strict=True):
            kept = words[:length]
            row[: len(kept)] = kept
        return whole

    def _rows(self, numbers: list[list[int]]) -> np.ndarray:
        counts = np.zeros((len(numbers), self._width()), "int64")
        for row, words in zip(counts, numbers, strict=True):
            np.add.at(row, words, 1)
        if self._idf is not None:
            weights = np.zeros(counts.shape[1], "float32")
            weights[: len(self._idf)] = self._idf
            return counts.astype("float32") * weights
        return np.minimum(counts, 1) if self.output_mode == "multi_hot" else counts

    def _width(self) -> int:
        if self.pad_to_max_tokens and self.max_tokens:
            return self.max_tokens
        return self.vocabulary_size() if self._words is not None else self._expected_size or self.vocabulary_size()

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, T), or (B, V), which Keras says for (B, 1) as (B, 1, V)."""
        if self.output_mode != "int":
            return (input_shape[0], self._width())
        if self.split is None and self.ngrams is None and self.output_sequence_length is None:
            return input_shape
        return (input_shape[0], self.output_sequence_length)

    def _output_dtype(self, inputs: Any) -> str:
        return "int64" if self.output_mode == "int" else "float32"

    # -- Config -----------------------------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """The arguments; the vocabulary is in it, whether given or learned."""
        plain = ("max_tokens", "ngrams", "output_mode", "output_sequence_length", "pad_to_max_tokens")
        said: Config = {name: getattr(self, name) for name in plain}
        said |= {"standardize": _said(self.standardize), "split": _said(self.split), "vocabulary": self._words}
        said["idf_weights"] = None if self._idf is None else self._idf[1:].tolist()
        said |= {"sparse": False, "ragged": False, "encoding": "utf-8", "vocabulary_size": self.vocabulary_size()}
        return {**super().get_config(), **said}

    @classmethod
    def from_config(cls, config: Config) -> TextVectorization:
        """The layer that `get_config`, or Keras's, described; its functions have to be registered."""
        named: Config = {name: _meant(config.get(name)) for name in ("standardize", "split") if name in config}
        arguments: dict[str, Any] = {**cls.modernized(dict(config)), **named}
        return cls(**arguments)


_ROWS: Final = ("multi_hot", "count", "tf_idf")


def _standard(text: bytes, how: Any) -> bytes:
    if how in ("lower", "lower_and_strip_punctuation"):
        text = text.lower()
    return text.translate(None, _PUNCTUATION) if how in ("strip_punctuation", "lower_and_strip_punctuation") else text


def _runs(words: list[bytes], widths: int | tuple[int, ...]) -> Iterator[bytes]:
    """Runs of words, of each width in turn."""
    for width in range(1, widths + 1) if isinstance(widths, int) else widths:
        for start in range(len(words) - width + 1):
            yield b" ".join(words[start : start + width])


def _said(value: Any) -> Any:
    """A choice in a config: its name, or that of a function."""
    if not callable(value):
        return value
    return {"module": "builtins", "class_name": "function", "config": get_registered_name(value),
            "registered_name": "function"}  # fmt: skip


def _meant(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    found = get_registered_object(str(value.get("config")))
    if found is None:
        raise ValueError(
            f"TextVectorization: the function {value.get('config')!r} is not known here: pass it in custom_objects, or "
            "register it with keras.saving.register_keras_serializable."
        )
    return found
