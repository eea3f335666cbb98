"""Windows that slide over the time axis: the arithmetic that convolution and pooling share.

A window has `size` steps, `dilation` apart, and moves by `stride`. Its span is (size - 1) dilation + 1.
"""

from __future__ import annotations

from typing import Any

from gatewise.base.typing import Array


def span(size: int, dilation: int = 1) -> int:
    """How many steps a window covers, from its first to its last."""
    return (size - 1) * dilation + 1


def places(label: str, steps: int | None, *, size: int, stride: int, padding: str, dilation: int = 1) -> int | None:
    """How many windows there are over `steps` steps; None where `steps` is.

    Raises:
        ValueError: fewer steps than a window needs, but not none: an empty sequence gives an empty result.
    """
    if steps is None:
        return None
    if padding in ("same", "causal"):
        return -(-steps // stride)
    needed = span(size, dilation)
    if steps and steps < needed:
        raise ValueError(
            f"{label}: a window over {needed} steps does not fit an input of {steps}. "
            f"Pass at least {needed} steps, or use padding='same'."
        )
    return (steps - needed) // stride + 1 if steps else 0


def ends(steps: int, *, size: int, stride: int, padding: str, dilation: int = 1) -> tuple[int, int]:
    """How many steps to add in front and behind.

    "same" splits what is missing evenly, the odd one behind; "causal" adds all in front, so that no window sees ahead.
    """
    reach = span(size, dilation) - 1
    if padding == "causal":
        return reach, 0
    if padding == "valid" or steps == 0:
        return 0, 0
    missing = max((-(-steps // stride) - 1) * stride + reach + 1 - steps, 0)
    return missing // 2, missing - missing // 2


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
