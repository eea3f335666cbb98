"""`peephole.json`: what TensorFlow 1's `LSTMCell(use_peepholes=True)` says, and the weights that it has, in our layout.

That cell's kernel stands above its recurrent kernel, with the gates in the order i, c, f, o. tf_keras still carries it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tf_keras.src.layers.rnn.legacy_cells import LSTMCell

BATCH, STEPS, FEATURES, UNITS = 2, 6, 3, 4
RNG = np.random.default_rng(20)


def drawn(*shape: int) -> np.ndarray:
    return (RNG.standard_normal(shape) * 0.7).astype("float32")


def of_tf1(x: np.ndarray) -> dict[str, Any]:
    cell = LSTMCell(UNITS, use_peepholes=True, forget_bias=0.0)
    cell.build((BATCH, FEATURES))
    by_name = {weight.name.split("/")[-1].split(":")[0]: weight for weight in cell.weights}
    for weight in by_name.values():
        weight.assign(drawn(*weight.shape))
    state, outputs = cell.get_initial_state(batch_size=BATCH, dtype=tf.float32), []
    for t in range(STEPS):
        y, state = cell(tf.constant(x[:, t]), state)
        outputs.append(y.numpy())
    both, bias = by_name["kernel"].numpy(), by_name["bias"].numpy()
    order = [k * UNITS + np.arange(UNITS) for k in (0, 2, 1, 3)]  # i, c, f, o to i, f, c, o
    columns = np.concatenate(order)
    peephole = [by_name[f"w_{gate}_diag"].numpy() for gate in "ifo"]
    weights = [both[:FEATURES, columns], both[FEATURES:, columns], bias[columns], np.stack(peephole)]
    return case(x, weights, np.stack(outputs, 1), state.h, state.c)


def case(x: np.ndarray, weights: list[np.ndarray], y: Any, h: Any, c: Any) -> dict[str, Any]:
    names = ("kernel", "recurrent_kernel", "bias", "peephole")
    return {
        "x": x.tolist(),
        "weights": {name: weight.tolist() for name, weight in zip(names, weights, strict=True)},
        **{name: np.asarray(value).tolist() for name, value in (("y", y), ("h", h), ("c", c))},
    }


def make(out: Path) -> None:
    x = drawn(BATCH, STEPS, FEATURES)
    (out / "peephole.json").write_text(json.dumps(of_tf1(x)) + "\n")
    print("1 case of peepholes")
