"""`tf.keras.preprocessing`: the parts that sequences and text need."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.keras.preprocessing import sequence, text
from gatewise.utils import text_dataset_from_directory, timeseries_dataset_from_array

__all__ = ["sequence", "text", "text_dataset_from_directory", "timeseries_dataset_from_array"]
answer_for(__name__, "tf.keras.preprocessing")
