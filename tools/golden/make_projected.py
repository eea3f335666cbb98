"""`projected.json`: what TensorFlow 1's `LSTMCell` says with a projection and with bounds, in our layout.

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
RNG = np.random.default_rng(21)
CASES: dict[str, dict[str, Any]] = {
    "projected": {"num_proj": 2},
    "projected, with bounds": {"num_proj": 2, "cell_clip": 0.3, "proj_clip": 0.2},
    "clipped": {"cell_clip": 0.3},
}


def drawn(*shape: int) -> np.ndarray:
    return (RNG.standard_normal(shape) * 0.7).astype("float32")


def case(options: dict[str, Any]) -> dict[str, Any]:
    x = drawn(BATCH, STEPS, FEATURES)
    cell = LSTMCell(UNITS, forget_bias=0.0, **options)
    cell.build((BATCH, FEATURES))
    kernel, bias, *projection = cell.weights
    for weight in cell.weights:
        weight.assign(drawn(*weight.shape))
    state, outputs = cell.get_initial_state(batch_size=BATCH, dtype=tf.float32), []
    for t in range(STEPS):
        y, state = cell(tf.constant(x[:, t]), state)
        outputs.append(y.numpy())
    order = [k * UNITS + np.arange(UNITS) for k in (0, 2, 1, 3)]  # i, c, f, o to i, f, c, o
    columns = np.concatenate(order)
    weights = {
        "kernel": kernel.numpy()[:FEATURES, columns],
        "recurrent_kernel": kernel.numpy()[FEATURES:, columns],
        "bias": bias.numpy()[columns],
    }
    if projection:
        weights["projection"] = projection[0].numpy()
    results = {"y": np.stack(outputs, 1), "h": state.h.numpy(), "c": state.c.numpy()}
    return {
        "options": options,
        "x": x.tolist(),
        "weights": {name: weight.tolist() for name, weight in weights.items()},
        **{name: value.tolist() for name, value in results.items()},
    }


def make(out: Path) -> None:
    cases = {name: case(options) for name, options in CASES.items()}
    (out / "projected.json").write_text(json.dumps(cases) + "\n")
    print(f"{len(cases)} cases of projections and bounds")
