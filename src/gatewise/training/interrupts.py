"""Ctrl-C while values change hands waits until they have."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def held_back() -> Iterator[None]:
    """Inside the block an interrupt waits; it comes at the block's end."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Interrupts come to the main thread only.
        return
    came: list[Any] = []
    before = signal.signal(signal.SIGINT, lambda *how: came.append(how))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came and callable(before):
        before(*came[0])
