"""`metrics.jsonl.gz` and `metrics.npz`: every metric after each of several batches, with and without weights."""

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
Batch = tuple[Any, ...]
RNG = np.random.default_rng(32)
B, T, C = 6, 4, 3


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).round(3).astype("float32")


def simplex(*shape: int) -> np.ndarray:
    e = np.exp(normal(*shape))
    return e / e.sum(-1, keepdims=True)


def bits(*shape: int) -> np.ndarray:
    return RNG.integers(0, 2, shape).astype("float32")


def shares(*shape: int) -> np.ndarray:
    """Predictions between 0 and 1, some of them on a threshold, some of them an end."""
    return np.round(RNG.random(shape), 1).astype("float32")


def ids(*shape: int) -> np.ndarray:
    return RNG.integers(0, C, shape).astype("int32")


def one_hot(*shape: int) -> np.ndarray:
    return np.eye(C, dtype="float32")[ids(*shape)]


def weights(*shape: int) -> np.ndarray:
    return RNG.random(shape).round(2).astype("float32")


NUMBERS = [(normal(B, C), normal(B, C)) for _ in range(2)]
# Batches of different lengths: what a mean counts shows.
STEPS = [(normal(B, steps, 2), normal(B, steps, 2)) for steps in (2, 5)]
CORRELATED = [(y, y + 0.5 * normal(B, C)) for y in (normal(B, C), normal(B, C))]
BITS = [(bits(B, C), shares(B, C)) for _ in range(3)]
VECTOR = [(bits(9), shares(9)) for _ in range(3)]
BIT_LOGITS = [(bits(B, C), 3 * normal(B, C)) for _ in range(2)]
CLASSES = [(one_hot(B), simplex(B, C)) for _ in range(2)]
CLASS_STEPS = [(one_hot(B, steps), simplex(B, steps, C)) for steps in (2, 5)]
SPARSE = [(ids(B), simplex(B, C)) for _ in range(2)]
COLUMN = [(ids(B, 1), simplex(B, C)) for _ in range(2)]
SPARSE_STEPS = [(ids(B, steps), simplex(B, steps, C)) for steps in (2, 5)]
TIES = [(ids(B), shares(B, C)) for _ in range(2)]
SIGNS = [(np.sign(normal(B, C)), normal(B, C)) for _ in range(2)]
POSITIVE = [(np.abs(normal(B, C)), np.abs(normal(B, C))) for _ in range(2)]
WHOLE = [(ids(B), ids(B)) for _ in range(3)]
EMPTY = [(np.zeros(4, "float32"), np.zeros(4, "float32"))]

# Of each metric: the arguments to try, and the batches to try them on.
CASES: dict[str, list[tuple[Line, list[Batch]]]] = {
    "MeanSquaredError": [({}, NUMBERS), ({}, STEPS)],
    "RootMeanSquaredError": [({}, NUMBERS), ({}, STEPS)],
    "MeanAbsoluteError": [({}, NUMBERS)],
    "MeanAbsolutePercentageError": [({}, NUMBERS)],
    "MeanSquaredLogarithmicError": [({}, POSITIVE)],
    "CosineSimilarity": [({}, NUMBERS)],
    "LogCoshError": [({}, NUMBERS)],
    "R2Score": [
        ({}, CORRELATED),
        ({"class_aggregation": None}, CORRELATED),
        ({"class_aggregation": "variance_weighted_average"}, CORRELATED),
        ({"num_regressors": 3}, CORRELATED),
    ],
    "PearsonCorrelation": [({}, CORRELATED)],
    "ConcordanceCorrelation": [({}, CORRELATED)],
    "Hinge": [({}, SIGNS)],
    "SquaredHinge": [({}, SIGNS)],
    "CategoricalHinge": [({}, CLASSES)],
    "KLDivergence": [({}, CLASSES)],
    "Poisson": [({}, POSITIVE)],
    "BinaryCrossentropy": [({}, BITS), ({"from_logits": True, "label_smoothing": 0.1}, BIT_LOGITS)],
    "CategoricalCrossentropy": [({}, CLASSES), ({"from_logits": True, "label_smoothing": 0.1}, BIT_LOGITS)],
    "SparseCategoricalCrossentropy": [({}, SPARSE), ({}, SPARSE_STEPS), ({"ignore_class": 1}, SPARSE)],
    "Accuracy": [({}, WHOLE)],
    "BinaryAccuracy": [({}, BITS), ({"threshold": 0.3}, VECTOR)],
    "CategoricalAccuracy": [({}, CLASSES), ({}, CLASS_STEPS)],
    "SparseCategoricalAccuracy": [({}, SPARSE), ({}, COLUMN), ({}, SPARSE_STEPS)],
    "TopKCategoricalAccuracy": [({"k": 2}, CLASSES), ({"k": 2}, CLASS_STEPS)],
    "SparseTopKCategoricalAccuracy": [({"k": 2}, SPARSE), ({"k": 1}, TIES), ({"k": 2}, SPARSE_STEPS)],
    **{
        name: [({}, BITS), ({"thresholds": [0.3, 0.7]}, VECTOR), ({"thresholds": [0.0, 0.5, 1.0]}, VECTOR)]
        for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")
    },
    **{
        name: [
            ({}, BITS),
            ({"thresholds": [0.3, 0.7]}, VECTOR),
            ({"top_k": 2}, BITS),
            ({"class_id": 1}, BITS),
            ({"top_k": 1, "class_id": 0}, CLASSES),
            ({}, EMPTY),
        ]
        for name in ("Precision", "Recall")
    },
    **{
        name: [
            ({argument: 0.4}, VECTOR),
            ({argument: 0.7, "num_thresholds": 5}, BITS),
            ({argument: 0.5, "class_id": 2}, BITS),
        ]
        for name, argument in (
            ("SensitivityAtSpecificity", "specificity"),
            ("SpecificityAtSensitivity", "sensitivity"),
            ("PrecisionAtRecall", "recall"),
            ("RecallAtPrecision", "precision"),
        )
    },
    "AUC": [
        ({}, VECTOR),
        *(({"curve": curve, "num_thresholds": 11}, VECTOR) for curve in ("ROC", "PR", "PRGAIN")),
        *(({"curve": "PR", "summation_method": method}, BITS) for method in ("minoring", "majoring")),
        ({"thresholds": [0.2, 0.45, 0.9]}, VECTOR),
        ({"multi_label": True}, BITS),
        ({"multi_label": True, "curve": "PR", "num_labels": 3, "label_weights": [0.2, 0.5, 0.3]}, BITS),
        ({"label_weights": [0.2, 0.5, 0.3]}, BITS),
        ({"from_logits": True}, BIT_LOGITS),
        ({"num_thresholds": 2}, VECTOR),
    ],
    "F1Score": [({}, CLASSES), ({"average": "macro", "threshold": 0.5}, BITS)],
    "FBetaScore": [
        ({"beta": 2.0, "average": average, "threshold": 0.4}, BITS) for average in (None, "micro", "macro", "weighted")
    ],
    "IoU": [({"num_classes": 3, "target_class_ids": [0, 2]}, WHOLE)],
    "MeanIoU": [
        ({"num_classes": 3}, WHOLE),
        ({"num_classes": 4, "ignore_class": 1}, WHOLE),
        ({"num_classes": 3, "sparse_y_pred": False}, SPARSE),
    ],
    "BinaryIoU": [({}, VECTOR), ({"threshold": 0.3, "target_class_ids": [1]}, VECTOR)],
    "OneHotIoU": [({"num_classes": 3, "target_class_ids": [1]}, CLASSES)],
    "OneHotMeanIoU": [({"num_classes": 3}, CLASSES)],
}
NO_WEIGHTS = ("PearsonCorrelation", "ConcordanceCorrelation")
VALUES = [normal(B), normal(2), normal(B)]


def make(out: Path) -> None:
    store, lines = Store(), []
    for system in SYSTEMS:
        if system.name != "tf1":
            lines += list(gathered(system, store)) + list(reductions(system, store)) + list(configs(system))
    write_lines(out / "metrics.jsonl.gz", lines)
    store.save(out / "metrics.npz")
    print(len(lines), "metric cases")


def gathered(system: System, store: Store) -> Iterator[Line]:
    for name, tries in CASES.items():
        for place, (arguments, batches) in enumerate(tries if hasattr(system.keras.metrics, name) else []):
            for weighed in (False, True) if name not in NO_WEIGHTS else (False,):
                whole = "IoU" in name  # counted in whole numbers
                given = [
                    (*batch, ids(len(batch[0])) if whole else weights(len(batch[0]))) if weighed else batch
                    for batch in batches
                ]
                yield of_batches(system, store, f"{place}{weighed}", name, arguments, given)
    for name, batches in (("MeanSquaredError", STEPS), ("SparseCategoricalAccuracy", SPARSE_STEPS)):
        given = [(*batch, weights(*batch[1].shape[:2])) for batch in batches]
        yield of_batches(system, store, "temporal", name, {}, given)


def of_batches(system: System, store: Store, label: str, name: str, arguments: Line, batches: list[Batch]) -> Line:
    metric = getattr(system.keras.metrics, name)(**arguments)
    results = []
    for batch in batches:
        metric.update_state(*map(tf.constant, batch))
        results.append(np.asarray(metric.result()))
    return {
        "id": f"{system.name}/{name}({json.dumps(arguments)}){label}",
        "kind": "batches",
        "name": name,
        "arguments": arguments,
        "batches": store.put_all(batches),
        "results": store.put_all(results),
    }


def reductions(system: System, store: Store) -> Iterator[Line]:
    """Sums and means of values themselves."""
    for name in ("Sum", "Mean"):
        yield of_batches(system, store, "plain", name, {}, [(values,) for values in VALUES])
        yield of_batches(system, store, "weighed", name, {}, [(values, weights(len(values))) for values in VALUES])
        yield of_batches(system, store, "higher", name, {}, [(normal(B, 3), weights(B)), (normal(2, 3), weights(2, 3))])
        yield of_batches(system, store, "numbers", name, {}, [(np.float32(2.5),), (np.float32(1.5), np.float32(0.5))])


def configs(system: System) -> Iterator[Line]:
    """What the system writes for each metric, as it is and with arguments."""
    library = system.keras.metrics
    for name, tries in CASES.items():
        for place, (arguments, _) in enumerate(tries if hasattr(library, name) else []):
            if "label_weights" in arguments:
                continue  # a tensor, which no JSON holds
            config = library.serialize(getattr(library, name)(**{"name": "its_name", **arguments}))
            line = {"id": f"{system.name}/{name}({json.dumps(arguments)}){place}", "kind": "config", "name": name}
            yield {**line, "arguments": arguments, "config": json.loads(json.dumps(config, default=float))}
