"""Layers that look words or whole numbers up in a vocabulary."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any, ClassVar, Final, cast

import numpy as np

from gatewise.arguments import Argument, flag, integer, one_of, optional, positive, text
from gatewise.base import release
from gatewise.base.arrays import NUMBER_KINDS, TEXT, as_array, as_text, dtype_of, is_array, namespace
from gatewise.base.fingerprints import fingerprint, keyed
from gatewise.base.typing import Array, Config, Shape
from gatewise.layer import Layer, registered
from gatewise.layers.category_encoding import WHY_WHOLE_SAMPLE, encoded, encoded_shape, no_sparse, output_mode
from gatewise.layers.each_number import OfEachNumber

_NOWHERE: Final = np.iinfo(np.int32).max
"""The number of a masked word where rows are given: it counts in no column."""
VOCABULARY: Final = "vocabulary.txt"
"""The file beside a layer's weights in which Keras 3 keeps a vocabulary that was learned."""


def _not_negative(value: Any) -> int:
    found = integer(value)
    if found < 0:
        raise ValueError(f"expected an integer of at least 0, got {value!r}.")
    return found


def _several(value: Any) -> int:
    found = positive(value)
    if found < 2:
        raise ValueError(f"expected an integer above 1, got {value!r}.")
    return found


def salt(**options: Any) -> Argument[Any, list[int] | None]:
    """The key of a hash that others cannot foresee: an integer, or two."""
    return Argument(default=None, parse=optional(_key), **options)


def _key(value: Any) -> list[int]:
    if isinstance(value, (list, tuple)):
        if len(value) != 2:
            raise ValueError(f"expected an integer or two, got {value!r}.")
        return [integer(part) for part in value]
    return [integer(value)] * 2


def bucket(word: bytes, buckets: int, key: list[int] | None) -> int:
    """The bucket of a word: the same on every machine, and as TensorFlow's."""
    return (fingerprint(word) if key is None else keyed(word, (key[0], key[1]))) % buckets


class HasVocabulary(Layer):
    """The base of layers with a vocabulary, which is no weight."""

    weighed_at: ClassVar[tuple[str, ...]] = ("vars",)
    """Where Keras 3's files hold what the words weigh, below the place of the layer."""
    _words = cast("list[Any] | None", None)  # Not annotated: it is no argument.
    _idf = cast("np.ndarray | None", None)

    @classmethod
    def modernized(cls, config: Config) -> Config:
        """The config, if it names no other file: one of a model is read alone.

        Raises:
            ValueError: a vocabulary that is the name of a file.
        """
        config = super().modernized(config)
        if isinstance(named := config.get("vocabulary"), (str, bytes)):
            raise ValueError(
                f"{cls.__name__} {config.get('name')!r} has its vocabulary in another file, {named!r}, which is not "
                f"read for a config: make the layer in your program, where {cls.__name__}(vocabulary=path) reads it."
            )
        return config

    def _width(self) -> int | None:
        raise TypeError(f"{type(self).__name__} must define `_width(self)`.")

    def words_weigh(self) -> np.ndarray | None:
        """What each number weighs for "tf_idf"; None in other modes."""
        if self._idf is None:
            return None
        weights = np.zeros(self._width() or len(self._idf), "float32")
        weights[: len(self._idf)] = self._idf
        return weights

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary."""
        raise TypeError(f"{type(self).__name__} must define `set_vocabulary(self, vocabulary, idf_weights)`.")

    def load_vocabulary(self, file: bytes, weights: Any) -> None:
        """Take the vocabulary that Keras keeps in a file beside the weights, where the config has none.

        Args:
            file: words, one a line, in UTF-8.
            weights: what each weighs, for "tf_idf".
        """
        if self._words is not None:
            return
        words = file.decode().splitlines()
        while words and not words[-1]:
            words.pop()
        self.set_vocabulary(words, weights)


class Lookup(HasVocabulary, OfEachNumber):
    """The base: what is in the vocabulary becomes its number there, or a row of numbers for all that is in it.

    Numbers go in this order: 0 for `mask_token`, where there is one and the output mode is "int"; one for each bucket
    of unknown words; the vocabulary.
    """

    max_tokens: Argument[Any, int | None] = Argument(default=None, parse=optional(_several))
    num_oov_indices: Argument[Any, int] = Argument(default=1, parse=_not_negative)
    mask_token: Argument[Any, Any] = Argument(default=None)
    oov_token: Argument[Any, Any] = Argument(default=None)
    vocabulary: Argument[Any, Any] = Argument(default=None, in_config=False)
    idf_weights: Argument[Any, Any] = Argument(default=None, in_config=False)
    invert: Argument[bool, bool] = flag(False, kw_only=True)
    output_mode: Argument[str, str] = output_mode("int", "int", "one_hot", "multi_hot", "count", "tf_idf")
    pad_to_max_tokens: Argument[bool, bool] = flag(False, kw_only=True)
    sparse: Argument[bool, bool] = no_sparse()
    oov_method: Argument[Any, str] = Argument(default="floormod", parse=one_of("floormod", "farmhash"), kw_only=True)
    salt: Argument[Any, list[int] | None] = salt(kw_only=True)

    autocast = False
    moves_axes = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.pop("has_input_vocabulary", None)
        expected = kwargs.pop("vocabulary_size", None)
        super().__init__(*args, **kwargs)
        self._release = release.current()
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise ValueError(f"{self.label}: pad_to_max_tokens=True needs max_tokens.")
        if self.invert and self.output_mode != "int":
            raise ValueError(f"{self.label}: invert=True is for output_mode='int', not {self.output_mode!r}.")
        self._words, self._idf = None, None
        self._expected_size: int | None = expected  # Of a vocabulary that a file holds beside the config.
        if self.vocabulary is not None:
            self.set_vocabulary(self.vocabulary, self.idf_weights)
        elif self.idf_weights is not None:
            raise ValueError(f"{self.label}: idf_weights go with a vocabulary, and none came.")

    # -- What each kind of word says ----------------------------------------------------------------------------------

    def _plain_word(self, word: Any) -> Any:
        """A word as the vocabulary lists it."""
        raise TypeError(f"{type(self).__name__} must define `_plain_word(self, word)`.")

    def _as_words(self, data: Any) -> Array:
        """An array of words."""
        raise TypeError(f"{type(self).__name__} must define `_as_words(self, data)`.")

    def _numbers_of(self, inputs: Array) -> tuple[Array, Array]:
        """The numbers of words, and where they are known."""
        raise TypeError(f"{type(self).__name__} must define `_numbers_of(self, inputs)`.")

    def _buckets_of(self, inputs: Array) -> Array:
        """The bucket of each unknown word."""
        raise TypeError(f"{type(self).__name__} must define `_buckets_of(self, inputs)`.")

    # -- The vocabulary -----------------------------------------------------------------------------------------------

    @property
    def _before(self) -> int:
        """How many numbers stand before the unknown words'."""
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _special(self) -> list[Any]:
        return [self.mask_token] * self._before + [self.oov_token] * self.num_oov_indices

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary in the order of its numbers, with or without what stands before it.

        Args:
            vocabulary: a list, an array, or the path of a file with one word a line.
            idf_weights: what each word weighs, for "tf_idf".

        Raises:
            ValueError: an empty one, words that come twice, more of them than `max_tokens`, or no weights for "tf_idf".
        """
        if isinstance(vocabulary, str):
            with open(vocabulary, encoding="utf-8") as file:
                vocabulary = file.read().splitlines()
        words = [self._plain_word(word) for word in np.asarray(vocabulary).tolist()]
        weights = None if idf_weights is None else np.asarray(idf_weights, "float32")
        if (self.output_mode == "tf_idf") != (weights is not None) or (
            weights is not None and weights.shape != (len(words),)
        ):
            raise ValueError(f"{self.label}: idf_weights are for output_mode='tf_idf' alone, which needs one a word.")
        special = self._special
        whole = bool(words) and words[: len(special)] == special
        listed = words[len(special) :] if whole else words
        self._check_words(listed)
        if weights is not None and not whole:  # Unknown words weigh as much as an average one.
            weights = np.concatenate([np.full(len(special), weights.mean(), "float32"), weights])
        self._words, self._idf = listed, weights
        self._changed()

    def _check_words(self, words: list[Any]) -> None:
        if not words:
            raise ValueError(f"{self.label}: the vocabulary is empty.")
        if twice := [word for word, count in Counter(words).items() if count > 1]:
            raise ValueError(f"{self.label}: {twice[0]!r} is in the vocabulary twice.")
        reserved = [self.mask_token, *([self.oov_token] if self.invert else [])]
        if wrong := [word for word in reserved if word is not None and word in words]:
            raise ValueError(
                f"{self.label}: {wrong[0]!r} is among the words, but stands for masked or unknown ones: leave it out, "
                f"or let the vocabulary begin with {self._special}."
            )
        room = None if self.max_tokens is None else self.max_tokens - len(self._special)
        if room is not None and len(words) > room:
            raise ValueError(
                f"{self.label}: the vocabulary has {len(words)} words, but max_tokens={self.max_tokens} leaves room "
                f"for {room}."
            )

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary: what is in the data, the most frequent first.

        Args:
            data: an array or a list, or what gives batches of them, such as a `Dataset`.
            batch_size: accepted.
            steps: so many batches.

        Raises:
            ValueError: no data.
        """
        gives_batches = not is_array(data) and not isinstance(data, (list, tuple, str))
        counts: Counter[Any] = Counter()
        samples: Counter[Any] = Counter()
        total = 0
        for batch in islice(iter(data), steps) if gives_batches else [data]:
            words = self._as_words(batch)
            rows = words.reshape(1, -1) if words.ndim < 2 else words.reshape(len(words), -1)
            for row in rows.tolist():
                plain = [self._plain_word(word) for word in row]
                total += 1
                counts.update(plain)
                samples.update(set(plain))
        for special in {self.mask_token, self.oov_token} - {None}:
            counts.pop(special, None)
        if not counts:
            raise ValueError(f"{self.label}: there is nothing to learn the vocabulary from.")
        ordered = sorted(counts, key=lambda word: (counts[word], self._rank(word)), reverse=True)
        if self.max_tokens is not None:
            ordered = ordered[: max(0, self.max_tokens - len(self._special))]
        rarity = [np.log(1 + total / (1 + samples[word])) for word in ordered]
        self.set_vocabulary(ordered, rarity if self.output_mode == "tf_idf" else None)

    @staticmethod
    def _rank(word: Any) -> Any:
        """By what words that are equally frequent are sorted."""
        return word.encode() if isinstance(word, str) else word

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The words in the order of their numbers."""
        return [*(self._special if include_special_tokens else ()), *(self._words or ())]

    def vocabulary_size(self) -> int:
        """How many numbers there are, with those for masked and unknown words."""
        return len(self.get_vocabulary())

    # -- The layer ----------------------------------------------------------------------------------------------------

    def build(self, input_shape: Shape) -> None:
        """Nothing: the vocabulary is no weight."""

    def _converted(self, inputs: Any) -> Any:
        if self.invert or (is_array(inputs) and getattr(inputs, "dtype", TEXT).kind in NUMBER_KINDS):
            return as_array(inputs, f"The input of {self.label}")
        return self._as_words(inputs)

    def call(self, inputs: Array) -> Array:
        """int64; for "tf_idf", and rows in TensorFlow 2's meaning, float32; inverted, words."""
        if self._words is None:
            raise ValueError(f"{self.label} has no vocabulary: call adapt(data) or set_vocabulary(words) first.")
        if self.invert:
            return self._inverted(inputs)
        xp = namespace(inputs)
        numbers, known = self._numbers_of(inputs)
        if self.num_oov_indices == 0:
            if xp is np and not known.all():
                raise ValueError(
                    f"{self.label}: {inputs[~known].flat[0]!r} is not in the vocabulary, and num_oov_indices=0 leaves "
                    "no number for unknown words."
                )
        elif self.num_oov_indices == 1:
            numbers = xp.where(known, numbers, xp.full_like(numbers, self._before))
        else:
            numbers = xp.where(known, numbers, self._before + self._buckets_of(inputs))
        return self._rows_of(xp, numbers)

    def _rows_of(self, xp: Any, numbers: Array) -> Array:
        if self.output_mode != "tf_idf":
            return encoded(numbers, self.output_mode, self._width() or 0, self._output_dtype(numbers))
        counts = encoded(numbers, "count", self._width() or 0, "float32")
        return counts * xp.asarray(self.words_weigh())

    def _width(self) -> int | None:
        if self.pad_to_max_tokens:
            return self.max_tokens
        return self._expected_size if self._words is None else self.vocabulary_size()

    def _inverted(self, inputs: Array) -> Array:
        words = self.get_vocabulary()
        table = [*words[: self._before], *[self.oov_token] * self.num_oov_indices, *(self._words or ()), self.oov_token]
        listed = self._table(table)
        xp = namespace(inputs)
        outside = (inputs < 0) | (inputs >= len(words))
        return xp.take(xp.asarray(listed), xp.where(outside, len(words), inputs))

    def _table(self, words: list[Any]) -> np.ndarray:
        return np.array(words, "int64")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """That of the input, or of rows as in `CategoryEncoding`."""
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return encoded_shape(tuple(input_shape), mode, self._width())

    def _output_dtype(self, inputs: Any) -> str:
        whole = self.output_mode != "tf_idf" and (self.output_mode == "int" or self._release == "keras3")
        return "int64" if whole else "float32"

    def get_config(self) -> Config:
        """The arguments; the vocabulary is in it, whether given or learned."""
        said: Config = {"vocabulary": self._words, "vocabulary_size": self._width()}
        said["idf_weights"] = None if self._idf is None else self._idf[len(self._special) :].tolist()
        return {**super().get_config(), **said}


@registered.register("StringLookup")
class StringLookup(Lookup):
    """Words as their numbers in a vocabulary, or as rows of numbers for all words; inverted, numbers as words.

    The vocabulary is given, or learned by `adapt`. It is no weight: it stands in the config.

    Args:
        max_tokens: how many numbers there are at most, with those for masked and unknown words; None for no limit.
        num_oov_indices: how many numbers are for unknown words, over which a hash spreads them; with 0 they are
            refused.
        mask_token: the word that means "nothing here", with the number 0; None for none.
        oov_token: what an unknown word is called.
        vocabulary: a list of words, or the path of a file with one a line.
        idf_weights: of the words in `vocabulary`, for "tf_idf".
        invert: whether numbers come, and words are given.
        output_mode: "int"; or "one_hot", "multi_hot" or "count" as in `CategoryEncoding`; or "tf_idf", counts times
            log(1 + N / (1 + n)) for a word that is in n of N samples.
        pad_to_max_tokens: whether rows are `max_tokens` wide even where there are fewer words.
        sparse: accepted as False.
        encoding: accepted as "utf-8".
        salt: one or two integers that make the hash one that others cannot foresee.
        **kwargs: see `Layer`.

    Raises:
        ValueError: a call without a vocabulary, or an unknown word with num_oov_indices=0.

    Source: Keras's layer; the hash is TensorFlow's.

    >>> look_up = StringLookup(vocabulary=["a", "b"])
    >>> look_up([["b", "z"]]).tolist(), StringLookup(vocabulary=["a", "b"], invert=True)([[2, 0]]).tolist()
    ([[2, 0]], [[b'b', b'[UNK]']])
    """

    mask_token: Argument[Any, str | None] = Argument(default=None, parse=optional(text))
    oov_token: Argument[Any, str | None] = Argument(default="[UNK]", parse=optional(text))
    encoding: Argument[Any, str] = Argument(default="utf-8", parse=one_of("utf-8"), kw_only=True)

    why_whole_sequence = "reads text, and a stream takes numbers"

    @property
    def reads_text(self) -> bool:  # type: ignore[override]
        """Words come, but where the layer is inverted."""
        return not self.invert

    def _plain_word(self, word: Any) -> str:
        return text(word)

    def _as_words(self, data: Any) -> np.ndarray:
        try:
            return as_text(np.asarray(data.to_numpy() if hasattr(data, "to_numpy") else data))
        except TypeError as error:
            raise TypeError(f"{self.label} reads text: {error}") from None

    def call(self, inputs: Array) -> Array:
        """int64; for "tf_idf" float32; inverted, an array of `bytes`."""
        if not self.invert and inputs.dtype.kind in NUMBER_KINDS:
            return inputs  # It was read before: see `training.data.reading`.
        return super().call(inputs)

    def _numbers_of(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first = len(self._special)
        known = {word.encode(): number for number, word in enumerate(self._words or (), first)}
        if self.mask_token is not None:
            known[self.mask_token.encode()] = 0 if self._before else _NOWHERE
        numbers = np.array([known.get(word, -1) for word in inputs.flat], "int64").reshape(inputs.shape)
        return numbers, numbers >= 0

    def _buckets_of(self, inputs: np.ndarray) -> np.ndarray:
        found = [bucket(word, self.num_oov_indices, self.salt) for word in inputs.flat]
        return np.array(found, "int64").reshape(inputs.shape)

    def _table(self, words: list[Any]) -> np.ndarray:
        table = np.empty(len(words), TEXT)
        table[:] = [(word or "").encode() for word in words]
        return table


@registered.register("IntegerLookup")
class IntegerLookup(Lookup):
    """Whole numbers as their places in a vocabulary, or as rows for all of it; inverted, places as the numbers.

    Args:
        mask_token, oov_token: as in `StringLookup`, whole numbers: None and -1.
        vocabulary_dtype: accepted as "int64".
        oov_method: "floormod": an unknown number's remainder says which of several numbers for unknown ones it gets;
            "farmhash": the hash of its digits does.
        **kwargs: all else as in `StringLookup`.

    >>> IntegerLookup(vocabulary=[12, 36])([[36, 12, 5]]).tolist()
    [[2, 1, 0]]
    """

    mask_token: Argument[Any, int | None] = Argument(default=None, parse=optional(integer))
    oov_token: Argument[Any, int | None] = Argument(default=-1, parse=optional(integer))
    vocabulary_dtype: Argument[Any, str] = Argument(default="int64", parse=one_of("int64"), kw_only=True)

    why_whole_sequence = WHY_WHOLE_SAMPLE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.salt is not None and self.oov_method != "farmhash":
            raise ValueError(f"{self.label}: salt is for oov_method='farmhash', not {self.oov_method!r}.")

    def _plain_word(self, word: Any) -> int:
        return int(word) if isinstance(word, (str, bytes)) else integer(word)

    def _as_words(self, data: Any) -> Array:
        return self._whole(as_array(data, f"The input of {self.label}"))

    def _converted(self, inputs: Any) -> Any:
        return self._as_words(inputs)

    def _whole(self, array: Array) -> Array:
        return array if array.dtype.kind in "iu" else namespace(array).astype(array, dtype_of(array, "int64"))

    def _numbers_of(self, inputs: Array) -> tuple[Array, Array]:
        xp = namespace(inputs)
        listed = {word: number for number, word in enumerate(self._words or (), len(self._special))}
        if self.mask_token is not None:
            listed[self.mask_token] = 0 if self._before else _NOWHERE
        words = np.array(sorted(listed), inputs.dtype.name)
        numbers = xp.asarray(np.array([listed[int(word)] for word in words], "int64"))
        place = xp.clip(xp.searchsorted(xp.asarray(words), inputs), 0, len(words) - 1)
        known = xp.take(xp.asarray(words), place) == inputs
        return xp.where(known, xp.take(numbers, place), -1), known

    def _buckets_of(self, inputs: Array) -> Array:
        if self.oov_method == "floormod":
            return inputs % self.num_oov_indices
        found = [bucket(str(int(word)).encode(), self.num_oov_indices, self.salt) for word in np.asarray(inputs).flat]
        return np.array(found, "int64").reshape(inputs.shape)
