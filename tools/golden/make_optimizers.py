"""`optimizers.json`: optimizers and learning-rate schedules on numbers.

Each optimizer changes a kernel and a bias by the same made-up gradients, compiled as `fit` compiles it; the first and
the last values are kept, and what it then would save.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tf_keras

STEPS = 12
SHAPES = ((3, 4), (4,))
SYSTEMS = {"keras3": keras.optimizers, "tf2": tf_keras.optimizers, "legacy": tf_keras.optimizers.legacy}

COMMON: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.8, "nesterov": True}),
    ("RMSprop", {}),
    ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "epsilon": 0.001}),
    ("RMSprop", {"learning_rate": 0.01, "momentum": 0.7, "centered": True, "epsilon": 0.01}),
    ("RMSprop", {"learning_rate": 0.01, "centered": True, "epsilon": 0.01}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 0.01, "amsgrad": True}),
    ("Adamax", {"learning_rate": 0.02}),
    ("Nadam", {"learning_rate": 0.02, "beta_1": 0.8}),
    ("Adagrad", {"learning_rate": 0.1, "epsilon": 0.01}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.9, "epsilon": 0.001}),
    ("Ftrl", {"learning_rate": 0.1}),
    ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": -0.6, "l1_regularization_strength": 0.02,
              "l2_regularization_strength": 0.1, "l2_shrinkage_regularization_strength": 0.1, "beta": 0.2}),
    ("SGD", {"learning_rate": 0.1, "clipnorm": 0.5}),
    ("SGD", {"learning_rate": 0.1, "clipvalue": 0.3}),
    ("SGD", {"learning_rate": 0.1, "global_clipnorm": 0.7}),
]  # fmt: skip
OF_KERAS_2_AND_3: list[tuple[str, dict[str, Any]]] = [
    ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.1}),
    ("Lion", {}),
    ("Lion", {"learning_rate": 0.01, "beta_1": 0.8}),
    ("Adafactor", {"learning_rate": 0.05}),
    ("Adafactor", {"learning_rate": 0.5, "relative_step": False, "clip_threshold": 0.5, "beta_2_decay": -0.5}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.2}),
    ("Adam", {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.8}),
    ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 5}),
]
OF_KERAS_3: list[tuple[str, dict[str, Any]]] = [
    ("Lamb", {"learning_rate": 0.05}),
    ("Muon", {"learning_rate": 0.05, "exclude_layers": ["nothing"]}),
    ("Muon", {"learning_rate": 0.05, "nesterov": False, "rms_rate": None, "ns_steps": 3, "adam_lr_ratio": 0.5}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "gradient_accumulation_steps": 5, "clipnorm": 1.0}),
    ("Adam", {"learning_rate": 0.05, "gradient_accumulation_steps": 3, "use_ema": True, "ema_momentum": 0.8}),
    ("Nadam", {"learning_rate": 0.05, "gradient_accumulation_steps": 5}),
    ("SGD", {"learning_rate": 0.1, "loss_scale_factor": 4.0}),
]
OF_OLD: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1, "decay": 0.2, "momentum": 0.9}),
    ("Adam", {"lr": 0.05, "decay": 0.1}),
    ("RMSprop", {"lr": 0.05, "decay": 0.1, "clipvalue": 0.8, "clipnorm": 0.5}),
    ("Nadam", {"learning_rate": 0.05, "schedule_decay": 0.5}),
]
CASES = {
    "keras3": COMMON + OF_KERAS_2_AND_3 + OF_KERAS_3,
    "tf2": COMMON + OF_KERAS_2_AND_3,
    "legacy": COMMON + OF_OLD,
}

SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [10, 25], "values": [1.0, 0.5, 0.1]}),
    ("PiecewiseConstantDecay", {"boundaries": [9.5, 25.5], "values": [1.0, 0.5, 0.1]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 25, "end_learning_rate": 0.01, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 25, "power": 0.5, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 50, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 50, "warmup_target": 0.1, "warmup_steps": 10}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 9}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 9, "t_mul": 1.0, "m_mul": 0.8,
                             "alpha": 0.1}),
]  # fmt: skip
AT = [0, 1, 5, 9, 10, 11, 24, 25, 26, 49, 50, 60, 99, 100, 1000]


def make(out: Path) -> None:
    warnings.simplefilter("ignore")
    rng = np.random.RandomState(7)
    start = [drawn(rng, shape) for shape in SHAPES]
    gradients = [[drawn(rng, shape) for shape in SHAPES] for _ in range(STEPS)]
    cases = [
        {"generation": generation, **of_optimizer(generation, name, arguments, start, gradients)}
        for generation, all_of_it in CASES.items()
        for name, arguments in all_of_it
    ]
    steps = {"start": numbers(start), "gradients": [numbers(each) for each in gradients]}
    write(out / "optimizers.json", {**steps, "cases": cases, "at": AT, "schedules": list(schedules())})
    print(len(cases), "cases of optimizers")


def write(path: Path, content: Any) -> None:
    """One case a line."""
    text = json.dumps(content, separators=(",", ":"), default=float)
    path.write_text(text.replace('{"generation"', '\n{"generation"').replace('{"model"', '\n{"model"') + "\n")


def drawn(rng: np.random.RandomState, shape: tuple[int, ...]) -> np.ndarray:
    return (rng.standard_normal(shape) * 0.7).astype("float32")


def numbers(arrays: Any) -> Any:
    """Arrays as lists, each number in the fewest digits that give the same float32."""
    if isinstance(arrays, (list, tuple)):
        return [numbers(each) for each in arrays]
    return [float(str(np.float32(x))) for x in np.ravel(np.asarray(arrays))]


def of_optimizer(
    generation: str, name: str, arguments: dict[str, Any], start: list[np.ndarray], gradients: list[list[np.ndarray]]
) -> dict[str, Any]:
    library = keras if generation == "keras3" else tf_keras
    library.backend.clear_session()
    layer = library.layers.Dense(4, name="dense")
    layer(np.zeros((1, 3), "float32"))
    weights = layer.trainable_variables
    layer.set_weights(start)
    optimizer = getattr(SYSTEMS[generation], name)(**arguments)
    if generation == "keras3":
        optimizer.build(weights)

    @tf.function
    def step(*given: tf.Tensor) -> None:
        optimizer.apply_gradients(zip(given, weights, strict=True))

    seen = []
    for each in gradients:
        step(*map(tf.constant, each))
        seen.append(numbers(layer.get_weights()))
    kept = optimizer.variables() if generation == "legacy" else optimizer.variables
    return {
        "name": name,
        "arguments": arguments,
        "config": optimizer.get_config(),
        "first": seen[0],
        "last": seen[-1],
        "variables": [[getattr(v, "path", v.name), list(v.shape), numbers(v)] for v in kept],
    }


def schedules() -> Iterator[dict[str, Any]]:
    for generation in ("keras3", "tf2"):
        for name, arguments in SCHEDULES:
            schedule = getattr(SYSTEMS[generation].schedules, name)(**arguments)
            values = numbers([schedule(tf.constant(step, tf.int64)) for step in AT])
            yield {
                "generation": generation,
                "name": name,
                "config": schedule.get_config(),
                "values": [value for (value,) in values],
            }
