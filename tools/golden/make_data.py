"""`data.jsonl.gz`: what the programs of `tests/golden/data_cases.py` give with `tf.data`, Keras 3 and tf_keras."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tf_keras
from store import write_lines

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "golden"))
import data_cases

OLD = ("generator_of_timeseries", "pairs_of_words", "words", "tokenizers")
"""What Keras 3 took away."""


def make(out: Path) -> None:
    warnings.simplefilter("ignore")
    logging.disable()
    made = [{"name": name, "found": found(name, function)} for name, function in data_cases.CASES.items()]
    write_lines(out / "data.jsonl.gz", made)
    print(len(made), "programs on data")


def found(name: str, function: Any) -> Any:
    return data_cases.said(function(tf, tf_keras if name in OLD else keras))
