"""The names of metrics: a class's own, that in lower case as Keras 3 has it, and Keras's short ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from gatewise.base.names import snake_case
from gatewise.base.registry import ObjectRegistry

registry: ObjectRegistry[Callable[..., Any]] = ObjectRegistry(
    "metric", "keras.metrics", factories=False, loose=False, bare_names=False
)

Class = TypeVar("Class", bound=type)


def registered(*aliases: str) -> Callable[[Class], Class]:
    """A decorator: file a metric's class."""

    def file(cls: Class) -> Class:
        return registry.register(cls.__name__, snake_case(cls.__name__), *aliases)(cls)

    return file
