"""`curves.json`: the losses of 50 steps of training of a small LSTM model and a small GRU model, by each optimizer.

`tests/golden/test_curves.py` has the same data and weights from the same seeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tf_keras
from make_optimizers import SYSTEMS, numbers, write

MODELS = ("LSTM", "GRU")
BATCHES, BATCH, TIME, FEATURES, UNITS = 4, 8, 6, 3, 5
CURVE_STEPS = 50
CURVES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "keras3": [
        ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
        *((name, {}) for name in ("RMSprop", "Adam", "AdamW", "Adamax", "Nadam", "Adagrad", "Lion", "Lamb")),
        ("RMSprop", {"momentum": 0.9, "centered": True}),
        ("Adam", {"amsgrad": True, "learning_rate": 0.01}),
        ("Adadelta", {"learning_rate": 1.0}),
        ("Ftrl", {"learning_rate": 0.05}),
        ("Adafactor", {"learning_rate": 0.01}),
        ("Muon", {}),
        ("Adam", {"clipnorm": 0.05, "use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 10}),
        ("SGD", {"learning_rate": 0.2, "gradient_accumulation_steps": 2, "global_clipnorm": 0.1, "weight_decay": 0.01}),
    ],
    "tf2": [
        ("Adam", {}),
        ("Nadam", {}),
        ("Lion", {}),
        ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 10}),
    ],
    "legacy": [
        *((name, {}) for name in ("RMSprop", "Adam", "Adamax", "Nadam", "Adagrad")),
        ("SGD", {"lr": 0.2, "momentum": 0.9, "decay": 0.1}),
        ("Adam", {"lr": 0.01, "decay": 0.05, "clipvalue": 0.02}),
    ],
}  # fmt: skip


def make(out: Path) -> None:
    curves = list(all_curves())
    write(out / "curves.json", curves)
    print(len(curves), "curves")


def all_curves() -> Iterator[dict[str, Any]]:
    for kind in MODELS:
        for generation, all_of_it in CURVES.items():
            for name, arguments in all_of_it:
                losses = curve(kind, generation, name, arguments)
                yield {
                    "model": kind,
                    "generation": generation,
                    "name": name,
                    "arguments": arguments,
                    "losses": numbers(np.float32(losses)),
                }


def curve(kind: str, generation: str, name: str, arguments: dict[str, Any]) -> list[float]:
    library = keras if generation == "keras3" else tf_keras
    library.backend.clear_session()
    model = library.Sequential(
        [
            library.layers.Input((TIME, FEATURES)),
            getattr(library.layers, kind)(UNITS, return_sequences=True),
            getattr(library.layers, kind)(UNITS),
            library.layers.Dense(1),
        ]
    )
    rng = np.random.RandomState(11)
    model.set_weights([rng.standard_normal(w.shape).astype("float32") * 0.4 for w in model.get_weights()])
    x = rng.standard_normal((BATCHES, BATCH, TIME, FEATURES)).astype("float32")
    y = x.mean(axis=2)[..., :1] * x[:, :, -1, 1:2] + 0.5
    model.compile(optimizer=getattr(SYSTEMS[generation], name)(**arguments), loss="mse")
    return [loss_of(model, x[i % BATCHES], y[i % BATCHES]) for i in range(CURVE_STEPS)]


def loss_of(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    """One step of training; the loss is that before the step."""
    model.reset_metrics()
    return float(np.ravel(model.train_on_batch(x, y))[0])
