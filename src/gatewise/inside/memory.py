"""How many steps a unit remembers."""

from __future__ import annotations

import numpy as np


def memory_of(carry: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """The characteristic time of each unit, from the gate that carries its state on.

    A gate of f keeps the share f of the old state and loses 1 - f. With f always the same, a state fades as f^t, whose
    time is 1 / (1 - f) steps: so Tallec and Ollivier, Can recurrent neural networks warp time? (2018), section 2. Here
    f is the mean over samples and steps, so that the number is that of the steps over the losses in them: a unit that
    holds on, and drops everything at every tenth step, remembers 10 steps.

    Args:
        carry: the gate, (B, T, H).
        mask: (B, T), True where a step counts.

    Returns:
        (H,) in steps, from 1 on for gates in 0..1; infinite where nothing is lost, NaN where no step counts.

    >>> memory_of(np.array([[[0.0, 0.9, 1.0], [1.0, 0.9, 1.0]]])).round(6).tolist()
    [2.0, 10.0, inf]
    """
    lost = 1 - carry.astype("float64")
    counted = np.ones(carry.shape[:2], bool) if mask is None else mask
    if not counted.any():
        return np.full(carry.shape[-1], np.nan)
    with np.errstate(divide="ignore"):
        return np.asarray(1 / np.maximum(lost[counted].mean(axis=0), 0))


def steps_in_words(steps: float) -> str:
    """A number of steps with two significant digits, or all of them before the point.

    >>> steps_in_words(1.04), steps_in_words(29.96), steps_in_words(1234.5), steps_in_words(float("inf"))
    ('1.0', '30', '1234', 'ever')
    """
    return "ever" if np.isinf(steps) else f"{steps:.1f}" if steps < 9.95 else f"{steps:.0f}"


def memory_in_words(memory: np.ndarray | None) -> str:
    """The range over the units, and the median.

    >>> memory_in_words(np.array([2.0, 10.0, 3.0])), memory_in_words(np.array([4.0])), memory_in_words(None)
    ('2.0 to 10, median 3.0', '4.0', '-')
    """
    if memory is None or not len(memory):
        return "-"
    low, middle, high = (steps_in_words(each) for each in np.quantile(memory, [0, 0.5, 1], method="nearest"))
    return low if low == high else f"{low} to {high}, median {middle}"
