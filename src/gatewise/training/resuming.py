"""All that the steps to come of a training depend on, as arrays by name; and going on from such a state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from gatewise import random
from gatewise.random import SeedGenerator
from gatewise.training import step
from gatewise.training.compiled import Compiled

_running: Final[WeakKeyDictionary[Any, Any]] = WeakKeyDictionary()
"""The `fitting.Training` of each model that `fit` trains now."""


@contextmanager
def running(model: Any, training: Any) -> Iterator[None]:
    """Inside the block a state of the model is one of this training, and a state that comes back moves it."""
    outer = _running.get(model)
    _running[model] = training
    try:
        yield
    finally:
        if outer is None:
            del _running[model]
        else:
            _running[model] = outer


class Part(NamedTuple):
    """One array of a state.

    Args:
        name: by its place, as the names of layers count on within a process.
        owner: what people know it by.
        value: as it is now.
        put: takes another value.
    """

    name: str
    owner: str
    value: np.ndarray
    put: Callable[[np.ndarray], Any]


def training_state(model: Any) -> dict[str, np.ndarray]:
    """See `Trainable.training_state`."""
    return {part.name: part.value for part in _parts(model)}


def restore_training_state(model: Any, state: Mapping[str, Any], epoch: int, batch: int) -> None:
    """See `Trainable.restore_training_state`."""
    training = _running.get(model)
    if training is None:
        raise RuntimeError(
            f"{model.label}: restore_training_state says where fit goes on: call it in a callback's on_train_begin."
        )
    parts = list(_parts(model))
    values = {name: np.asarray(value) for name, value in state.items()}
    _check(model, parts, values)
    for part in parts:
        part.put(values[part.name])
    training.go_on_at(epoch, batch)


def _parts(model: Any) -> Iterator[Part]:
    training = _running.get(model)
    if training is not None:
        training.give_back()
    compiled: Compiled = model._compiled
    for kind, variables in zip(step.State._fields, step.variables_of(model), strict=True):
        for place, variable in enumerate(variables):
            yield Part(f"{kind}/{place}", variable.path, np.asarray(variable.value), variable.assign)
    yield Part("steps", "the steps so far", _steps_of(compiled), partial(_set_steps, compiled))
    yield Part("random", "random.stream_state()", random.stream_state(), random.set_stream_state)
    for place, (owner, seeds) in enumerate(_seed_generators(model)):
        yield Part(f"random/{place}", owner, seeds.state(), seeds.set_state)
    if training is not None and training.order is not None:
        yield Part("order", "the order of samples, shuffle=...", training.order, training.set_order)


def _steps_of(compiled: Compiled) -> np.ndarray:
    """How many steps there were, and the seed of their random numbers, which the first one draws."""
    seeds = [0, 0] if compiled.seed is None else [1, compiled.seed]
    return np.array([compiled.steps, *seeds], "int64")


def _set_steps(compiled: Compiled, value: np.ndarray) -> None:
    steps, has_seed, seed = map(int, value)
    compiled.steps, compiled.seed = steps, seed if has_seed else None


def _seed_generators(model: Any) -> Iterator[tuple[str, SeedGenerator]]:
    for layer in model._walk():
        for name, value in vars(layer).items():
            if isinstance(value, SeedGenerator):
                yield f"{layer.name}.{name}", value


def _check(model: Any, parts: list[Part], state: Mapping[str, np.ndarray]) -> None:
    """Refuse a state that is not one of this model."""
    start = f"{model.label}: this is a state of another training: "
    for part in parts:
        if part.name not in state:
            raise ValueError(f"{start}it has no {part.name!r} ({part.owner}).")
        found, wanted = state[part.name], part.value
        if found.shape != wanted.shape or found.dtype != wanted.dtype:
            raise ValueError(
                f"{start}its {part.name!r} is {found.dtype} {found.shape}, but {part.owner} is {wanted.dtype} "
                f"{wanted.shape}."
            )
    unknown = sorted(set(state) - {part.name for part in parts})
    if unknown:
        raise ValueError(f"{start}it has {unknown[0]!r}, and this one has not.")
