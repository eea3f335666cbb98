"""The call that is going on: whether a layer is being called on arrays now, and whether for training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# The training flag of the outermost call, which the layers inside it inherit; None outside any call.
_training: ContextVar[bool | None] = ContextVar("gatewise_training", default=None)


def training_now() -> bool | None:
    """The flag that layers inherit in this thread or task; None outside any call."""
    return _training.get()


def inside_a_call() -> bool:
    """Whether a layer is being called on arrays now, in this thread or task."""
    return _training.get() is not None


_building: ContextVar[bool] = ContextVar("gatewise_building", default=False)


def building_now() -> bool:
    """Whether a layer is making its weights, in this thread or task."""
    return _building.get()


@contextmanager
def making_weights() -> Iterator[None]:
    """Inside the block a layer makes its weights."""
    token = _building.set(True)
    try:
        yield
    finally:
        _building.reset(token)


@contextmanager
def calling(training: bool) -> Iterator[None]:
    """Inside the block a call goes on, with that flag."""
    token = _training.set(training)
    try:
        yield
    finally:
        _training.reset(token)
