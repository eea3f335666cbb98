"""Callbacks decide what Keras 3's and tf_keras's decided, given the same logs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import callback_loop
import pytest

from gatewise import callbacks, losses, metrics, optimizers
from gatewise.base.release import Release, meaning

with gzip.open(Path(__file__).parent / "callbacks.jsonl.gz", "rt") as _file:
    GIVEN, *CASES = map(json.loads, _file)
RELEASES: dict[str, Release] = {"keras3": "keras3", "tf2": "tf2"}
TOLERANCE = 2 * 14 * 2.0**-23
"""Of a rate in float32 that changes once an epoch: the product rounded once by us, and by tf_keras the factor too."""


@pytest.mark.filterwarnings("ignore:EarlyStopping", "ignore:ReduceLROnPlateau", "ignore:ModelCheckpoint")
@pytest.mark.parametrize(
    "case", [pytest.param(c, id=f"{c['generation']}-{c['name']}-{i}") for i, c in enumerate(CASES)]
)
def test_decisions(case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with meaning(RELEASES[case["generation"]]):
        watched = [
            metrics.BinaryAccuracy(name="accuracy"),
            metrics.AUC(name="auc"),
            metrics.MeanSquaredError(name="mse"),
            metrics.R2Score(name="r2"),
            metrics.Recall(name="recall"),
            metrics.CosineSimilarity(name="cosine"),
            metrics.Mean(name="other"),
            metrics.Mean(name="with_nan"),
        ]
        model = callback_loop.Model(watched, optimizers.SGD(learning_rate=0.1))
        callback = callback_loop.made(callbacks, case["name"], case["arguments"], tmp_path)
        found = callback_loop.run(callback, model, GIVEN["logs"], GIVEN["batches"])
    assert found["given"] == case["given"]
    assert len(found["epochs"]) == len(case["epochs"])
    for ours, keras in zip(found["epochs"], case["epochs"], strict=True):
        if keras == "ValueError":
            assert ours == keras
        else:
            assert ours[:2] == pytest.approx(keras[:2], rel=TOLERANCE)
            assert ours[2:] == keras[2:]
    assert {path.name: path.read_bytes().decode() for path in tmp_path.iterdir()} == case["files"]


def test_metrics_say_whether_more_is_better() -> None:
    assert len(GIVEN["directions"]) > 40
    for name, direction in GIVEN["directions"].items():
        kind = getattr(metrics, name)
        needed = {"num_classes": 2, "target_class_ids": [0]} if name.endswith("IoU") and name != "BinaryIoU" else {}
        if "MeanIoU" in name:
            del needed["target_class_ids"]
        if "At" in name:
            needed = {name.rpartition("At")[2].lower(): 0.5}
        assert getattr(kind(**needed), "_direction") == direction, name  # noqa: B009
    assert metrics.MeanMetricWrapper(losses.mean_squared_error)._direction == "down"
    assert metrics.MeanMetricWrapper(lambda y_true, y_pred: y_pred, name="own")._direction is None
