"""`frozen2.pb` and `frozen2.npz`: a frozen graph of TensorFlow 2, with loops in TensorFlow 1's form, and its outputs.

python tools/golden/make_frozen2.py      a Python that has TensorFlow and tf_keras
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

OUT = Path(__file__).resolve().parents[2] / "tests" / "golden"


def main() -> None:
    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.LSTM(4, return_sequences=True, input_shape=(5, 3)), layers.Dense(2)])
    function = tf.function(model.call).get_concrete_function(tf.TensorSpec([None, 5, 3]))
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=True)
    (OUT / "frozen2.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString())
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    np.savez(OUT / "frozen2.npz", x=x, y=model(x).numpy())


if __name__ == "__main__":
    main()
