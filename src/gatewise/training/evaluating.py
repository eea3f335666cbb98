"""`evaluate`: losses and metrics on data, by NumPy and the native engine, or by JAX where that is set."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from gatewise.callbacks import CallbackList
from gatewise.config import config as settings
from gatewise.training import by_hand, step
from gatewise.training.data import Batch, Source
from gatewise.training.preparing import can_fill_up
from gatewise.training.program import Held, is_uneven, jax_or_say_what_to_install, own_step, placed, program


def evaluated(
    model: Any, source: Source, steps: int | None = None, callbacks: CallbackList | None = None
) -> dict[str, Any]:
    """The logs of all batches; metrics start anew.

    Raises:
        ValueError: where the data ends before `steps` batches, or has none.
    """
    model.reset_metrics()
    if callbacks is not None:
        callbacks.on_test_begin()
    logs: dict[str, Any] = {}
    done = 0
    batches = source.epoch() if steps is None else islice(source.epoch(), steps)
    for batch in batches:
        if callbacks is not None:
            callbacks.on_test_batch_begin(done)
        logs = evaluated_on(model, batch)
        if callbacks is not None:
            callbacks.on_test_batch_end(done, logs)
        done += 1
    if done < (steps or 1):
        raise ValueError(f"{model.label}: the data ended after {done} batches, but {steps or 1} were wanted.")
    if callbacks is not None:
        callbacks.on_test_end(logs)
    return logs


def evaluated_on(model: Any, batch: Batch) -> dict[str, Any]:
    """Move the metrics on by a batch; the logs so far."""
    if (own := by_hand.own_step(model, training=False)) is not None:
        return plain_logs(model, by_hand.run(own, batch))
    if own_step(model, training=False) is not None or settings.uses_jax():
        return _on_jax(model, batch)
    with np.errstate(all="ignore"):
        _, _, logs = step.forward(model, batch, training=False)
        return plain_logs(model, logs or model.get_metrics_result())


def _on_jax(model: Any, batch: Batch) -> dict[str, Any]:
    jax = jax_or_say_what_to_install(f"{model.label}: evaluate")
    fills_up = is_uneven(batch.size) and can_fill_up(model)
    run = program(model, training=False, fills_up=fills_up).run
    held = Held(model)
    data = jax.tree.map(lambda leaf: leaf[None], batch)
    with held.wide_enough():
        data, real = placed(data, np.array([batch.size], "int32"), fills_up)
        state, logs = run(held.taken(), data, real, 0, 1, np.uint32(0), 0)
    held.keep(state)
    held.given_back()
    return plain_logs(model, logs)


def plain_logs(model: Any, logs: dict[str, Any]) -> dict[str, Any]:
    """Numbers of Python's, and arrays of NumPy's where a metric has several; the loss first, then as in the model.

    JAX gives dicts back in the order of their keys.
    """
    order = [name for name in model.metrics_names if name in logs]
    return {name: _number(logs[name]) for name in (*order, *(name for name in logs if name not in order))}


def _number(value: Any) -> Any:
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array
