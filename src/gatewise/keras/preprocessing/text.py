"""`tf.keras.preprocessing.text`: see `gatewise.utils`."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.utils import Tokenizer, hashing_trick, one_hot, text_to_word_sequence, tokenizer_from_json

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]
answer_for(__name__, "tf.keras.preprocessing.text")
