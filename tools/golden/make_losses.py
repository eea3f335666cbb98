"""`losses.jsonl.gz` and `losses.npz`: every loss on fixed values, its gradient, weights, masks, configs.

Each case is computed in float32 and in float64. `arguments` are the constructor's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from store import Store, write_lines
from systems import SYSTEMS, System

Line = dict[str, Any]
RNG = np.random.default_rng(31)
B, T, C = 4, 5, 3


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).round(3)


def simplex(*shape: int) -> np.ndarray:
    e = np.exp(normal(*shape))
    return e / e.sum(-1, keepdims=True)


def one_hot(ids: np.ndarray) -> np.ndarray:
    return np.eye(C)[ids]


IDS, STEP_IDS = RNG.integers(0, C, B), RNG.integers(0, C, (B, T))
# The surest predictions, right and wrong: where probabilities are cut.
SURE = np.array([[1, 0, 0], [0, 1, 0], [0, 0.25, 0.75], [1e-9, 0.5, 0.5]])
NUMBERS = {"plain": (normal(B, C), 2 * normal(B, C)), "steps": (normal(B, T, 2), normal(B, T, 2))}
POSITIVE = {"plain": (np.abs(normal(B, C)), np.abs(normal(B, C))), "edge": (SURE, SURE[::-1].copy())}
BITS = {
    "plain": (RNG.integers(0, 2, (B, C)).astype(float), simplex(B, C)),
    "edge": (one_hot(IDS), SURE),
    "soft": (simplex(B, C), simplex(B, C)),
}
LOGITS = {
    "plain": (RNG.integers(0, 2, (B, C)).astype(float), 3 * normal(B, C)),
    "edge": (one_hot(IDS), np.array([[100.0, -100, 0], [0, 0, 0], [1000, 0, -1000], [-80, -90, 30]])),
}
CLASSES = {
    "plain": (one_hot(IDS), simplex(B, C)),
    "unscaled": (one_hot(IDS), 0.5 * simplex(B, C)),
    "edge": (one_hot(IDS), SURE),
    "steps": (one_hot(STEP_IDS), simplex(B, T, C)),
}
CLASS_LOGITS = {"plain": (one_hot(IDS), 3 * normal(B, C)), "edge": LOGITS["edge"]}
SPARSE = {name: (y_true.argmax(-1).astype("int32"), y_pred) for name, (y_true, y_pred) in CLASSES.items()}
SPARSE_LOGITS = {name: (y_true.argmax(-1).astype("int32"), y_pred) for name, (y_true, y_pred) in CLASS_LOGITS.items()}
COLUMN = {"column": (IDS[:, None].astype("int32"), simplex(B, C))}
SIGNS = {
    "plain": (np.sign(normal(B, C)), normal(B, C)),
    "bits": BITS["plain"],
    "joint": (np.ones((1, 3)), np.array([[1.0, 1.5, 0.5]])),
}
DIRECTIONS = {**NUMBERS, "short": (normal(2, 3), np.array([[1e-9, 0, 0], [0.0, 0.0, 0.0]]))}
ERRORS = {**NUMBERS, "large": (np.zeros((1, 4)), np.array([[1.0, -1.0, 90.0, -1000.0]]))}
LABELS = {
    "plain": (np.array([[1, 2, 1], [2, 2, 0], [1, 0, 0], [0, 0, 0]], "int32"), 2 * normal(B, T, C)),
    "tight": (np.array([[1, 1, 2]], "int32"), normal(1, 4, C)),
}
EMBEDDINGS = {"plain": (np.array([0, 0, 1, 1, 2], "int32"), simplex(5, 3))}

# Of each loss: the arguments to try, and the data to try them on.
CASES: dict[str, list[tuple[Line, dict[str, Any]]]] = {
    "MeanSquaredError": [({}, NUMBERS)],
    "MeanAbsoluteError": [({}, NUMBERS)],
    "MeanAbsolutePercentageError": [({}, {**NUMBERS, "edge": POSITIVE["edge"]})],
    "MeanSquaredLogarithmicError": [({}, {**NUMBERS, **POSITIVE})],
    "CosineSimilarity": [({}, DIRECTIONS), ({"axis": 1}, {"steps": NUMBERS["steps"]})],
    "Huber": [({}, ERRORS), ({"delta": 0.3}, NUMBERS)],
    "LogCosh": [({}, ERRORS)],
    "Hinge": [({}, SIGNS)],
    "SquaredHinge": [({}, SIGNS)],
    "CategoricalHinge": [({}, {"plain": CLASSES["plain"], "steps": CLASSES["steps"]})],
    "KLDivergence": [({}, {"plain": CLASSES["unscaled"], "soft": BITS["soft"], "edge": CLASSES["edge"]})],
    "Poisson": [({}, POSITIVE)],
    "BinaryCrossentropy": [
        ({}, BITS),
        ({"label_smoothing": 0.2}, BITS),
        ({"from_logits": True}, LOGITS),
        ({"from_logits": True, "label_smoothing": 0.1}, LOGITS),
        ({"axis": 1}, {"steps": CLASSES["steps"]}),
    ],
    "BinaryFocalCrossentropy": [
        ({}, BITS),
        ({"apply_class_balancing": True, "alpha": 0.7, "gamma": 1.5}, {"plain": BITS["plain"]}),
        ({"from_logits": True, "label_smoothing": 0.1}, LOGITS),
    ],
    "CategoricalCrossentropy": [
        ({}, CLASSES),
        ({"label_smoothing": 0.2}, CLASSES),
        ({"from_logits": True}, CLASS_LOGITS),
        ({"axis": 1, "label_smoothing": 0.1}, {"steps": CLASSES["steps"]}),
    ],
    "CategoricalFocalCrossentropy": [
        ({}, CLASSES),
        ({"alpha": 0.5, "gamma": 3.0, "label_smoothing": 0.1}, {"plain": CLASSES["plain"]}),
        ({"from_logits": True}, CLASS_LOGITS),
    ],
    "SparseCategoricalCrossentropy": [
        ({}, {**SPARSE, **COLUMN}),
        ({"from_logits": True}, SPARSE_LOGITS),
        ({"ignore_class": 1}, SPARSE),
        ({"ignore_class": -1}, {"padded": (np.where(STEP_IDS == 0, -1, STEP_IDS).astype("int32"), simplex(B, T, C))}),
    ],
    "CTC": [({}, LABELS)],
    "Dice": [({}, BITS), ({"axis": 1}, BITS)],
    "Tversky": [({}, BITS), ({"alpha": 0.3, "beta": 0.9, "axis": -1}, BITS)],
    "Circle": [({}, EMBEDDINGS), ({"gamma": 20.0, "margin": 0.2, "remove_diagonal": False}, EMBEDDINGS)],
    "CategoricalGeneralizedCrossEntropy": [({}, {"plain": SPARSE["plain"]}), ({"q": 0.8}, {"plain": SPARSE["plain"]})],
}

MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]], bool)
WEIGHTS = {
    "none": None,
    "sample": np.array([0.5, 0.0, 2.0, 1.0]),
    "column": np.array([[0.5], [0.0], [2.0], [1.0]]),
    "temporal": np.abs(normal(B, T)),
}
WEIGHED: list[tuple[str, Line, Any]] = [
    ("MeanSquaredError", {}, NUMBERS["steps"]),
    ("MeanSquaredError", {}, NUMBERS["plain"]),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, SPARSE["steps"]),
]


def make(out: Path) -> None:
    store, lines = Store(), []
    for system in SYSTEMS:
        if system.name != "tf1":
            lines += list(plain(system, store)) + list(weighed(system, store)) + list(configs(system))
    write_lines(out / "losses.jsonl.gz", lines)
    store.save(out / "losses.npz")
    print(len(lines), "loss cases")


def plain(system: System, store: Store) -> Iterator[Line]:
    """Each loss, unreduced, with the gradient of the sum."""
    for name, tries in CASES.items():
        for arguments, data in tries if hasattr(system.keras.losses, name) else []:
            for label, (y_true, y_pred) in data.items():
                yield from case(system, store, label, name, {**arguments, "reduction": "none"}, y_true, y_pred)


def weighed(system: System, store: Store) -> Iterator[Line]:
    """Weights and masks under each reduction."""
    reductions = ["sum_over_batch_size", "sum", "none", *(["mean_with_sample_weight"] if system.is_keras3 else [])]
    for name, arguments, (y_true, y_pred) in WEIGHED:
        steps = y_pred.ndim == 3
        for reduction in reductions:
            for label, weights in WEIGHTS.items():
                if (label == "sample" and steps and system.is_keras3) or (label == "temporal" and not steps):
                    continue  # Keras 3 takes such weights for those of steps, and fails
                for masked in (False, True) if steps else (False,):
                    given = {**arguments, "reduction": reduction}
                    more = {"weights": weights, "mask": MASK if masked else None}
                    yield from case(system, store, f"{label}{masked}", name, given, y_true, y_pred, **more)


def case(
    system: System,
    store: Store,
    label: str,
    name: str,
    arguments: Line,
    y_true: np.ndarray,
    y_pred: np.ndarray,
    weights: np.ndarray | None = None,
    mask: np.ndarray | None = None,
) -> Iterator[Line]:
    for dtype in ("float32", "float64"):
        made = getattr(system.keras.losses, name)(**arguments, **({"dtype": dtype} if system.is_keras3 else {}))
        given = y_true if y_true.dtype.kind == "i" else y_true.astype(dtype)
        variable = tf.Variable(y_pred.astype(dtype))
        with tf.GradientTape() as tape:
            x = tf.identity(variable)
            if mask is not None:
                x._keras_mask = tf.constant(mask)
            value = made(tf.constant(given), x, None if weights is None else tf.constant(weights.astype(dtype)))
            total = tf.reduce_sum(value)
        gradient = tape.gradient(total, variable)
        shown = json.dumps(arguments)
        yield {
            "id": f"{system.name}/{name}({shown}){label}{y_pred.shape}{dtype}",
            "kind": "value",
            "name": name,
            "arguments": arguments,
            "y_true": store.put(given),
            "y_pred": store.put(y_pred.astype(dtype)),
            "weights": store.put_all(None if weights is None else weights.astype(dtype)),
            "mask": store.put_all(mask),
            "value": store.put(value.numpy()),
            "gradient": store.put(gradient.numpy()),
        }


def configs(system: System) -> Iterator[Line]:
    """What the system writes for each loss, as it is and with arguments."""
    library = system.keras.losses
    for name, tries in CASES.items():
        for arguments, _ in tries if hasattr(library, name) else []:
            config = library.serialize(getattr(library, name)(**arguments))
            line = {"id": f"{system.name}/{name}({json.dumps(arguments)})", "kind": "config", "name": name}
            yield {**line, "arguments": arguments, "config": json.loads(json.dumps(config))}
    for name in ("mean_squared_error", "binary_crossentropy", "kl_divergence", "log_cosh"):
        config = library.serialize(getattr(library, name))
        yield {"id": f"{system.name}/{name}", "kind": "function config", "name": name, "config": config}
