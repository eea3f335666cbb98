"""Errors that say in words what is wrong, and those that Python raised because nobody had looked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from opcode import opmap
from typing import Any


def raised_in_words(error: BaseException) -> bool:
    """Whether an error was raised by a statement of Gatewise, whose text then says what is wrong."""
    at = error.__traceback__
    if at is None or isinstance(error, AssertionError):
        return False
    while at.tb_next is not None:
        at = at.tb_next
    ours = str(at.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == "gatewise"
    return ours and at.tb_frame.f_code.co_code[at.tb_lasti] == opmap["RAISE_VARARGS"]


@contextmanager
def said(words: Callable[[], str]) -> Iterator[None]:
    """Turn what Python raises inside, over values that are not what was expected, into ValueError(words())."""
    try:
        yield
    except (MemoryError, ImportError):
        raise
    except Exception as error:
        if raised_in_words(error):
            raise
        raise ValueError(words()) from error


def shown(value: Any) -> str:
    """A value of a file, short enough for a message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
