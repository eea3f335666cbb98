"""Text as the input of models: the layer in front of a network, in `fit` and in `predict`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise import layers
from gatewise.data import Dataset
from gatewise.random import set_seed

TEXTS = np.array(["the cat sat", "dogs bark, loudly!", "the dog", "a cat and a dog"])
Y = np.array([[1.0], [0.0], [1.0], [0.0]])


def vectorizer(**given: Any) -> layers.TextVectorization:
    made = layers.TextVectorization(**given)
    made.adapt(TEXTS)
    return made


def network(*start: Any) -> gw.Model:
    set_seed(2)
    after = [layers.Embedding(20, 4, mask_zero=True), layers.LSTM(3), layers.Dense(1)]
    made = gw.Sequential([*start, *after])
    made.compile("adam", "mse")
    return made


STARTS: dict[str, Callable[[], list[Any]]] = {
    "(B, 1)": lambda: [gw.Input((1,), dtype="string"), vectorizer()],
    "(B,)": lambda: [gw.Input((), dtype="string"), vectorizer()],
    "from data": lambda: [vectorizer()],
}


@pytest.mark.parametrize("start", STARTS)
def test_a_model_of_text_trains_as_one_of_its_numbers(start: str) -> None:
    ids = vectorizer()(TEXTS)
    a, b = network(*STARTS[start]()), network()
    assert a.predict(TEXTS).shape == b.predict(ids).shape  # Both are built.
    b.set_weights(a.get_weights())
    a.fit(TEXTS, Y, batch_size=4, epochs=3, shuffle=False, verbose=0)
    b.fit(ids, Y, batch_size=4, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_array_equal(a.predict(TEXTS), b.predict(ids))
    assert a.evaluate(TEXTS, Y, verbose=0) == b.evaluate(ids, Y, verbose=0)
    data = Dataset.from_tensor_slices((TEXTS, Y)).batch(4)
    np.testing.assert_array_equal(a.predict(data), b.predict(ids))
    assert a.train_on_batch(TEXTS, Y) == b.train_on_batch(ids, Y)


def test_text_and_numbers_side_by_side() -> None:
    text, number = gw.Input((1,), dtype="string"), gw.Input((2,))
    words = layers.GlobalAveragePooling1D()(layers.Embedding(20, 4)(vectorizer()(text)))
    model = gw.Model([text, number], layers.Dense(1)(layers.Concatenate()([words, number])))
    model.compile("sgd", "mse")
    model.fit([TEXTS, np.ones((4, 2))], Y, verbose=0)
    assert model.predict([TEXTS, np.ones((4, 2))]).shape == (4, 1)


def test_a_learned_vocabulary_stands_in_the_config() -> None:
    made = vectorizer(output_mode="tf_idf", ngrams=2)
    again = layers.TextVectorization.from_config(made.get_config())
    assert again.get_vocabulary() == made.get_vocabulary()
    np.testing.assert_array_equal(again(TEXTS), made(TEXTS))


def test_functions_of_ones_own() -> None:
    made = layers.TextVectorization(standardize=np.char.upper, split=lambda texts: [text.split("-") for text in texts])
    made.adapt(["a-b-b", "c-b"])
    assert made.get_vocabulary() == ["", "[UNK]", "B", "C", "A"]
    assert made(["b-x"]).tolist() == [[2, 1]]


@pytest.mark.parametrize(
    ("given", "words"),
    [({"ragged": True}, "dense arrays"), ({"sparse": True}, "dense arrays"), ({"output_mode": "inn"}, "output_mode"),
     ({"split": "words"}, "split"), ({"output_mode": "count", "output_sequence_length": 3}, "output_sequence_length"),
     ({"vocabulary": ["a", "a"]}, "twice"), ({"vocabulary": ["a", "b"], "max_tokens": 3}, "leaves room for 1")],
)  # fmt: skip
def test_what_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        layers.TextVectorization(**given)


def test_without_a_vocabulary_or_text_it_says_so() -> None:
    with pytest.raises(ValueError, match="no vocabulary: call adapt"):
        layers.TextVectorization()(["a"])
    with pytest.raises(ValueError, match="no texts"):
        layers.TextVectorization().adapt([])
    with pytest.raises(TypeError, match="must hold numbers, but came with dtype"):
        gw.Sequential([gw.Input((1,)), layers.Dense(1)]).predict(TEXTS)
