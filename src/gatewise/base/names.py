"""The automatic names of layers and models: "lstm", then "lstm_1"."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_lock = threading.Lock()
_counts: dict[str, int] = {}


def unique_name(class_name: str) -> str:
    """The next free automatic name of a class: "lstm", then "lstm_1".

    Args:
        class_name: in camel case: "SimpleRNN" gives "simple_rnn", "Conv1D" gives "conv1d".
    """
    stem = snake_case(class_name)
    with _lock:
        count = _counts.get(stem, 0)
        _counts[stem] = count + 1
    return f"{stem}_{count}" if count else stem


def snake_case(class_name: str) -> str:
    """A class's name in lower case, as Keras writes it.

    >>> [snake_case(name) for name in ("SimpleRNN", "Conv1D", "MeanIoU")]
    ['simple_rnn', 'conv1d', 'mean_io_u']
    """
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", class_name)).lower()


def clear_names() -> None:
    """Start automatic names anew (`keras.backend.clear_session`)."""
    with _lock:
        _counts.clear()


_scopes: ContextVar[tuple[str, ...]] = ContextVar("gatewise_name_scopes", default=())


@contextmanager
def name_scope(name: str) -> Iterator[None]:
    """Inside the block, variables that a program makes have `name` in front of their paths.

    >>> from gatewise.base.variable import Variable
    >>> with name_scope("encoder"):
    ...     Variable([1.0], name="kernel").path
    'encoder/kernel'
    """
    token = _scopes.set((*_scopes.get(), name))
    try:
        yield
    finally:
        _scopes.reset(token)


def path_of(name: str) -> str:
    """A name with those of the blocks around it."""
    return "/".join((*_scopes.get(), name))
