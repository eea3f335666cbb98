"""What this process holds in memory, as Linux counts it."""

from __future__ import annotations

import ctypes
import gc
import re
from pathlib import Path


def _status(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def after_tidying() -> int:
    """The resident bytes, with what is free given back to the system."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # Glibc's.
    if trim is not None:
        trim(0)
    return _status("VmRSS")


def forget_peak() -> None:
    """Let the peak begin anew from what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """The most resident bytes since `forget_peak`."""
    return _status("VmHWM")
