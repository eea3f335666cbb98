"""The plain arguments of `fit` and `evaluate`, checked before any work."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np


def whole(what: str, value: Any, least: int = 1) -> None:
    """Refuse what is no whole number from `least` on; None says nothing and is let be.

    >>> whole("fit: epochs", 2.5)
    Traceback (most recent call last):
        ...
    ValueError: fit: epochs must be a whole number, 1 or more, got 2.5.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{what} must be a whole number, {least} or more, got {value!r}.")


def frequency(what: str, value: Any) -> None:
    """Refuse what does not say after which epochs: a whole number, or some of them."""
    if isinstance(value, Collection) and not isinstance(value, (str, bytes)):
        for each in value:
            whole(f"{what}, each of its epochs,", each)
    elif value is None:
        raise ValueError(f"{what} must be a whole number or a list of epochs, got None.")
    else:
        whole(what, value)


def one_of(what: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Refuse what is none of the choices."""
    if not any(value is choice or (type(value) is type(choice) and value == choice) for choice in choices):
        raise ValueError(f"{what} must be one of {', '.join(map(repr, choices))}, got {value!r}.")


def share(what: str, value: Any) -> None:
    """Refuse what is no share between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value < 1:
        raise ValueError(f"{what} must be between 0 and 1, got {value!r}.")
