"""What is done once before the first step: the weights, losses and metrics made, the targets checked."""

from __future__ import annotations

import warnings
from typing import Any

from gatewise import losses, metrics
from gatewise.base import release, structure
from gatewise.base.variable import Scope, reading
from gatewise.layer.penalties import collecting
from gatewise.losses.registry import kind_of
from gatewise.training import step
from gatewise.training.compiled import Compiled
from gatewise.training.data import Batch, Source
from gatewise.training.targets import outputs_of


def compiled_of(model: Any, what: str) -> Compiled:
    """What `compile` made.

    Raises:
        RuntimeError: where it was not called.
    """
    if model._compiled is None:
        raise RuntimeError(f"{model.label}: call compile(optimizer, loss) before {what}.")
    found: Compiled = model._compiled
    return found


def prepare(model: Any, source: Source, what: str, training: bool) -> Compiled:
    """Make what is missing, from the first batch, and refuse targets that do not fit.

    Raises:
        RuntimeError: without `compile`, or an optimizer or a loss where training needs one.
        ValueError: for data that does not fit.
    """
    compiled = compiled_of(model, what)
    if training and compiled.optimizer is None:
        raise RuntimeError(f"{model.label}: {what} needs an optimizer: compile(optimizer='adam', loss=...).")
    if compiled.outputs is None or not model.built or any(_waits_for_states(layer) for layer in model._walk()):
        batch = source.first()
        y_pred, reported = example(model, batch)
        compiled.build(outputs_of(model, y_pred), batch.y, reported)
    check_targets(model, source)
    if training:
        _build_optimizer(compiled.optimizer, model.trainable_variables)
        _say_unused_state(compiled.optimizer)
    return compiled


def check_targets(model: Any, source: Source) -> None:
    """Refuse targets that do not fit the model's outputs or losses."""
    if _usual_losses(model):
        targets, first = source.whole_targets(), source.first()
        model._compiled.check(first if targets is None else first._replace(y=targets))


def example(model: Any, batch: Batch) -> tuple[Any, list[str]]:
    """What the model gives for a batch, and the names of what its layers report; nothing in it moves on.

    It also makes the weights, and the states of stateful layers.
    """
    model._checked_inputs(batch.x)
    with collecting() as penalties, reading(Scope()):
        y_pred = step.called(model, batch, training=False)
    return y_pred, list(penalties.reported)


def _waits_for_states(layer: Any) -> bool:
    return bool(getattr(layer, "stateful", False) and hasattr(layer, "states") and not layer.states)


def _usual_losses(model: Any) -> bool:
    names = ("compute_loss", "train_step", "test_step")
    return all(getattr(type(model), name).__module__.startswith("gatewise.") for name in names)


def _build_optimizer(optimizer: Any, variables: list[Any]) -> None:
    if not optimizer.built:
        optimizer.build(variables)
        return
    known = {id(variable) for variable in optimizer._trainable_variables}
    fresh = [variable for variable in variables if id(variable) not in known]
    if fresh:
        optimizer.rebuild([*optimizer._trainable_variables, *fresh])


def _say_unused_state(optimizer: Any) -> None:
    if optimizer.unused_state is not None:
        warnings.warn(optimizer.unused_state, stacklevel=5)
        optimizer.unused_state = None


def can_fill_up(model: Any) -> bool:
    """Whether rows may be added to a batch, masked and with weight 0, without changing what comes out.

    Layers that look across the batch or carry states, losses and metrics that are not ours, and TensorFlow 1's means,
    which divide by the number of all rows, may not be given such rows.
    """
    compiled: Compiled = model._compiled
    if release.current() == "tf1" or not _usual_losses(model) or step.measures_itself(model):
        return False
    ours = all(type(layer).__module__.startswith("gatewise.") for layer in model._walk())
    apart = not any(
        getattr(layer, "stateful", False)
        or layer.activity_regularizer is not None
        or layer.looks_across_batch
        or getattr(layer, "_drawn_losses", None) is not None
        for layer in model._walk()
    )
    return (
        ours
        and apart
        and not compiled.reported
        and all(_is_ours(each.loss) and not structure.is_nested(each.places) for each in compiled.losses)
        and all(_is_ours(each.metric) for each in compiled.watched)
        and not model._own_metrics()
    )


def _is_ours(thing: Any) -> bool:
    """Whether a loss or a metric is one of this package's, by class and by function."""
    if not type(thing).__module__.startswith("gatewise."):
        return False
    function = getattr(thing, "fn", None)
    if function is None or isinstance(function, losses.Loss):
        return function is None or _is_ours(function)
    ours = str(getattr(function, "__module__", "")).startswith("gatewise.")
    return kind_of(function) not in ("embedded",) and ours if isinstance(thing, (losses.Loss, metrics.Metric)) else ours
