"""`keras.ops`: see `gatewise.ops`."""

from __future__ import annotations

from typing import Any

from gatewise import ops
from gatewise.base.absent import absent
from gatewise.ops.declared import FUNCTIONS

__all__ = [*FUNCTIONS]  # noqa: PLE0604

_absent = absent(__name__, "keras.ops")


def __getattr__(name: str) -> Any:
    return getattr(ops, name) if name in FUNCTIONS else _absent(name)


def __dir__() -> list[str]:
    return __all__
