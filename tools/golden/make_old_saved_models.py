"""SavedModels of the real TensorFlow 2.1 and 2.3: `tests/golden/of_tensorflow23/`, with outputs in `tensorflow23.npz`.

    python tools/golden/make_old_saved_models.py      a Python 3.8 that has tensorflow-cpu==2.3.4 protobuf==3.20.3
    python tools/golden/make_old_saved_models.py      a Python 3.7 that has tensorflow-cpu==2.1.4 protobuf==3.20.3

Of each program the objects are kept, with what Keras says of them; its graph, which is large, and which nothing reads
but TensorFlow, is taken out.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from make_checkpoints import functional, randomized, sequential
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

OUT = Path(__file__).resolve().parents[2] / "tests" / "golden"


class Own(tf.keras.Model):  # type: ignore[misc]
    """A class of a program's own: Keras keeps no config of it."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = tf.keras.layers.LSTM(3), tf.keras.layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.head(self.rnn(x))


def without_graph(folder: Path) -> None:
    program = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    for graph in program.meta_graphs:
        graph.ClearField("graph_def")
        graph.object_graph_def.ClearField("concrete_functions")
        for node in graph.object_graph_def.nodes:
            for kind in ("function", "bare_concrete_function"):
                node.ClearField(kind)
    (folder / "saved_model.pb").write_bytes(program.SerializeToString())
    shutil.rmtree(folder / "assets", ignore_errors=True)


def main() -> None:
    release = "".join(tf.__version__.split(".")[:2])
    folder = OUT / f"of_tensorflow{release}"
    shutil.rmtree(folder, ignore_errors=True)
    ids, x = np.arange(10).reshape(2, 5) % 9, np.random.default_rng(5).normal(size=(2, 4, 3)).astype("float32")
    arrays = {"ids": ids, "x": x}
    model = sequential(tf.keras)
    model.compile("adam", "mse")
    own = Own()
    own(x)
    for name, given, made in (("sequential", ids, model), ("functional", x, functional(tf.keras)), ("own", x, own)):
        arrays[name] = randomized(made).predict(given)
        made.save(str(folder / name), save_format="tf")
        without_graph(folder / name)
    np.savez_compressed(OUT / f"tensorflow{release}.npz", **arrays)


if __name__ == "__main__":
    main()
