"""What `compile` keeps: the optimizer, and losses and metrics, which are made when the outputs are known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise import losses, metrics, optimizers
from gatewise.base import masks, structure
from gatewise.base.arrays import namespace
from gatewise.base.changes import changes
from gatewise.base.typing import Array, Config
from gatewise.training.placed_losses import PlacedLoss, is_config, placed_losses
from gatewise.training.targets import Outputs, arrays_for_each, metrics_for_each

ARGUMENTS = (
    "optimizer",
    "loss",
    "metrics",
    "loss_weights",
    "weighted_metrics",
    "run_eagerly",
    "steps_per_execution",
    "jit_compile",
)
"""The arguments of `compile`, in Keras 3's words."""


@dataclass(frozen=True)
class Watched:
    """A metric, the output that it watches, its name in the logs, and whether it weighs samples."""

    metric: Any
    output: int
    name: str
    weighted: bool


class Compiled:
    """The arguments of `compile`, and what is made of them.

    Args:
        given: the arguments by name; see `ARGUMENTS`.
    """

    def __init__(self, given: Config) -> None:
        self.given = given
        self.number = changes.aside()
        self.optimizer = optimizers.get(given["optimizer"])
        for each in structure.flatten(given["loss"], is_config):
            losses.resolve(each, (None, 1), (None, 1))  # An unknown name is refused here.
        for words in ("metrics", "weighted_metrics"):
            for each in structure.flatten(given[words] or []):
                metrics.resolve(each, (None, 1), (None, 1))
        steps = given["steps_per_execution"]
        if steps != "auto" and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
            raise ValueError(f"steps_per_execution must be a positive integer or 'auto', got {steps!r}.")
        self.loss_mean = metrics.Mean("loss")
        self.outputs: Outputs | None = None
        self.losses: list[PlacedLoss] = []
        self.loss_means: list[Any] = []
        self.watched: list[Watched] = []
        self.reported: dict[str, Any] = {}
        self.seed: int | None = None
        self.warm: Any = None  # What the last train_on_batch left for the next one: see fitting.Warm.
        self.steps = 0

    # -- made when the outputs are known ------------------------------------------------------------------------------

    def build(self, outputs: Outputs, y: Any, reported: Any = ()) -> None:
        """Make losses and metrics for these outputs, once."""
        if self.outputs is not None:
            return
        placed = placed_losses(self.given["loss"], self.given["loss_weights"], outputs)
        for each in placed:
            if isinstance(each.weight, (str, bytes)):
                raise TypeError(
                    f"loss_weights: the weight of output {each.name!r} must be a number, got {each.weight!r}."
                )
        # An unresolved "accuracy" or "crossentropy" looks at the targets of its own output.
        targets = self._shapes(arrays_for_each("y", y, outputs, _wanted(placed, outputs)), outputs)
        self.losses = [
            each._replace(
                loss=losses.resolve(each.loss, *(shapes[each.flat_places[0]] for shapes in (targets, outputs.shapes)))
            )
            for each in placed
        ]
        last = {each.name: place for place, each in enumerate(self.losses)}  # Two of one name: the logs show the last.
        self.loss_means = [
            metrics.Mean(f"{each.name}_loss") if len(placed) > 1 and last[each.name] == place else None
            for place, each in enumerate(self.losses)
        ]
        self.watched = []
        for words in ("metrics", "weighted_metrics"):
            self.watched += self._made_metrics(words, outputs, targets)
        self.reported = {name: metrics.Mean(name) for name in reported}
        self.outputs = outputs

    @staticmethod
    def _shapes(targets: list[Any], outputs: Outputs) -> list[Any]:
        """The targets' shapes; the output's where there are none."""
        return [
            shape if target is None else tuple(target.shape)
            for target, shape in zip(targets, outputs.shapes, strict=True)
        ]

    def _made_metrics(self, words: str, outputs: Outputs, targets: list[Any]) -> list[Watched]:
        made = []
        taken = {each.name for each in self.watched}
        for place, own in enumerate(metrics_for_each(words, self.given[words], outputs)):
            for identifier in own:
                metric = metrics.resolve(identifier, targets[place], outputs.shapes[place])
                if metric is None:
                    continue
                metric.build(targets[place], outputs.shapes[place])
                start = f"{outputs.names[place]}_" if len(outputs.names) > 1 else ""
                name = f"{start}{metric.name}"
                if name in taken and words == "weighted_metrics":
                    name = f"{start}weighted_{metric.name}"
                name = _free(name, taken)
                taken.add(name)
                made.append(Watched(metric, place, name, words == "weighted_metrics"))
        return made

    # -- used ---------------------------------------------------------------------------------------------------------

    def named(self) -> dict[str, Any]:
        """The metrics by their names in the logs; the loss comes first."""
        means = {mean.name: mean for mean in self.loss_means if mean is not None}
        return {"loss": self.loss_mean, **means, **{each.name: each.metric for each in self.watched}, **self.reported}

    def for_outputs(self, batch: Any) -> tuple[list[Any], list[Any]]:
        """The targets and the weights of a batch, for each output."""
        assert self.outputs is not None
        wanted = _wanted(self.losses, self.outputs)
        targets = arrays_for_each("y", batch.y, self.outputs, wanted)
        return targets, arrays_for_each("sample_weight", batch.sample_weight, self.outputs, wanted, broadcast=True)

    def check(self, batch: Any) -> None:
        """Refuse targets that do not fit their losses, and weights for outputs that are not there.

        Raises:
            ValueError: naming the output and both shapes.
        """
        assert self.outputs is not None
        targets, _ = self.for_outputs(batch)
        _, names, shapes, _ = self.outputs
        for each in self.losses:
            for place in each.flat_places:
                if targets[place] is None:
                    raise ValueError(
                        f"Output {names[place]!r} has the loss {each.loss.name}, but no targets came for it."
                    )
            if not structure.is_nested(each.places):
                losses.check_targets(each.loss, targets[each.places], shapes[each.places], names[each.places])

    def loss(self, y: list[Any], y_pred: list[Any], weights: list[Any]) -> Array | None:
        """The sum of all losses, each times its weight; the means of each are moved on."""
        total = None
        for each, mean in zip(self.losses, self.loss_means, strict=True):
            value = each.loss(each.of(y), each.of(y_pred), weights[each.flat_places[0]])
            if mean is not None:
                mean.update_state(detached(value), sample_weight=real_rows(y_pred[each.flat_places[0]]))
            if each.weight is not None:
                value = value * each.weight
            total = value if total is None else total + value
        return total

    def watch(self, y: list[Any], y_pred: list[Any], weights: list[Any]) -> None:
        """Move the metrics on by a batch."""
        for each in self.watched:
            if y[each.output] is None:
                continue
            weight = _weights_for(each.metric, weights[each.output] if each.weighted else None)
            if weight is None:
                each.metric.update_state(y[each.output], y_pred[each.output])
            else:
                each.metric.update_state(y[each.output], y_pred[each.output], sample_weight=weight)


_real: ContextVar[Any] = ContextVar("gatewise_real_rows", default=None)


@contextmanager
def filled_up(real: Any) -> Iterator[None]:
    """Inside the block only those rows of the batch are real; the others fill it up.

    Args:
        real: (B,), True for a real row; None where all are.
    """
    token = _real.set(real)
    try:
        yield
    finally:
        _real.reset(token)


def real_rows(y_pred: Array) -> Any:
    """How many samples are real."""
    real = _real.get()
    return y_pred.shape[0] if real is None else real.sum()


def masked_rows(y_pred: Array) -> Array:
    """The predictions, with a mask that leaves out the rows that fill up the batch; means divide by the others."""
    real = _real.get()
    if real is None:
        return y_pred
    own = masks.of(y_pred)
    return masks.carrying(y_pred, real if own is None else own & real.reshape((-1,) + (1,) * (own.ndim - 1)))


def _weights_for(metric: Any, weights: Any) -> Any:
    """Means go by the mask of the predictions; other metrics need a weight of 0 for rows that fill up the batch."""
    real = _real.get()
    if real is None or isinstance(metric, metrics.MeanMetricWrapper):
        return weights
    real = namespace(real).asarray(real, dtype=metric.dtype)
    return real if weights is None else weights * real.reshape((-1,) + (1,) * (weights.ndim - 1))


def detached(array: Any) -> Any:
    """The array without its gradient; its mask goes with it."""
    if namespace(array) is np:
        return array
    import jax

    return masks.carrying(jax.lax.stop_gradient(array), masks.of(array))


def _wanted(placed: list[PlacedLoss], outputs: Outputs) -> list[bool]:
    """Whether a loss compares each output."""
    compared = {place for each in placed for place in each.flat_places}
    return [place in compared for place in range(len(outputs.names))]


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 1
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
