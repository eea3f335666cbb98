"""Windows that slide over the time axis: the arithmetic that convolution and pooling share.

A window has `size` steps, `dilation` apart, and moves by `stride`. Its span is (size - 1) dilation + 1.
"""

from __future__ import annotations

from typing import Any

from gatewise.base.typing import Array
from gatewise.base.windows import ends, places, span

__all__ = ["ends", "padded", "places", "span", "steps_of"]


def padded(xp: Any, x: Array, front: int, behind: int, value: float = 0.0) -> Array:
    """Add steps of `value` in front of x (B, T, I) and behind it."""
    if front == behind == 0:
        return x
    batch, _, features = x.shape
    parts = [xp.full((batch, n, features), value, dtype=x.dtype) for n in (front, behind)]
    return xp.concat([parts[0], x, parts[1]], axis=1)


def steps_of(x: Array, size: int, stride: int, windows: int, dilation: int = 1) -> list[Array]:
    """For each place in a window, that step of all windows: `size` views (B, windows, I) of x (B, T, I)."""
    last = max((windows - 1) * stride + 1, 0)
    return [x[:, k * dilation : k * dilation + last : stride] for k in range(size)]
