"""Steps that a subclass writes by hand: `train_step(self, data)` with a `GradientTape`, as Keras on TensorFlow has it.

Keras on JAX gives `train_step(self, state, data)`, a pure function, which is compiled with what surrounds it. A step of
the other kind changes the model's variables itself; it runs as it is, batch by batch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from gatewise.base import structure
from gatewise.base.tensors import as_tensor
from gatewise.training import step
from gatewise.training.data import Batch
from gatewise.training.segments import Mixed

Step = Callable[[Any], dict[str, Any]]


def own_step(model: Any, training: bool) -> Step | None:
    """The step by hand that the model's class defines, or None."""
    name = "train_step" if training else "test_step"
    defined = getattr(type(model), name)
    if defined.__module__.startswith("gatewise.") or not _takes_data_alone(defined):
        return None
    own: Step = getattr(model, name)
    return own


def _takes_data_alone(function: Any) -> bool:
    parameters = [*inspect.signature(function).parameters.values()][1:]
    needed = [each for each in parameters if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD]
    return len(needed) == 1


def run(own: Step, batch: Batch) -> dict[str, Any]:
    """One step on a batch; its logs."""
    logs = own(_data(batch))
    return {} if logs is None else dict(logs)


def batch_at(data: Batch | Mixed, place: int, real: int) -> Batch:
    """One batch of a segment, its real rows."""
    batches, where = data, place
    if isinstance(data, Mixed):
        batches, where = data.batches[int(data.shape[place])], int(data.place[place])

    def rows(leaf: Any) -> Any:
        return None if leaf is None else leaf[where][:real]

    return Batch(*(structure.map_structure(rows, part) for part in batches))


def _data(batch: Batch) -> Any:
    """What Keras gives a step: x alone, or a tuple of what there is, as tensors."""
    x, y, weights = (structure.map_structure(_tensor, part) for part in batch[:3])
    if weights is not None:
        return x, y, weights
    if y is not None:
        return x, y
    return (x,) if isinstance(x, (list, tuple)) else x


def _tensor(leaf: Any) -> Any:
    return None if leaf is None else as_tensor(np.asarray(leaf))


class CompiledLoss:
    """Keras 2's `model.compiled_loss`: what `compile` was told, as a function of targets and outputs.

    Args:
        model: compiled, and built.
    """

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Any = None) -> Any:
        """The loss, with what layers and regularizers add; the mean that the logs show is moved on."""
        compiled = self._model._compiled
        targets, weights = compiled.for_outputs(Batch(None, y_true, sample_weight))
        outputs = structure.flatten(y_pred)
        total = compiled.loss(targets, outputs, weights)
        for each in regularization_losses or ():
            total = each if total is None else total + each
        compiled.loss_mean.update_state(total, sample_weight=len(outputs[0]))
        return total


class CompiledMetrics:
    """Keras 2's `model.compiled_metrics`: the metrics that `compile` was told.

    Args:
        model: compiled, and built.
    """

    def __init__(self, model: Any) -> None:
        self._model = model

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Move them on by a batch."""
        step.watched(self._model, Batch(None, y_true, sample_weight), y_pred)

    def reset_state(self) -> None:
        """Begin anew."""
        for each in self.metrics:
            each.reset_state()

    @property
    def metrics(self) -> list[Any]:
        """The metrics."""
        return [each.metric for each in self._model._compiled.watched]
