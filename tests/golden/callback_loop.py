"""A training without training: a loop that calls one callback with given logs, and writes down what it does.

`tools/golden/make_callbacks.py` runs Keras's callbacks in it, `test_callbacks.py` ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SCHEDULES = {
    "halve": lambda epoch, rate: rate * 0.5,
    "by_epoch": lambda epoch: 1.0 / (epoch + 1),
    "warm_up": lambda epoch, rate: rate if epoch < 3 else rate * 0.75,
}


class Model:
    """What callbacks ask of a model. Its weights are the number of the epoch."""

    stop_training = False

    def __init__(self, metrics: list[Any], optimizer: Any, **attributes: Any) -> None:
        self.metrics = metrics
        self.optimizer = optimizer
        self.now = 0
        self.given: Any = None
        self.saved: list[str] = []
        vars(self).update(attributes)

    def get_weights(self) -> int:
        return self.now

    def set_weights(self, weights: int) -> None:
        self.given = weights

    def save(self, path: str, overwrite: bool = False, options: Any = None) -> None:
        self.saved.append(f"all {path}")

    def save_weights(self, path: str, overwrite: bool = False, options: Any = None) -> None:
        self.saved.append(f"weights {path}")


def made(namespace: Any, name: str, arguments: dict[str, Any], folder: Path) -> Any:
    """The callback; in its arguments a schedule stands by name, and a file's name is in the folder."""
    arguments = dict(arguments)
    if "schedule" in arguments:
        arguments["schedule"] = SCHEDULES[arguments["schedule"]]
    if "filename" in arguments:
        arguments["filename"] = str(folder / arguments["filename"])
    return getattr(namespace, name)(**arguments)


def run(callback: Any, model: Model, logs: list[dict[str, float]], batches: int) -> dict[str, Any]:
    """What the callback did: after each epoch the rate, what was saved, what came into the logs; and at the end."""
    epochs: list[Any] = []
    callback.set_params({"epochs": len(logs), "steps": batches, "verbose": 0})
    callback.set_model(model)
    callback.on_train_begin({})
    for epoch, values in enumerate(logs):
        model.now = epoch
        callback.on_epoch_begin(epoch, {})
        rate = _rate(model)
        for batch in range(batches):
            callback.on_train_batch_begin(batch, {})
            callback.on_train_batch_end(batch, {"loss": values["loss"]})
        after = dict(values)
        try:
            callback.on_epoch_end(epoch, after)
        except ValueError:
            epochs.append("ValueError")
            break
        epochs.append([rate, _rate(model), model.saved, sorted(after.keys() - values.keys())])
        model.saved = []
        if model.stop_training:
            break
    callback.on_train_end({})
    return {"epochs": epochs, "given": model.given}


def _rate(model: Model) -> float:
    rate = model.optimizer.learning_rate
    return float(rate.numpy() if hasattr(rate, "numpy") else rate)
