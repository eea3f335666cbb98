"""The parsers of arguments: each takes what a caller gave and returns what is kept, or says what was expected."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from gatewise.base.words import nearest


def integer(value: Any) -> int:
    """An integer, also NumPy's, and a float without a fraction (old JSON configs hold such)."""
    if not isinstance(value, (bool, np.bool_)):
        try:
            return operator.index(value)
        except TypeError:
            if isinstance(value, (float, np.floating)) and float(value).is_integer():
                return int(value)
    raise TypeError(f"expected an integer, got {value!r}.")


def positive(value: Any) -> int:
    """An integer of at least 1."""
    try:
        number = integer(value)
    except TypeError:
        raise TypeError(f"expected a positive integer, got {value!r}.") from None
    if number < 1:
        raise ValueError(f"expected a positive integer, got {value!r}.")
    return number


def boolean(value: Any) -> bool:
    """True or False; 0 and 1 count (old configs hold them)."""
    if isinstance(value, (bool, np.bool_, int, np.integer)) and value in (0, 1):
        return bool(value)
    raise TypeError(f"expected True or False, got {value!r}.")


def truth(value: Any) -> bool:
    """True or False, and no number."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise TypeError(f"expected True or False, got {value!r}.")


def fraction(value: Any) -> float:
    """A fraction in [0, 1]: a dropout rate. None means 0, as old files have it."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"expected a number between 0 and 1, got {value!r}.")
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"expected a number between 0 and 1, got {value!r}.")
    return float(value)


def number(value: Any) -> float:
    """A real number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"expected a number, got {value!r}.")
    return float(value)


def optional(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The parser `parse`, with None let through."""
    return lambda value: None if value is None else parse(value)


def one_of(*choices: Any) -> Callable[[Any], Any]:
    """One of the given values."""

    def parse(value: Any) -> Any:
        for choice in choices:
            if value == choice and isinstance(value, bool) == isinstance(choice, bool):
                return choice
        hint = nearest(value, [c for c in choices if isinstance(c, str)]) if isinstance(value, str) else ""
        raise ValueError(f"expected one of {', '.join(map(repr, choices))}, got {value!r}.{hint}")

    return parse


def text(value: Any) -> str:
    """A string."""
    if isinstance(value, bytes):
        value = value.decode()
    if not isinstance(value, str):
        raise TypeError(f"expected a string, got {value!r}.")
    return value


def shape(value: Any) -> tuple[int | None, ...]:
    """A shape: positive integers or None, from a sequence or one integer."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        value = (value,)
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise TypeError(f"expected a shape such as (5, 3), got {value!r}.")
    return tuple(_dimension(size, value) for size in value)


def _dimension(size: Any, whole: Any) -> int | None:
    if size is None:
        return None
    try:
        return positive(size)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"expected each dimension to be a positive integer or None, got {size!r} in {tuple(whole)!r}."
        ) from None
