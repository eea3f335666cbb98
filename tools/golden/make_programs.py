"""`programs.jsonl.gz`: what the programs of `tests/golden/layer_programs.py` give with Keras 3 and tf_keras."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from store import write_lines

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "golden"))
import layer_programs


def make(out: Path) -> None:
    warnings.simplefilter("ignore")
    lines = []
    for release, module, programs in (
        ("keras3", keras, layer_programs.PROGRAMS | layer_programs.NEW),
        ("tf2", tf_keras, layer_programs.PROGRAMS),
    ):
        for name, function in programs.items():
            module.backend.clear_session()
            lines.append({"id": f"{release}/{name}", "found": layer_programs.said(function(module))})
    keras.backend.clear_session()
    model = layer_programs.with_vocabularies(keras)
    model.save(out / "files" / layer_programs.VOCABULARIES)
    found = [layer_programs.said(np.asarray(part)) for part in model(layer_programs.texts(tf.constant))]
    lines.append({"id": "keras3/file", "found": found})
    write_lines(out / "programs.jsonl.gz", lines)
    print(len(lines), "programs on layers")
