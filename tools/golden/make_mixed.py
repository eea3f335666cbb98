"""`mixed.json`: what layers under mixed policies give in Keras 3 and tf_keras, and how the scale of losses moves.

`tests/golden/test_mixed.py` makes the same weights and inputs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tf_keras

POLICIES = ("mixed_float16", "mixed_bfloat16")
LAYERS: list[tuple[str, dict[str, Any]]] = [
    ("LSTM", {"units": 4, "return_sequences": True}),
    ("LSTM", {"units": 4, "go_backwards": True}),
    ("GRU", {"units": 4}),
    ("GRU", {"units": 4, "reset_after": False}),
    ("SimpleRNN", {"units": 4}),
    ("Dense", {"units": 4, "activation": "tanh"}),
    ("Conv1D", {"filters": 4, "kernel_size": 2}),
    ("LayerNormalization", {}),
    ("BatchNormalization", {}),
    ("Flatten", {}),
    ("GlobalAveragePooling1D", {}),
    ("Activation", {"activation": "sigmoid"}),
]
SHAPE = (2, 5, 3)
SCALES = [1.0, 1.0, float("inf"), 1.0, 1.0, 1.0, float("nan"), 1.0, 1.0]
"""The sizes of the gradients of each step."""


def wave(shape: tuple[int, ...], shift: float) -> np.ndarray:
    """Numbers that need no generator."""
    return (np.sin(np.arange(int(np.prod(shape))) * 0.7 + shift) * 0.6).reshape(shape).astype("float32")


def case(library: Any, policy: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    layer = getattr(library.layers, name)(**arguments, dtype=policy)
    x = wave(SHAPE, 0.3)
    layer(x)
    layer.set_weights([abs(wave(w.shape, 1.3 * place)) + 0.1 for place, w in enumerate(layer.get_weights())])
    y = layer(x)
    return {
        "library": library.__name__,
        "policy": policy,
        "layer": name,
        "arguments": arguments,
        "dtype": str(y.dtype).rpartition("'")[0].rpartition("'")[2] or str(y.dtype),
        "weights": sorted({str(w.dtype) for w in layer.get_weights()}),
        "y": np.asarray(y).astype("float64").tolist(),
        "config": json.loads(json.dumps(layer.get_config()["dtype"])),
    }


def scaling() -> list[list[float]]:
    """The scale and the weight after each step of Keras 3's LossScaleOptimizer."""
    optimizer = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.5), initial_scale=8.0, dynamic_growth_steps=2
    )
    weight = keras.Variable(np.float32(1.0))
    optimizer.build([weight])
    found = []
    for size in SCALES:
        optimizer.apply([keras.ops.convert_to_tensor(np.float32(size))], [weight])
        found.append([float(optimizer.dynamic_scale), float(weight)])
    return found


def make(out: Path) -> None:
    cases = [
        case(library, policy, name, arguments)
        for library in (keras, tf_keras)
        for policy in POLICIES
        for name, arguments in LAYERS
    ]
    found = {"cases": cases, "scaling": scaling()}
    (out / "mixed.json").write_text(json.dumps(found, indent=None) + "\n")
    print(len(cases), "cases of mixed precision")


if __name__ == "__main__":
    make(Path(__file__).parents[2] / "tests" / "golden")
