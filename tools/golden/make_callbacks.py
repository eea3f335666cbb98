"""`callbacks.jsonl.gz`: what Keras 3's and tf_keras's callbacks decide in `tests/golden/callback_loop.py`."""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from keras.src.trainers.compile_utils import MetricsList
from store import write_lines

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "golden"))
import callback_loop

EPOCHS, BATCHES = 14, 3
LIBRARIES = {"keras3": keras, "tf2": tf_keras}
Cases = list[tuple[str, dict[str, Any]]]

MONITORED = [
    ("val_loss", "auto"), ("loss", "min"), ("val_accuracy", "auto"), ("accuracy", "max"), ("val_auc", "auto"),
    ("val_mse", "auto"), ("r2", "auto"), ("recall", "auto"), ("cosine", "auto"), ("other", "auto"), ("other", "max"),
    ("val_loss", "wrong"), ("missing", "min"), ("with_nan", "min"), ("with_nan", "max"),
]  # fmt: skip
STOPPING: list[dict[str, Any]] = [
    {},
    {"patience": 2},
    {"patience": 2, "restore_best_weights": True},
    {"patience": 3, "min_delta": 0.1005, "restore_best_weights": True},
    {"patience": 2, "baseline": 0.4005},
    {"patience": 1, "baseline": 0.0005, "restore_best_weights": True},
    {"patience": 2, "start_from_epoch": 4, "restore_best_weights": True},
    {"patience": 20, "restore_best_weights": True},
]
REDUCING: list[dict[str, Any]] = [
    {"patience": 1},
    {"patience": 2, "factor": 0.5},
    {"patience": 1, "factor": 0.5, "cooldown": 2},
    {"patience": 1, "min_lr": 0.03},
    {"patience": 2, "min_delta": 0.2005, "factor": 0.3},
    {"patience": 0, "factor": 0.9, "cooldown": 1, "min_lr": 0.01},
]
SAVING: list[dict[str, Any]] = [
    {"filepath": "m.keras", "save_best_only": True},
    {"filepath": "{epoch:02d}-{loss:.2f}.weights.h5", "save_weights_only": True, "save_best_only": True},
    {"filepath": "m.keras", "save_best_only": True, "initial_value_threshold": 0.3005},
]
PLAIN: Cases = [
    ("ModelCheckpoint", {"filepath": "{epoch}-{val_loss:.3f}.keras"}),
    ("ModelCheckpoint", {"filepath": "{epoch}.h5"}),
    ("ModelCheckpoint", {"filepath": "{epoch}-{batch:03d}-{loss:.1f}.keras", "save_freq": 1}),
    ("ModelCheckpoint", {"filepath": "{epoch}-{batch}.keras", "save_freq": 2}),
    ("ModelCheckpoint", {"filepath": "{epoch}-{batch}.weights.h5", "save_freq": 5, "save_weights_only": True}),
    ("ModelCheckpoint", {"filepath": "m.keras", "save_freq": 4, "save_best_only": True, "monitor": "loss"}),
    ("LearningRateScheduler", {"schedule": "halve"}),
    ("LearningRateScheduler", {"schedule": "by_epoch"}),
    ("LearningRateScheduler", {"schedule": "warm_up"}),
    ("CSVLogger", {"filename": "log.csv"}),
    ("CSVLogger", {"filename": "log.tsv", "separator": "\t", "append": True}),
]
ONLY_TF2: Cases = [
    ("ModelCheckpoint", {"filepath": "{epoch}.keras", "period": 3}),
    ("ReduceLROnPlateau", {"monitor": "val_loss", "mode": "auto", "patience": 1, "epsilon": 0.3005}),
]


def make(out: Path) -> None:
    warnings.simplefilter("ignore")
    logging.disable()
    logs = list(made_up_logs())
    cases = [
        {"generation": generation, "name": name, "arguments": arguments, **of(generation, name, arguments, logs)}
        for generation in LIBRARIES
        for name, arguments in all_cases(generation)
    ]
    write_lines(out / "callbacks.jsonl.gz", [{"logs": logs, "batches": BATCHES, "directions": directions()}, *cases])
    print(len(cases), "cases of callbacks")


def directions() -> dict[str, str | None]:
    """Whether more or less of each metric is better, in Keras 3."""
    needed: dict[str, Any] = {name: {"num_classes": 2} for name in ("IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU")}
    needed |= {name: {**needed[name], "target_class_ids": [0]} for name in ("IoU", "OneHotIoU")}
    kinds = {name: kind for name, kind in vars(keras.metrics).items() if isinstance(kind, type)}
    found = {}
    for name, kind in kinds.items():
        if name in ("Metric", "MeanMetricWrapper"):
            continue
        at = next(
            (end for end in ("Specificity", "Sensitivity", "Precision", "Recall") if name.endswith(f"At{end}")), ""
        )
        arguments = {at.lower(): 0.5} if at else needed.get(name, {})
        found[name] = getattr(kind(**arguments), "_direction", None)
    return found


def all_cases(generation: str) -> Iterator[tuple[str, dict[str, Any]]]:
    kinds = {"EarlyStopping": STOPPING, "ReduceLROnPlateau": REDUCING, "ModelCheckpoint": SAVING}
    for name, rows in kinds.items():
        for place, (monitor, mode) in enumerate(MONITORED):
            for row in rows if place < 4 else rows[1:3]:
                yield name, {"monitor": monitor, "mode": mode, **row}
    yield from PLAIN
    if generation == "tf2":
        yield from ONLY_TF2


def made_up_logs() -> Iterator[dict[str, float]]:
    """Numbers that improve for a while, each in its way, and then do not."""
    rng = np.random.RandomState(3)
    for epoch in range(EPOCHS):
        falling = [round(float(x), 3) for x in 0.2 + 0.6 * 0.6**epoch + rng.uniform(0, 0.2, 6)]
        rising = [round(float(x), 3) for x in 0.8 - 0.6 * 0.6**epoch - rng.uniform(0, 0.2, 7)]
        names = ("loss", "val_loss", "mse", "val_mse", "other", "with_nan")
        ups = ("accuracy", "val_accuracy", "auc", "val_auc", "r2", "recall", "cosine")
        values = dict(zip(names, falling, strict=True)) | dict(zip(ups, rising, strict=True))
        yield values | ({"with_nan": float("nan")} if epoch in (0, 5) else {})


def of(generation: str, name: str, arguments: dict[str, Any], logs: list[dict[str, float]]) -> dict[str, Any]:
    library = LIBRARIES[generation]
    kinds = library.metrics
    metrics = [
        kinds.BinaryAccuracy(name="accuracy"), kinds.AUC(name="auc"), kinds.MeanSquaredError(name="mse"),
        kinds.R2Score(name="r2"), kinds.Recall(name="recall"), kinds.CosineSimilarity(name="cosine"),
        kinds.Mean(name="other"), kinds.Mean(name="with_nan"),
    ]  # fmt: skip
    if generation == "keras3":
        metrics = [MetricsList(metrics)]  # Keras 3 asks only those that `compile` has gathered.
    optimizer = library.optimizers.SGD(learning_rate=0.1)
    model = callback_loop.Model(metrics, optimizer, distribute_strategy=tf.distribute.get_strategy())
    with tempfile.TemporaryDirectory() as folder:
        callback = callback_loop.made(library.callbacks, name, arguments, Path(folder))
        found = callback_loop.run(callback, model, logs, BATCHES)
        files = {path.name: path.read_bytes().decode() for path in Path(folder).iterdir()}
    return {**found, "files": files}
