"""Windows that slide over an axis: the arithmetic that convolution and pooling share.

A window has `size` places, `dilation` apart, and moves by `stride`. Its span is (size - 1) dilation + 1.
"""

from __future__ import annotations


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
