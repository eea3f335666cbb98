"""`tf.keras.preprocessing.sequence`: see `gatewise.utils`."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.utils import TimeseriesGenerator, make_sampling_table, pad_sequences, skipgrams

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]
answer_for(__name__, "tf.keras.preprocessing.sequence")
