"""Numbers by name that are fetched when first read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


class LazyLogs(dict[str, Any]):
    """A dict of logs. Arrays of one number become Python floats when a value is first read.

    An accelerator computes ahead of the program; fetching a number waits for it. So batches whose numbers nobody reads
    cost no wait.

    >>> logs = LazyLogs({"loss": np.float32(0.5)})
    >>> "loss" in logs, logs["loss"], dict(logs)
    (True, 0.5, {'loss': 0.5})
    """

    __slots__ = ("_pending",)

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(values or {})
        self._pending = True

    def _settle(self) -> None:
        if self._pending:
            self._pending = False
            super().update({name: as_number(value) for name, value in super().items()})

    def __getitem__(self, name: str) -> Any:
        self._settle()
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        # Without a method of its own here, `dict(logs)` and `f(**logs)` would read past the methods above.
        return super().__iter__()

    def __repr__(self) -> str:
        self._settle()
        return super().__repr__()

    def __eq__(self, other: object) -> bool:
        self._settle()
        return super().__eq__(other)

    __hash__ = None

    def get(self, name: str, default: Any = None) -> Any:
        self._settle()
        return super().get(name, default)

    def items(self) -> Any:
        self._settle()
        return super().items()

    def values(self) -> Any:
        self._settle()
        return super().values()

    def pop(self, *args: Any) -> Any:
        self._settle()
        return super().pop(*args)

    def popitem(self) -> tuple[str, Any]:
        self._settle()
        return super().popitem()

    def setdefault(self, name: str, default: Any = None) -> Any:
        self._settle()
        return super().setdefault(name, default)

    def copy(self) -> dict[str, Any]:
        self._settle()
        return dict(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self.copy(),)


def as_number(value: Any) -> Any:
    """A Python number for an array of one number without axes; other values as they are.

    >>> as_number(np.float32(0.25)), as_number(np.arange(2)), as_number("x")
    (0.25, array([0, 1]), 'x')
    """
    if type(value) in (float, int, bool, str) or value is None:
        return value
    if getattr(value, "shape", None) == () and hasattr(value, "dtype"):
        return np.asarray(value).item()
    return value
