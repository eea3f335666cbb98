"""`tf.keras.preprocessing.sequence`: see `gatewise.utils`."""

from __future__ import annotations

from gatewise.base.absent import absent
from gatewise.utils import TimeseriesGenerator, make_sampling_table, pad_sequences, skipgrams

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]
__getattr__ = absent(__name__, "tf.keras.preprocessing.sequence")
