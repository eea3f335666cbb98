"""`keras.ops`: see `gatewise.ops`."""

from __future__ import annotations

from typing import Any

from gatewise.base.absent import absent
from gatewise.ops import FUNCTIONS

__all__ = [*FUNCTIONS]  # noqa: PLE0604

globals().update(FUNCTIONS)
_absent = absent(__name__, "keras.ops")


def __getattr__(name: str) -> Any:  # To type checkers the functions are here by this alone.
    return _absent(name)


def __dir__() -> list[str]:
    return __all__
