"""One step of training, and one of evaluation, as pure functions of all values.

    step(state, batch, key) -> state        state = (trainable, non-trainable, optimizer's, metrics') values

The layers, losses, metrics and the optimizer read and write their variables as always; a `Scope` stands between, and so
what they do is a function of the state, which JAX differentiates and compiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from gatewise.base import structure
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.base.variable import Scope, Variable, next_key, reading
from gatewise.layer.penalties import collecting
from gatewise.training.compiled import Compiled, detached, masked_rows, real_rows
from gatewise.training.data import Batch


class State(NamedTuple):
    """Values of all that a step may change, or the variables that hold them."""

    trainable: list[Any]
    non_trainable: list[Any]
    optimizer: list[Any]
    metrics: list[Any]


def variables_of(model: Any) -> State:
    """The variables of a compiled model and of its optimizer and metrics."""
    compiled: Compiled = model._compiled
    optimizer = compiled.optimizer
    return State(
        model.trainable_variables,
        model.non_trainable_variables,
        [] if optimizer is None else optimizer.variables,
        [variable for metric in metrics_of(model) for variable in metric.variables],
    )


def metrics_of(model: Any) -> list[Any]:
    """The metrics that training moves on: `model.metrics`, and such of `compile` as a subclass leaves out there."""
    named = model.metrics
    return [*named, *(m for m in model._compiled.named().values() if not any(m is other for other in named))]


def forward(model: Any, batch: Batch, training: bool) -> tuple[Any, Any, dict[str, Any]]:
    """The loss, the predictions and `measured`; metrics move on. Variables are read through whatever scope there is.

    This is the same for NumPy's arrays and for JAX's.
    """
    compiled: Compiled = model._compiled
    with collecting() as penalties:
        y_pred = called(model, batch, training)
        y_pred = structure.map_structure(masked_rows, y_pred)
        loss = model.compute_loss(
            x=batch.x, y=batch.y, y_pred=y_pred, sample_weight=batch.sample_weight, training=training
        )
    loss = 0.0 if loss is None else loss
    outputs = [detached(leaf) for leaf in structure.flatten(y_pred)]
    compiled.loss_mean.update_state(detached(loss), sample_weight=real_rows(outputs[0]))
    for name, value in penalties.reported.items():
        compiled.reported[name].update_state(detached(value))
    return loss, y_pred, measured(model, batch, structure.rebuild(y_pred, iter(outputs)))


def measures_itself(model: Any) -> bool:
    """Whether a subclass defines `compute_metrics`."""
    return not type(model).compute_metrics.__module__.startswith("gatewise.")


def measured(model: Any, batch: Batch, y_pred: Any) -> dict[str, Any]:
    """Move the metrics on; what the logs are where a subclass's `compute_metrics` says so, else {}.

    As in Keras 3, logs with the very names of the metrics are what the metrics have gathered.
    """
    if not measures_itself(model):
        watched(model, batch, y_pred)
        return {}
    logs = model.compute_metrics(batch.x, batch.y, y_pred, batch.sample_weight)
    if not isinstance(logs, dict) or set(logs) == set(model.get_metrics_result()):
        return {}
    return {name: detached(namespace(value).asarray(value)) for name, value in logs.items()}


def watched(model: Any, batch: Batch, y_pred: Any) -> None:
    """Move the metrics that `compile` was given on by a batch."""
    targets, weights = model._compiled.for_outputs(batch)
    model._compiled.watch(targets, structure.flatten(y_pred), weights)


def called(model: Any, batch: Batch, training: bool) -> Any:
    """The model's outputs for a batch."""
    options: dict[str, Any] = {} if batch.mask is None else {"mask": batch.mask}
    return model(batch.x, training=training, **options)


def total_loss(model: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
    """What `Model.compute_loss` gives: the losses of all outputs, and what layers and regularizers add."""
    compiled: Compiled = model._compiled
    targets, weights = compiled.for_outputs(Batch(None, y, sample_weight))
    total = compiled.loss(targets, structure.flatten(y_pred), weights)
    for each in model.losses:
        penalty = each if getattr(each, "ndim", 0) == 0 else each.mean()
        total = penalty if total is None else total + penalty
    return total


def loss_and_updates(
    model: Any, variables: State, state: State, batch: Batch, training: bool, key: Any, trainable: Sequence[Array]
) -> tuple[Any, tuple[Any, Any, list[Array], list[Array], dict[str, Any], list[Array]]]:
    """`forward` as a pure function: (scaled loss, (loss, outputs, non-trainable values, metrics' values, logs, and the
    trainable values, which a layer may have set)).
    """
    pairs = [
        *zip(variables.trainable, trainable, strict=True),
        *zip(variables.non_trainable, state.non_trainable, strict=True),
        *zip(variables.optimizer, state.optimizer, strict=True),
        *zip(variables.metrics, state.metrics, strict=True),
    ]
    with reading(Scope(pairs, key, pure=True)) as scope:
        loss, y_pred, logs = forward(model, batch, training)
        optimizer = model._compiled.optimizer
        scaled = optimizer.scale_loss(loss) if training and optimizer is not None else loss
        return scaled, (
            loss,
            y_pred,
            [scope.read(v) for v in variables.non_trainable],
            [scope.read(v) for v in variables.metrics],
            logs,
            [scope.read(v) for v in variables.trainable],
        )


def trained(model: Any, variables: State, state: State, batch: Batch, key: Any) -> tuple[State, dict[str, Any]]:
    """The state after one step of training, and `measured`."""
    import jax
    import jax.numpy as jnp

    def loss_of(trainable: list[Array]) -> Any:
        loss, (_, _, *after) = loss_and_updates(model, variables, state, batch, True, key, trainable)
        return jnp.asarray(loss).sum(), after

    (_, (others, gathered, logs, begun)), gradients = jax.value_and_grad(loss_of, has_aux=True)(state.trainable)
    state = State(begun, others, state.optimizer, gathered)
    trainable, optimizer = applied(model._compiled.optimizer, variables, state, gradients)
    return State(trainable, others, optimizer, gathered), logs


def applied(optimizer: Any, variables: State, state: State, gradients: list[Array]) -> tuple[list[Array], list[Array]]:
    """The weights and the optimizer's values after its step.

    The weights may be fewer than those that the optimizer was built for: some layers are frozen now.
    """
    if not variables.trainable:
        return state.trainable, state.optimizer
    pairs: list[tuple[Variable, Array]] = [
        *zip(variables.trainable, state.trainable, strict=True),
        *zip(variables.optimizer, state.optimizer, strict=True),
    ]
    with reading(Scope(pairs, pure=True)) as scope:
        optimizer.apply(gradients, variables.trainable)
        return [scope.read(v) for v in variables.trainable], [scope.read(v) for v in variables.optimizer]


def tested(model: Any, variables: State, state: State, batch: Batch, key: Any) -> tuple[State, dict[str, Any]]:
    """The state after one batch of evaluation, and `measured`."""
    _, (_, _, others, gathered, logs, _) = loss_and_updates(model, variables, state, batch, False, key, state.trainable)
    return State(state.trainable, others, state.optimizer, gathered), logs


def results(model: Any) -> dict[str, Any]:
    """The logs: what the metrics have gathered, read through whatever scope there is."""
    logs: dict[str, Any] = {}
    for name, metric in {**model._compiled.named(), **{m.name: m for m in model._own_metrics()}}.items():
        value = metric.result()
        logs.update(value if isinstance(value, dict) else {name: value})
    return logs


def results_of(model: Any, state: State) -> dict[str, Any]:
    """`results` for these values of the metrics' variables."""
    with reading(Scope(zip(variables_of(model).metrics, state.metrics, strict=True), pure=True)):
        logs: dict[str, Any] = model.get_metrics_result()
        return logs


def key_now() -> Any:
    """A JAX key from the step that is going on, or None."""
    return next_key()
